"""The peers, at fixed versions, in a folder of their own."""

import glob
import hashlib
import os
import shutil
import subprocess
import sys

from harness.process import CannotRun

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Peers:
    """Installs what a part asks for, once."""

    def __init__(self, folder):
        self.folder = folder

    def python(self):
        """The interpreter with the packages of `workers/requirements.txt`."""
        folder = os.path.join(self.folder, "python")
        program = os.path.join(folder, "bin", "python")
        wanted = os.path.join(HERE, "workers", "requirements.txt")
        install = lambda: (
            run(sys.executable, "-m", "venv", "--clear", folder),
            run(program, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", wanted),
        )
        once(folder, [wanted], install)
        return program

    def node_modules(self):
        """The folder with the Node servers and their packages."""
        folder = os.path.join(self.folder, "node")
        os.makedirs(folder, exist_ok=True)
        sources = glob.glob(os.path.join(HERE, "servers", "*"))
        for source in sources:
            shutil.copy(source, folder)
        install = lambda: run("npm", "install", "--no-audit", "--no-fund", "--loglevel=error", cwd=folder)
        once(folder, [os.path.join(HERE, "servers", "package.json")], install)
        return folder


def once(folder, inputs, install):
    """Runs `install`, unless it did with the same inputs."""
    digest = hashlib.sha256(b"".join(open(path, "rb").read() for path in inputs)).hexdigest()
    stamp = os.path.join(folder, ".installed")
    if os.path.exists(stamp) and open(stamp).read() == digest:
        return
    install()
    with open(stamp, "w") as file:
        file.write(digest)


def run(*command, cwd=None):
    try:
        subprocess.run(command, cwd=cwd, check=True, stdout=sys.stderr)
    except (OSError, subprocess.CalledProcessError) as error:
        raise CannotRun(f"it can't be installed: {error}") from error
