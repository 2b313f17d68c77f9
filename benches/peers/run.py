#!/usr/bin/env python3
"""Measures a release build of Docent beside what people would pick instead, on this machine, in one run.

Each part sets up its peers, compares what they answer, and measures them and Docent in turns; the medians of the rounds are
printed, with ratios and processor time. A peer that can't be set up, does not run or answers otherwise has no figures; the reason is
printed instead.

The peers come from PyPI and npm, at the versions of `workers/requirements.txt` and `servers/package.json`, into a folder of their
own. The last parts have no peers: what Docent does for itself. Needed beside this: Python 3.11 with venv; for the part `graphql` node,
npm, psql and the programs of a PostgreSQL server; for the part `folders` apt-get and dpkg-deb; for the part `drills` root.
"""

import argparse
import importlib
import os
import platform
import sys
import tempfile

from harness.report import note
from harness.stage import Stage

PARTS = [
    "embedding", "ingest", "search", "graphql", "subscriptions", "collections", "listeners", "folders", "fairness", "reindex", "models",
    "drills",
]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", required=True, type=os.path.abspath, help="the release build of docent")
    parser.add_argument("--model-dir", required=True, type=os.path.abspath, help="the folder of the embedding models")
    parser.add_argument("--folder", required=True, type=os.path.abspath, help="where the peers are installed")
    parser.add_argument("--data", type=os.path.abspath, help="the folder of SciFact: corpus.jsonl.gz, queries.jsonl, qrels.tsv")
    parser.add_argument("--only", type=parts, default=PARTS, metavar="PART,…", help=f"these parts of {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="try everything at a small size, with figures that mean little")
    parser.add_argument("--rounds", type=int, help="how often each is measured; default: 3, with --quick 2")
    parser.add_argument("--json", type=os.path.abspath, help="write all tables to this file")
    found = parser.parse_args()
    found.rounds = found.rounds or (2 if found.quick else 3)
    # The model of this name; what it is compared with is made from the same file.
    found.weights = os.path.join(found.model_dir, "all-MiniLM-L6-v2")
    return found


def parts(names):
    chosen = names.split(",")
    if unknown := set(chosen) - set(PARTS):
        raise argparse.ArgumentTypeError(f"no part is called {', '.join(unknown)}")
    return [part for part in PARTS if part in chosen]


def processor():
    with open("/proc/cpuinfo") as file:
        names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    return f"{len(names)} x {names[0]}" if names else platform.machine()


def main():
    chosen = arguments()
    os.makedirs(chosen.folder, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="docent-peers-") as scratch:
        stage = Stage(chosen, scratch)
        stage.report.fact("machine", processor())
        stage.report.fact("sizes", "quick: the figures mean little" if chosen.quick else f"{chosen.rounds} rounds")
        for part in chosen.only:
            note(f"part {part}")
            with stage.measuring(f"part {part}"):
                importlib.import_module(f"parts.{part}").run(stage)
        stage.report.publish_goals()
        if chosen.json:
            stage.report.write(chosen.json)
    return 1 if any(missing["who"].startswith("part ") for missing in stage.report.missing) else 0


if __name__ == "__main__":
    sys.exit(main())
