"""One account's document while thousands of another's wait: how long until it is found."""

import statistics
import time

from harness.docent import create_collection, follow, ingest, register
from harness.process import CannotRun, wait_until
from harness.report import Table, figure, note
from harness.search import RANKING, question

TOTALS = "query($id: ID!) { operation(id: $id) { status } }"
LONGEST = 10


def run(stage):
    server = stage.docent.serve("fairness")
    try:
        with register(server.base, "many") as many, register(server.base, "one") as one:
            measure(stage, many, one)
    finally:
        server.stop()


def measure(stage, many, one):
    documents = stage.scifact.documents[: stage.size(5000, 100)]
    home = create_collection(one, "Letters")
    follow(one, ingest(one, home, [("first", "The first letter.")]), 60)
    waiting = ingest(many, create_collection(many, "All"), documents)
    times = []
    for number in range(stage.size(20, 3)):
        word = f"zephyrine{number:02}"
        started = time.monotonic()
        ingest(one, home, [(f"letter-{number}", f"A letter about a {word}.")])
        asked = question(word, "LEXICAL", [home])
        wait_until(lambda asked=asked: one.ask(RANKING, asked)["search"]["nodes"], 600, "a letter", pause=0.02)
        times.append(time.monotonic() - started)
        if many.ask(TOTALS, {"id": waiting[-1]})["operation"]["status"] != "PENDING":
            break
        time.sleep(1)
    if not times or (many.ask(TOTALS, {"id": waiting[-1]})["operation"]["status"] == "COMPLETED" and len(times) < 3):
        raise CannotRun("nothing waited any more")
    note(f"{len(times)} letters")
    table = Table(f"A document while {len(documents):,} of another account wait", ["documents", "median, s", "longest, s"])
    table.row(len(times), figure(statistics.median(times), 2), figure(max(times), 2))
    stage.report.publish(table)
    stage.report.goal("a document among others' thousands, s", max(times), at_most=LONGEST)
