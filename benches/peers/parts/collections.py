"""Search by an account that reads thousands of collections beside one that reads a single collection with the same documents, in the
same server. Both name no collection, and find the same.
"""

import statistics

from harness.client import data_of
from harness.docent import LOOK, create_collection, follow, ingest, register, settle
from harness.process import CannotRun
from harness.report import Rounds, Table, figure, note, percentile, ratio
from harness.search import MODES, RANKING, question

# The mean share of the ten best that both find. How rare a word is counts in what is searched, and that is the same.
LEAST_SHARED = 0.9


def run(stage):
    server = stage.docent.serve("collections", **LOOK)
    try:
        titles = dict.fromkeys(stage.scifact.titles)
        documents = [(f"title-{number}", title) for number, title in enumerate(titles)][: stage.size(5000, 100)]
        many, one = fill(server, documents)
        measure(stage, server, {f"{len(documents):,} collections": many, "one collection": one})
    finally:
        server.stop()


def fill(server, documents):
    """A client that reads a collection for each document, and a client that reads one with all of them."""
    many, one = register(server.base, "many"), register(server.base, "one")
    note(f"{len(documents)} collections with a document each")
    operations = ingest(one, create_collection(one, "All"), documents)
    follow(one, operations, 900)
    operations = [ingest(many, create_collection(many, f"Folder {uri}"), [(uri, text)])[0] for uri, text in documents]
    follow(many, operations, 900)
    settle(server)
    return many, one


def check(clients, queries):
    """Fails unless both find the same."""
    for mode in MODES:
        shared = [share(*(found(client, mode, text) for client in clients.values())) for text in queries]
        if statistics.mean(shared) < LEAST_SHARED:
            raise CannotRun(f"{mode}: the two share {statistics.mean(shared):.2f} of the ten best")


def measure(stage, server, clients):
    rounds, queries = Rounds(), [text for text, _ in stage.scifact.queries]
    check(clients, queries)
    for _ in stage.each_round("collections"):
        for mode in MODES:
            for who, client in clients.items():
                before, times = server.cpu_seconds(), [timed(client, mode, text) for text in queries]
                cpu = 1000 * (server.cpu_seconds() - before) / len(times)
                rounds.add(mode, who, p50=statistics.median(times), p95=percentile(times, 95), cpu=cpu)
    publish(stage, rounds, *clients)


def publish(stage, rounds, many, one):
    columns = ["search", "readable", "p50 ms", "p95 ms", "CPU s a 1,000 requests", "p50 over one collection's"]
    table = Table("Search over all readable collections, cached question", columns)
    for mode in MODES:
        over = ratio(rounds.median(mode, many, "p50"), rounds.median(mode, one, "p50"))
        stage.report.goal(f"search over {many}, {mode}, over one", over, at_most=2.0)
        for who, each in [(one, None), (many, over)]:
            p50, p95, cpu = (rounds.median(mode, who, name) for name in ("p50", "p95", "cpu"))
            table.row(mode, who, figure(p50, 2), figure(p95, 2), figure(cpu, 2), figure(each, 2))
    stage.report.publish(table)


def timed(client, mode, text):
    elapsed, response = client.timed(client.request(RANKING, question(text, mode)))
    data_of(*response)
    return elapsed


def found(client, mode, text):
    hits = client.ask(RANKING, question(text, mode))["search"]["nodes"]
    return {hit["document"]["uri"] for hit in hits}


def share(these, those):
    return len(these & those) / max(1, len(these | those)) if these or those else 1.0
