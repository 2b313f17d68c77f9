"""A Python program of `workers/` as a child: one JSON line for each call, one for each answer."""

import json
import os

from harness.install import HERE
from harness.process import CannotRun, Process


def write_texts(file, texts):
    """A file of texts as workers and `docent model benchmark` read it."""
    with open(file, "w") as lines:
        lines.writelines(json.dumps({"text": text, "fileName": "text.txt"}) + "\n" for text in texts)


class Worker(Process):
    def __init__(self, name, python, program, folder, *arguments, threads=2):
        environment = {name: str(threads) for name in ("OMP_NUM_THREADS", "RAYON_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
        environment["TOKENIZERS_PARALLELISM"] = "true" if threads > 1 else "false"
        command = [python, os.path.join(HERE, "workers", program), *map(str, arguments)]
        super().__init__(name, command, environment, folder)

    def call(self, action, **arguments):
        self.child.stdin.write(json.dumps({"action": action, **arguments}).encode() + b"\n")
        self.child.stdin.flush()
        line = self.child.stdout.readline()
        if not line:
            raise CannotRun(self.last_words())
        answer = json.loads(line)
        if "error" in answer:
            raise CannotRun(answer["error"])
        return answer["result"]
