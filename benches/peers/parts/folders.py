"""Collections that follow directories: documentation as Debian packages it, and a hundred thousand small files. Each is synced, synced
again unchanged, and synced after one file of a hundred has changed.
"""

import os
import time
from datetime import datetime

from harness.docent import register, settle
from harness.process import CannotRun, MemoryPeak
from harness.report import Table, figure, note
from harness.search import RANKING, question
from harness.sources import copied, counts, documentation, ended, follow_directory, sync

# How many small files lie in a folder.
FOLDER = 500
# The new word of a changed file.
WORD = "quagmirish"


def run(stage):
    pages = copied(stage, documentation(stage.arguments.folder), "pages")
    if stage.arguments.quick:
        thin_out(pages, 100)
    small = small_files(stage.file("small"), stage.size(100_000, 1000))
    table = Table(
        "Collections that follow directories",
        ["directory", "files", "chunks", "first sync, s", "documents/s", "chunks/s", "CPU, s", "peak MiB", "unchanged, s", "files/s",
         "changed", "until searchable, s"],
    )
    for name, folder in {"documentation": pages, "small files": small}.items():
        with stage.measuring(f"directory of {name}"):
            measure(stage, table, name, folder)
    stage.report.publish(table)


def measure(stage, table, name, folder):
    files = listed(folder)
    server = stage.docent.serve(name, SOURCES__DIRECTORIES=folder, SOURCES__CHECK_SECONDS=1)
    try:
        with register(server.base) as client, MemoryPeak(server.pid) as memory:
            note(f"{len(files):,} files: first sync")
            started, cpu = time.monotonic(), server.cpu_seconds()
            collection, source = follow_directory(client, name, folder)
            run = ended(client, source, 60 + len(files))
            first, cpu = time.monotonic() - started, server.cpu_seconds() - cpu
            check(run, found=len(files), added=len(files), failed=0)
            documents, chunks = counts(client, collection)
            settle(server)
            note("second sync")
            sync(client, source)
            run = ended(client, source, 600)
            check(run, found=len(files), unchanged=len(files), added=0, changed=0)
            unchanged = seconds(run)
            changed = files[:: stage.size(100, 10)]
            for path in changed:
                with open(path, "a", encoding="utf-8") as file:
                    file.write(f"\n<p>It is {WORD} now.</p>\n")
            note(f"{len(changed):,} files have changed")
            again = time.monotonic()
            sync(client, source)
            run = ended(client, source, 60 + len(files))
            searchable = time.monotonic() - again
            check(run, found=len(files), changed=len(changed))
            found = client.ask(RANKING, question(WORD, "LEXICAL", [collection], "DOCUMENT"))["search"]["nodes"]
            if len(found) != min(10, len(changed)):
                raise CannotRun(f"{len(found)} of {len(changed)} changed files are found")
    finally:
        server.stop()
    peak = memory.peak / 2**20
    table.row(
        name, figure(len(files)), figure(chunks), figure(first, 1), figure(documents / first, 1), figure(chunks / first, 1), figure(cpu, 1),
        figure(peak), figure(unchanged, 2), figure(len(files) / unchanged), figure(len(changed)), figure(searchable, 1),
    )
    stage.report.goal(f"{name}: peak memory, MiB", peak, at_most=700)
    stage.report.goal(f"{name}: unchanged files a second", len(files) / unchanged, at_least=20_000)


def seconds(run):
    """How long a sync took, by its own account."""
    started, ended = (datetime.fromisoformat(run[name]) for name in ("startedAt", "completedAt"))
    return max((ended - started).total_seconds(), 0.001)


def check(run, **expected):
    for name, count in expected.items():
        if run[name] != count:
            raise CannotRun(f"{run[name]:,} files are {name}, not {count:,}: {run}")


def listed(folder):
    return sorted(os.path.join(place, name) for place, _, names in os.walk(folder) for name in names)


def thin_out(folder, count):
    for path in listed(folder)[count:]:
        os.remove(path)


def small_files(folder, count):
    """Files of a sentence each, no two alike."""
    for number in range(count):
        place = os.path.join(folder, f"{number // FOLDER:03}")
        os.makedirs(place, exist_ok=True)
        with open(os.path.join(place, f"{number:06}.txt"), "w", encoding="utf-8") as file:
            file.write(f"Order {number} was packed in hall {number % 17} and left with lorry {number % 293}.\n")
    return folder
