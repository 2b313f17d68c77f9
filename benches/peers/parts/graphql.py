"""GraphQL reads with a token: Docent on SQLite and on PostgreSQL, mercurius and PostGraphile over the same PostgreSQL tables.

All of them answer the same questions, and what they answer is compared first. Then each is loaded for a few seconds, in turns.
"""

import json
import os
import subprocess

from harness.client import Client
from harness.docent import SECRET, create_collection, follow, ingest, register
from harness.postgres import Postgres
from harness.process import CannotRun, Server
from harness.report import Rounds, Table, figure, note, ratio
from harness.search import uuid_of

COLLECTIONS, DOCUMENTS, CONNECTIONS = 10, 20, 16
INGEST_LIMIT = 900

TYPENAME = "{ __typename }"
FLAT = """query($id: ID!) { collection(id: $id) { documents(first: 20) { nodes {
    fileName uri contentType fileSize status chunkCount } } } }"""
NESTED = """{ collections(first: 10) { nodes { name documents(first: 5) { nodes { uri chunks(first: 3) { nodes {
    index content } } } } } } }"""

# Amber calls a column `id` `rowId`, because `id` is that of the node.
POSTGRAPHILE_FLAT = """query($id: UUID!) { collectionByRowId(rowId: $id) { documentsByCollectionId(
    first: 20, orderBy: ROW_ID_DESC) { nodes { fileName uri contentType fileSize status chunkCount } } } }"""
POSTGRAPHILE_NESTED = """{ allCollections(first: 10, orderBy: ROW_ID_DESC) { nodes { name documentsByCollectionId(
    first: 5, orderBy: ROW_ID_DESC) { nodes { uri chunksByDocumentId(first: 3, orderBy: CHUNK_INDEX_ASC) { nodes {
    chunkIndex content } } } } } } }"""

PEERS = ["mercurius", "postgraphile"]
WORK = ["__typename with a token", "20 documents x 6 fields", "10 collections x 5 documents x 3 chunks"]
# PostGraphile finds relations by keys, and chunks have none; it needs this one for its third query.
RELATION = "COMMENT ON TABLE chunks IS E'@foreignKey (document_id) references documents (id)'"
ANALYZE = "ANALYZE collections, collection_members, documents, sessions, users"


class Contender:
    """A server with its documents for each work."""

    def __init__(self, name, process, documents, token, beside=()):
        self.name, self.process, self.token, self.beside = name, process, token, beside
        self.requests = [{"query": query, "variables": variables} for query, variables in documents]

    def answers(self):
        with Client(self.process.base, self.token) as client:
            return [values(client.ask(request["query"], request["variables"])) for request in self.requests]

    def cpu_seconds(self):
        return sum(each.cpu_seconds() for each in (self.process, *self.beside))

    def load(self, number, modules, seconds):
        command = [
            os.path.join(modules, "node_modules", ".bin", "autocannon"), "--json", "--no-progress", "-c", str(CONNECTIONS),
            "-d", str(seconds), "-m", "POST", "-H", "content-type: application/json",
            "-H", f"authorization: Bearer {self.token}", "-b", json.dumps(self.requests[number]), f"{self.process.base}/graphql",
        ]
        before = self.cpu_seconds()
        measured = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        cpu = self.cpu_seconds() - before
        if measured["non2xx"] or measured["errors"]:
            raise CannotRun(f"{self.name} refused requests of {WORK[number]!r}: {measured['non2xx']} answers, {measured['errors']} errors")
        completed = max(1, measured["requests"]["total"])
        return {"rate": measured["requests"]["average"], "p99": measured["latency"]["p99"], "cpu": 1000 * cpu / completed}


def values(answer):
    """What an answer says, without the names that a server gives its fields."""
    if isinstance(answer, dict):
        return [values(value) for value in answer.values()]
    if isinstance(answer, list):
        return [values(value) for value in answer]
    return answer


