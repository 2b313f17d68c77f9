"""A PostgreSQL cluster in a temporary folder, with the settings of the distribution."""

import glob
import os
import shutil
import socket
import subprocess
import tempfile

from harness.process import CannotRun, cpu_seconds


class Postgres:
    def __init__(self):
        candidates = [shutil.which("initdb") or ""] + sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), reverse=True)
        programs = next((os.path.dirname(os.path.realpath(path)) for path in candidates if os.path.exists(path)), None)
        if programs is None:
            raise CannotRun("the programs of PostgreSQL are missing (Debian: apt-get install postgresql)")
        self.folder = tempfile.mkdtemp(prefix="docent-peers-postgres-")
        # PostgreSQL refuses to run as root; Debian's package brings a user for it.
        self.user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self.user:
            shutil.chown(self.folder, "postgres")
        self.data, self.control = os.path.join(self.folder, "data"), os.path.join(programs, "pg_ctl")
        port = free_port()
        self._run(os.path.join(programs, "initdb"), "-D", self.data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=200 -c max_locks_per_transaction=256"
        self._run(self.control, "-D", self.data, "-l", os.path.join(self.folder, "log"), "-w", "-o", options, "start")
        self.url = f"postgres://postgres@127.0.0.1:{port}/postgres"

    def _run(self, *command):
        subprocess.run([*self.user, *command], check=True, cwd="/", stdout=subprocess.DEVNULL)

    def execute(self, *statements):
        commands = [word for statement in statements for word in ("-c", statement)]
        subprocess.run(["psql", "-q", self.url, *commands], check=True, stdout=subprocess.DEVNULL)

    def cpu_seconds(self):
        with open(os.path.join(self.data, "postmaster.pid")) as file:
            return cpu_seconds(int(file.readline()))

    def stop(self):
        self._run(self.control, "-D", self.data, "-m", "fast", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
