"""Programs as children, and what they use of the machine."""

import os
import signal
import subprocess
import threading
import time

START_LIMIT = 60
STOP_LIMIT = 40
SAMPLE_PAUSE = 0.05
TICKS = os.sysconf("SC_CLK_TCK")


class CannotRun(Exception):
    """Why something has no figures."""


class Process:
    """A program as a child, in a process group and with an environment of its own. What it prints goes to a log."""

    def __init__(self, name, command, environment, folder):
        self.name = name
        self.log = os.path.join(folder, name.replace(" ", "-") + ".log")
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(
                command, env={"PATH": os.environ["PATH"], "HOME": folder, **environment}, cwd=folder,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True,
            )
        self.pid = self.child.pid

    def last_words(self):
        """The end of the log, for people."""
        with open(self.log, errors="replace") as log:
            lines = [line.strip() for line in log if line.strip()]
        return lines[-1][:300] if lines else "it printed nothing"

    def cpu_seconds(self):
        return cpu_seconds(self.pid)

    def memory(self):
        return memory(self.pid)

    def stop(self):
        if self.child.poll() is None:
            os.killpg(self.pid, signal.SIGTERM)
            try:
                self.child.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                os.killpg(self.pid, signal.SIGKILL)
                self.child.wait()
        self.child.stdin.close()


class Server(Process):
    """A program that prints where it listens."""

    def __init__(self, name, command, environment, folder):
        super().__init__(name, command, environment, folder)
        self.base = None
        heard = threading.Event()
        threading.Thread(target=self._listen, args=(heard,), daemon=True).start()
        if not heard.wait(START_LIMIT):
            self.stop()
            raise CannotRun(f"it did not start: {self.last_words()}")
        if self.base is None:
            raise CannotRun(f"it ended at once: {self.last_words()}")

    def _listen(self, heard):
        with open(self.log, "ab") as log:
            for line in self.child.stdout:
                log.write(line)
                log.flush()
                _, told, rest = line.decode(errors="replace").partition("listening on ")
                if told and self.base is None:
                    self.base = rest.split()[0].rstrip("./")
                    heard.set()
        heard.set()


class MemoryPeak:
    """The most memory that a process and its children had at one time, as sampled."""

    def __init__(self, pid):
        self.pid, self.peak, self._over = pid, 0, threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _sample(self):
        while not self._over.wait(SAMPLE_PAUSE):
            self.peak = max(self.peak, memory(self.pid))


def cpu_seconds(pid):
    """User and system time of a process and its children so far."""
    return sum(map(_ticks, tree(pid))) / TICKS


def memory(pid):
    """The resident bytes of a process and its children."""
    return sum(map(_resident, tree(pid)))


def tree(root):
    """A process and those below it."""
    children = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            children.setdefault(int(_stat(pid)[1]), []).append(int(pid))
        except OSError:
            continue
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, [])
    return found


def _stat(pid):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()


def _ticks(pid):
    try:
        fields = _stat(pid)
    except OSError:
        return 0
    # Children that ended and were waited for count too.
    return sum(map(int, fields[11:15]))


def _resident(pid):
    try:
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def wait_until(is_so, limit, what, pause=0.1):
    deadline = time.monotonic() + limit
    while not is_so():
        if time.monotonic() > deadline:
            raise CannotRun(f"{what} took over {limit} s")
        time.sleep(pause)
