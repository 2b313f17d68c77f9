"""What goes wrong with directories and disks, done on purpose: files that can't be read among others that can, files that are
something else each time they are looked at, and a small file system that is full.
"""

import contextlib
import json
import os
import random
import shutil
import subprocess
import threading
import time

from harness.docent import create_collection, follow, ingest, register, settle, succeed
from harness.openings import Openings
from harness.process import CannotRun, wait_until
from harness.report import Table, figure, note, ratio
from harness.search import RANKING, question
from harness.sources import counts, ended, follow_directory, last_run, sync

REASONS = """query($id: ID!, $after: Cursor) { collection(id: $id) { documents(filter: { status: [FAILED, QUARANTINED] }, first: 100, after: $after) {
    nodes { error { code message } } pageInfo { hasNextPage endCursor } } } }"""
REINDEX = "mutation($input: CollectionReindexInput!) { collectionReindex(input: $input) { operation { id } userErrors { message } } }"
OPERATION = "query($id: ID!) { operation(id: $id) { status totals { completed failed } } }"
STATE = "query { server { ingestionState } }"
INGEST = """mutation($input: DocumentsIngestInput!) { documentsIngest(input: $input) { operation { id } userErrors { code } } }"""

# The first bytes of formats whose files are damaged here.
DAMAGED = {".pdf": b"%PDF-1.7\n", ".docx": b"PK\x03\x04", ".xlsx": b"PK\x03\x04", ".epub": b"PK\x03\x04", ".odt": b"PK\x03\x04"}
# A word of a file outside of the directory. It must never be found.
SECRET = "obsidianite"
# Of the small file system.
DISK_MIB, RESERVE_MIB = 1024, 128


def run(stage):
    for drill in [damaged_among_good, races, full_disk]:
        with stage.measuring(f"drill {drill.__name__}"):
            drill(stage)


def damaged_among_good(stage):
    count = stage.size(1000, 50)
    good, mixed = stage.file("good"), stage.file("mixed")
    os.makedirs(good)
    for uri, text in stage.scifact.documents[:count]:
        write(os.path.join(good, f"{uri}.txt"), text.encode())
    shutil.copytree(good, mixed)
    noise = random.Random(1)
    for number in range(count):
        extension, start = list(DAMAGED.items())[number % len(DAMAGED)]
        write(os.path.join(mixed, f"damaged-{number}{extension}"), start + noise.randbytes(4000))
    alone, _ = synced(stage, "good files", good, count, 0)
    together, reasons = synced(stage, "damaged among good files", mixed, count, count)
    table = Table("Damaged files among good ones", ["good", "damaged", "good alone, s", "together, s", "ratio", "reasons"])
    told = ", ".join(f"{code} {number}" for code, number in sorted(reasons.items()))
    table.row(count, count, figure(alone, 1), figure(together, 1), figure(ratio(together, alone), 2), told)
    stage.report.publish(table)
    stage.report.goal("good files among as many damaged ones, over alone", ratio(together, alone), at_most=2)


def synced(stage, name, folder, good, damaged):
    """The seconds until a directory is indexed, and how often each reason is given."""
    server = stage.docent.serve(name, SOURCES__DIRECTORIES=folder)
    try:
        with register(server.base) as client:
            started = time.monotonic()
            collection, source = follow_directory(client, name, folder)
            run = wait_for(client, source, 120 + 2 * good)
            seconds = time.monotonic() - started
            totals = run["operation"]["totals"]
            reasons = reasons_of(client, collection)
            if (totals["completed"], totals["failed"], sum(reasons.values())) != (good, damaged, damaged):
                raise CannotRun(f"{totals}, and {reasons}")
            return seconds, reasons
    finally:
        server.stop()


def wait_for(client, source, limit):
    wait_until(lambda: last_run(client, source) is not None, limit, "a sync", pause=0.05)
    return last_run(client, source)


def reasons_of(client, collection):
    found, after = {}, None
    while True:
        page = client.ask(REASONS, {"id": collection, "after": after})["collection"]["documents"]
        for document in page["nodes"]:
            if not document["error"]["message"]:
                raise CannotRun("a document has failed without a reason")
            code = document["error"]["code"]
            found[code] = found.get(code, 0) + 1
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


