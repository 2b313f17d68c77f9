"""The peers, at fixed versions, in a folder of their own."""

import glob
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

from harness.process import CannotRun

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
REQUIREMENTS = os.path.join(HERE, "workers", "requirements.txt")


class Peers:
    """Installs programs and packages when they are first asked for."""

    def __init__(self, folder):
        self.folder = folder

    def python(self):
        """The interpreter with the packages that the workers require."""
        folder = os.path.join(self.folder, "python")
        program = os.path.join(folder, "bin", "python")

        def install():
            run(sys.executable, "-m", "venv", "--clear", folder)
            run(program, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS)

        once(folder, [REQUIREMENTS], install)
        return program

    def node_modules(self):
        """The folder with the Node servers and their packages."""
        folder = os.path.join(self.folder, "node")
        os.makedirs(folder, exist_ok=True)
        for source in glob.glob(os.path.join(HERE, "servers", "*")):
            shutil.copy(source, folder)

        def install():
            run("npm", "install", "--no-audit", "--no-fund", "--loglevel=error", cwd=folder)

        once(folder, [os.path.join(HERE, "servers", "package.json")], install)
        return folder


def once(folder, inputs, install):
    """Runs `install`, which fills `folder`, unless it did with the same inputs."""
    digest, stamp = hashlib.sha256(), pathlib.Path(folder, ".installed")
    for path in inputs:
        digest.update(pathlib.Path(path).read_bytes())
    if not stamp.exists() or stamp.read_text() != digest.hexdigest():
        install()
        stamp.write_text(digest.hexdigest())


def run(*command, cwd=None):
    try:
        subprocess.run(command, cwd=cwd, check=True, stdout=sys.stderr)
    except (OSError, subprocess.CalledProcessError) as error:
        raise CannotRun(f"it can't be installed: {error}") from error
