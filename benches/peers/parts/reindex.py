"""Searches while a collection is indexed anew with other chunks: ten a second from start to end. Each must find something, and
only chunks of one index.
"""

import time

from harness.client import data_of
from harness.docent import create_collection, follow, ingest, register, settle, succeed
from harness.process import CannotRun
from harness.report import Table, figure, percentile, ratio
from harness.search import IDS, question

REINDEX = "mutation($input: CollectionReindexInput!) { collectionReindex(input: $input) { operation { id } userErrors { message } } }"
STATUS = "query($id: ID!) { operation(id: $id) { status } }"
CHUNKS = """query($id: ID!, $after: Cursor) { collection(id: $id) { documents(first: 50, after: $after) {
    nodes { chunks(first: 100) { nodes { id } } } pageInfo { hasNextPage endCursor } } } }"""
PAUSE = 0.1


def run(stage):
    server = stage.docent.serve("reindex", COLLECTIONS__GENERATION_GRACE_MINUTES=60)
    try:
        with register(server.base) as client:
            measure(stage, server, client)
    finally:
        server.stop()


def measure(stage, server, client):
    collection = create_collection(client, "SciFact")
    documents = stage.scifact.documents[: stage.size(1000, 60)]
    follow(client, ingest(client, collection, documents), 60 + len(documents))
    settle(server)
    queries = [text for text, _ in stage.scifact.queries]
    before = chunks(client, collection)
    idle = [search(client, collection, queries, number, {"idle": before}) for number in range(stage.size(200, 50))]
    operation = succeed(client, REINDEX, {"collectionId": collection, "chunking": {"maxTokens": 100, "overlapTokens": 20}})["operation"]["id"]
    started, busy, answers = time.monotonic(), [], []
    while client.ask(STATUS, {"id": operation})["operation"]["status"] not in ("COMPLETED", "FAILED", "CANCELLED"):
        busy.append(search(client, collection, queries, len(busy), None, answers))
    took = time.monotonic() - started
    busy += [search(client, collection, queries, len(busy), None, answers) for _ in range(20)]
    after = chunks(client, collection)
    for found in answers:
        if not (found <= before or found <= after):
            raise CannotRun(f"an answer mixes indexes: {len(found & before)} chunks of the old one, {len(found & after)} of the new one")
    if not any(found <= after for found in answers):
        raise CannotRun("the new index was never searched")
    table = Table(
        "Searches while a collection is indexed anew, milliseconds",
        ["documents", "old chunks", "new chunks", "reindex, s", "searches", "p50", "p95", "idle p50", "idle p95", "p95 ratio"],
    )
    (p50, p95), (idle50, idle95) = ([percentile(times, share) for share in (50, 95)] for times in (busy, idle))
    table.row(len(documents), len(before), len(after), figure(took, 1), len(busy), figure(p50, 1), figure(p95, 1), figure(idle50, 1),
              figure(idle95, 1), figure(ratio(p95, idle95), 2))
    stage.report.publish(table)
    stage.report.goal("p95 of searches while indexing anew, over idle", ratio(p95, idle95), at_most=2)


def search(client, collection, queries, number, one_of, answers=None):
    """One search, and a pause so that ten a second are made. Returns its milliseconds."""
    begun = time.monotonic()
    # A question of its own each time, as people ask.
    text = f"{queries[number % len(queries)]} {number}"
    request = client.request(IDS, question(text, "HYBRID", [collection]))
    milliseconds, (status, body) = client.timed(request)
    found = {hit["chunk"]["id"] for hit in data_of(status, body)["search"]["nodes"]}
    if not found:
        raise CannotRun(f"nothing was found for «{text}»")
    if one_of and not any(found <= chunks for chunks in one_of.values()):
        raise CannotRun("an answer has chunks that the collection does not list")
    if answers is not None:
        answers.append(found)
    time.sleep(max(0, PAUSE - (time.monotonic() - begun)))
    return milliseconds


def chunks(client, collection):
    found, after = set(), None
    while True:
        page = client.ask(CHUNKS, {"id": collection, "after": after})["collection"]["documents"]
        found |= {chunk["id"] for document in page["nodes"] for chunk in document["chunks"]["nodes"]}
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]