def races(stage):
    """Files and folders are swapped for links out of the directory, pipes and other files while syncs read them."""
    wanted = stage.size(10_000, 500)
    root, outside = stage.file("racing"), stage.file("outside")
    os.makedirs(outside)
    secret = os.path.join(outside, "secret.txt")
    write(secret, f"The {SECRET} is not for you.\n".encode())
    for number in range(20):
        os.makedirs(os.path.join(root, f"{number:02}"))
        for file in range(10):
            restore(os.path.join(root, f"{number:02}", f"{file}.txt"))
        shutil.copy(secret, os.path.join(outside, f"{number % 10}.txt"))
    server = stage.docent.serve("races", SOURCES__DIRECTORIES=root)
    swapping, swapped, syncs = threading.Event(), [0], 0
    over = threading.Event()
    swapper = threading.Thread(target=swap, args=(root, outside, swapping, over, swapped), daemon=True)
    try:
        with register(server.base) as client, Openings(outside) as openings:
            collection, source = follow_directory(client, "races", root)
            ended(client, source, 300)
            # Opened by this program, so that it is seen that openings are seen.
            open(secret).close()
            own = openings.count()
            if own == 0:
                raise CannotRun("openings are not seen here")
            swapper.start()
            while swapped[0] < wanted:
                sync(client, source)
                syncs += 1
                swapping.set()
                wait_until(lambda: last_run(client, source) is not None, 300, "a sync among races", pause=0.01)
                swapping.clear()
            over.set()
            swapping.set()
            swapper.join()
            opened = openings.count() - own
            for number in range(20):
                calm(root, number)
            sync(client, source)
            ended(client, source, 300)
            documents, _ = counts(client, collection)
            found = len(client.ask(RANKING, question(SECRET, "LEXICAL", [collection]))["search"]["nodes"])
    finally:
        over.set()
        swapping.set()
        server.stop()
    if documents != 200:
        raise CannotRun(f"{documents} documents are there after the races, not 200")
    table = Table("Files that are swapped while they are read", ["swaps", "syncs", "openings outside", "secrets found"])
    table.row(figure(swapped[0]), syncs, opened, found)
    stage.report.publish(table)
    stage.report.goal("openings and secrets outside of the directory", opened + found, at_most=0)


def swap(root, outside, swapping, over, swapped):
    """Replaces random files and folders until it is over, as long as a sync runs."""
    chance = random.Random(7)
    while not over.is_set():
        swapping.wait()
        place = os.path.join(root, f"{chance.randrange(20):02}")
        path = os.path.join(place, f"{chance.randrange(10)}.txt")
        action = chance.randrange(7)
        with contextlib.suppress(OSError):
            if action == 0:
                replace(path, lambda new: os.symlink(os.path.join(outside, "secret.txt"), new))
            elif action == 1:
                replace(path, os.mkfifo)
            elif action == 2:
                os.truncate(path, 3)
            elif action == 3:
                os.remove(path)
            elif action == 4:
                aside = hidden(place)
                os.rename(place, aside)
                os.symlink(outside, place)
                time.sleep(0.0005)
                os.remove(place)
                os.rename(aside, place)
            else:
                restore(path)
        swapped[0] += 1
        time.sleep(0.0005)


def replace(path, make):
    new = hidden(path)
    make(new)
    os.rename(new, path)


def hidden(path):
    """A name beside another that syncs leave out."""
    return os.path.join(os.path.dirname(path), f".{os.path.basename(path)}")


def restore(path):
    replace(path, lambda new: write(new, f"The letter at {path}, at {time.monotonic_ns()}.\n".encode()))


def calm(root, number):
    place = os.path.join(root, f"{number:02}")
    for name in os.listdir(place):
        os.remove(os.path.join(place, name))
    for file in range(10):
        restore(os.path.join(place, f"{file}.txt"))


