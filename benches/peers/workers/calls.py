"""Answers the calls of the benchmark: one JSON line in, one out. Whatever else is printed goes to standard error."""

import json
import os
import sys


def answer(actions):
    """Serves `actions`, functions by name, until standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        arguments = json.loads(line)
        try:
            result = {"result": actions[arguments.pop("action")](**arguments)}
        except Exception as error:  # The benchmark decides what a failure means.
            result = {"error": f"{type(error).__name__}: {error}"[:500]}
        answers.write(json.dumps(result) + "\n")
        answers.flush()