def run(stage):
    running, modules = [], stage.peers.node_modules()
    try:
        postgres = Postgres()
        running.append(postgres)
        own = [
            docent(stage, running, "Docent on PostgreSQL", [postgres], DATABASE__URL=postgres.url),
            docent(stage, running, "Docent on SQLite", []),
        ]
        postgres.execute(RELATION, ANALYZE)
        contenders = agreeing(stage, own + peers(stage, running, modules, postgres, own[0]))
        rounds = Rounds()
        for _ in stage.each_round("GraphQL"):
            for number, work in enumerate(WORK):
                for contender in contenders:
                    rounds.add(work, contender.name, **contender.load(number, modules, stage.size(5, 2)))
        publish(stage, rounds, [each.name for each in own], [each.name for each in contenders])
    finally:
        for each in reversed(running):
            each.stop()


def docent(stage, running, name, beside, **settings):
    note(f"{name} reads its documents")
    process = stage.docent.serve(name, **settings)
    running.append(process)
    with register(process.base) as client:
        chunking = {"maxTokens": 64, "overlapTokens": 0}
        ids = [create_collection(client, f"Folder {number}", chunking=chunking) for number in range(COLLECTIONS)]
        operations = []
        for number, collection in enumerate(ids):
            operations += ingest(client, collection, [(f"{document:02}", text_of(number, document)) for document in range(DOCUMENTS)])
        follow(client, operations, INGEST_LIMIT)
        return Contender(name, process, [(TYPENAME, {}), (FLAT, {"id": ids[0]}), (NESTED, {})], client.token, beside)


def text_of(collection, document):
    """A text of several chunks that is like no other."""
    sentence = f"Letter {document} of folder {collection} tells of harbours, ferries and the weather on day"
    return " ".join(f"{sentence} {day}." for day in range(20))


def peers(stage, running, modules, postgres, docent):
    """The peers that start."""
    collection = docent.requests[1]["variables"]["id"]
    documents = {
        PEERS[0]: [(TYPENAME, {}), (FLAT, {"id": collection}), (NESTED, {})],
        PEERS[1]: [(TYPENAME, {}), (POSTGRAPHILE_FLAT, {"id": uuid_of(collection)}), (POSTGRAPHILE_NESTED, {})],
    }
    environment, found = {"DATABASE_URL": postgres.url, "SIGNING_SECRET": SECRET, "NODE_ENV": "production"}, []
    for name, asked in documents.items():
        with stage.measuring(name):
            process = Server(name, ["node", f"{name}.mjs"], environment, modules)
            running.append(process)
            found.append(Contender(name, process, asked, docent.token, [postgres]))
    return found


def agreeing(stage, contenders):
    """Those whose answers say the same as the first one's."""
    expected, found = contenders[0].answers(), []
    for contender in contenders:
        with stage.measuring(contender.name):
            different = [work for work, ours, theirs in zip(WORK, expected, contender.answers()) if ours != theirs]
            if different:
                raise CannotRun(f"it answers otherwise: {', '.join(different)}")
            found.append(contender)
    return found


def publish(stage, rounds, own, contenders):
    columns = ["work", "server", "requests/s", "p99 ms", "CPU s a 1,000 requests", *(f"rate over {peer}" for peer in PEERS)]
    table = Table(f"GraphQL reads, {CONNECTIONS} connections", columns)
    for work in WORK:
        for who in contenders:
            rate, p99, cpu = (rounds.median(work, who, name) for name in ("rate", "p99", "cpu"))
            over = [ratio(rate, rounds.median(work, peer, "rate")) if who in own else None for peer in PEERS]
            table.row(work, who, figure(rate), figure(p99, 1), figure(cpu, 3), *(figure(each, 2) for each in over))
            if who in own:
                # The one with the same duties.
                stage.report.goal(f"{work}, {who}, rate over {PEERS[0]}", over[0], at_least=1.5)
                stage.report.goal(f"{work}, {who}, p99 over {PEERS[0]}", ratio(p99, rounds.median(work, PEERS[0], "p99")), at_most=1.0)
        rates = [rounds.median(work, who, "rate") for who in own]
        stage.report.goal(f"{work}, rate on SQLite over PostgreSQL", ratio(rates[1], rates[0]), at_least=1.0)
    stage.report.publish(table)