def full_disk(stage):
    """The disk is full in the middle of each kind of work. Reads go on, and so does the work when there is space again."""
    count = stage.size(400, 60)
    folder, mounted = stage.file("pages"), stage.file("small-disk")
    os.makedirs(folder)
    os.makedirs(mounted)
    texts = stage.scifact.documents
    for uri, text in texts[:count]:
        write(os.path.join(folder, f"{uri}.txt"), text.encode())
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", mounted]).returncode != 0:
        raise CannotRun("only root can mount a file system")
    server = None
    try:
        server = stage.docent.serve("small-disk", SOURCES__DIRECTORIES=folder, DISK__RESERVE_MIB=RESERVE_MIB)
        with register(server.base) as client:
            table = Table("Work on a disk that fills up", ["work", "pause seen, s", "searches meanwhile", "until it goes on, s", "completed", "failed"])
            letters = create_collection(client, "Letters")
            follow(client, ingest(client, letters, texts[:count]), 120 + count)
            settle(server)
            filler = os.path.join(mounted, "ballast")
            _, source = follow_directory(client, "sync", folder)
            table.row("sync", *interrupt(client, letters, filler, lambda: state_of_sync(client, source), count))
            operations = ingest(client, create_collection(client, "More"), texts[count : 2 * count])
            table.row("ingestion", *interrupt(client, letters, filler, lambda: state_of(client, operations), count))
            asked = {"collectionId": letters, "chunking": {"maxTokens": 100, "overlapTokens": 20}}
            operation = succeed(client, REINDEX, asked)["operation"]["id"]
            table.row("reindexing", *interrupt(client, letters, filler, lambda: state_of(client, [operation]), count))
            stage.report.publish(table)
    finally:
        if server:
            server.stop()
        subprocess.run(["umount", "--lazy", mounted])


def interrupt(client, letters, filler, state, count):
    """Fills the disk while work goes on, searches, and frees it again. Returns the cells of a row."""
    wait_until(lambda: state()[1] > 0, 120, "the first document", pause=0.02)
    fill(filler)
    filled = time.monotonic()
    wait_until(lambda: client.ask(STATE)["server"]["ingestionState"] == "PAUSED_FOR_SPACE", 60, "a pause", pause=0.05)
    paused = time.monotonic() - filled
    # What was begun may end.
    time.sleep(5)
    before, searches = state()[1], 0
    for _ in range(50):
        if not client.ask(RANKING, question("a cell", "HYBRID", [letters]))["search"]["nodes"]:
            raise CannotRun("nothing is found while the disk is full")
        searches += 1
        time.sleep(0.05)
    added = {"collectionId": letters, "documents": [{"fileName": "new.txt", "content": {"text": "New."}}]}
    _, body = client.send(client.request(INGEST, {"input": added}))
    if [error["extensions"]["code"] for error in json.loads(body).get("errors", [])] != ["UNAVAILABLE"]:
        raise CannotRun(f"a document on a full disk is answered with {body[:500]}")
    if (is_over := state()[0]) or state()[1] != before or before >= count:
        raise CannotRun(f"work went on on a full disk: {before} and {state()[1]} of {count}, over: {is_over}")
    os.remove(filler)
    freed = time.monotonic()
    wait_until(lambda: state()[1] > before, 120, "going on", pause=0.05)
    resumed = time.monotonic() - freed
    wait_until(lambda: state()[0], 120 + 2 * count, "the rest", pause=0.1)
    _, completed, failed = state()
    if (completed, failed) != (count, 0):
        raise CannotRun(f"{completed} of {count} are complete, {failed} failed")
    return figure(paused, 1), searches, figure(resumed, 1), completed, failed


def state_of(client, operations):
    """Whether operations are over, and how many of their documents are complete and failed."""
    found = [client.ask(OPERATION, {"id": operation})["operation"] for operation in operations]
    is_over = all(operation["status"] not in ("PENDING", "PROCESSING") for operation in found)
    return is_over, *(sum(operation["totals"][name] for operation in found) for name in ("completed", "failed"))


def state_of_sync(client, source):
    found = client.ask("query($id: ID!) { node(id: $id) { ... on Source { runs(first: 1) { nodes { operation { id } } } } } }", {"id": source})
    runs = found["node"]["runs"]["nodes"]
    operation = runs[0]["operation"] if runs else None
    return state_of(client, [operation["id"]]) if operation else (False, 0, 0)


def fill(path):
    """Leaves less than the reserve."""
    stat = os.statvfs(os.path.dirname(path))
    size = stat.f_bavail * stat.f_frsize - (RESERVE_MIB // 2 << 20)
    with open(path, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(size, 1))


def write(path, content):
    with open(path, "wb") as file:
        file.write(content)
