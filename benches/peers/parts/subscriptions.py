"""Idle subscriptions: so many sockets that listen to operations on which nothing happens, what they cost, and how long an event takes
to those who listen for it.

Docent accepts documents and does not index them here, so that its operations stay open; cancelling one is the event. mercurius listens to
topics in its memory, with the same duties towards callers; its event is an announcement that no table knows of.
"""

import resource
import sys
import time

from harness.client import Client
from harness.docent import SECRET, create_collection, ingest, register
from harness.postgres import Postgres
from harness.process import CannotRun, Server
from harness.report import Rounds, Table, figure, note, percentile, ratio
from harness.worker import Worker

OPERATIONS = 100
OPEN_FILES = 65536
# Seconds between two events.
PAUSE = 0.1
CANCEL = "mutation($id: ID!) { operationCancel(input: { operationId: $id }) { operation { id } } }"
ON_POSTGRES, ON_SQLITE, MERCURIUS = "Docent on PostgreSQL", "Docent on SQLite", "mercurius"


def run(stage):
    raise_open_files()
    postgres = Postgres()
    try:
        part = Part(stage, postgres)
        able = {ON_POSTGRES: part.on_postgres, ON_SQLITE: part.on_sqlite, MERCURIUS: part.of_mercurius}
        for number in stage.each_round("subscriptions"):
            able = {who: measure for who, measure in able.items() if succeeds(stage, who, measure, number)}
        publish(stage, part, list(able))
    finally:
        postgres.stop()


def succeeds(stage, who, measure, number):
    with stage.measuring(who):
        note(f"  {who}")
        measure(number)
        return True
    return False


def raise_open_files():
    """Lets this process and its children hold as many sockets as the system allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(hard, OPEN_FILES), max(hard, OPEN_FILES)))
    except (ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Part:
    """Servers that start anew for each measurement, because what sockets took is not given back. Their data stay: a database
    belongs to its data directory. So each round has an account of its own."""

    def __init__(self, stage, postgres):
        self.stage, self.postgres, self.rounds = stage, postgres, Rounds()
        self.sockets, self.seconds = stage.size(10_000, 200), stage.size(30, 5)
        self.token = None

    def on_postgres(self, number):
        self.token = self.of_docent(ON_POSTGRES, number, self.postgres, DATABASE__URL=self.postgres.url)

    def on_sqlite(self, number):
        self.of_docent(ON_SQLITE, number)

    def of_docent(self, who, number, *beside, **settings):
        room = self.sockets + 1000
        limits = {
            "HTTP__CONNECTIONS": room, "HTTP__CONNECTIONS_PER_ADDRESS": room, "LIMITS__WEBSOCKET_CONNECTIONS": room,
            "LIMITS__WEBSOCKET_CONNECTIONS_PER_ADDRESS": room, "LIMITS__WEBSOCKET_CONNECTIONS_PER_ACCOUNT": room,
            "LIMITS__LIVE_OPERATIONS_PER_ACCOUNT": room,
            # The client takes a while to open them all.
            "LIMITS__WEBSOCKET_INIT_SECONDS": 60,
        }
        process = self.stage.docent.serve(f"subscriptions, {who}", INGESTION__ENABLED="false", **limits, **settings)
        try:
            with register(process.base, f"ada{number}") as client:
                collection = create_collection(client, "Idle")
                operations = [ingest(client, collection, [(f"letter {each}", "It waits.")])[0] for each in range(OPERATIONS)]
                self.measure(who, [process, *beside], client, operations)
                return client.token
        finally:
            process.stop()

    def of_mercurius(self, _):
        if self.token is None:
            raise CannotRun("it needs an account that Docent made on PostgreSQL")
        environment = {"DATABASE_URL": self.postgres.url, "SIGNING_SECRET": SECRET, "NODE_ENV": "production"}
        process = Server(MERCURIUS, ["node", "mercurius.mjs"], environment, self.stage.peers.node_modules())
        try:
            with Client(process.base, self.token) as client:
                self.measure(MERCURIUS, [process, self.postgres], client, [f"topic {number}" for number in range(OPERATIONS)])
        finally:
            process.stop()

    def measure(self, who, processes, client, operations):
        """`processes` begin with the server; others work for it."""
        process, crowd = processes[0], Worker("sockets", sys.executable, "sockets.py", self.stage.scratch)
        try:
            alone, empty = self.share_of_a_core(processes), process.memory()
            crowd.call("open", base=process.base, token=client.token, operations=operations, count=self.sockets)
            core = self.share_of_a_core(processes)
            self.check(crowd)
            memory = (process.memory() - empty) / self.sockets
            delays = self.delays(crowd, client, operations)
            self.rounds.add("", who, core=core, alone=alone, memory=memory, p50=percentile(delays, 50), p95=percentile(delays, 95))
        finally:
            crowd.stop()

    def share_of_a_core(self, processes):
        """What they use, in percent, once they have nothing left to do."""
        time.sleep(min(self.seconds, 5))
        before = sum(each.cpu_seconds() for each in processes)
        time.sleep(self.seconds)
        return 100 * (sum(each.cpu_seconds() for each in processes) - before) / self.seconds

    def check(self, crowd):
        state = crowd.call("state")
        if state["open"] != self.sockets:
            raise CannotRun(f"{state['open']} of {self.sockets} sockets are open: {', '.join(state['problems'])}")

    def delays(self, crowd, client, operations):
        """How long the events of half of the operations take to reach half of the sockets."""
        crowd.call("take_delays")
        for operation in operations[: OPERATIONS // 2]:
            client.ask(CANCEL, {"id": operation})
            time.sleep(PAUSE)
        time.sleep(1)
        delays = crowd.call("take_delays")
        if len(delays) < self.sockets // 2:
            raise CannotRun(f"{len(delays)} events arrived of at least {self.sockets // 2}")
        return delays


def publish(stage, part, contenders):
    measured = ["share of a core, %", "without sockets, %", "KB a socket", "event p50 ms", "event p95 ms"]
    columns = ["server", *measured, "Docent's share over it", "Docent's KB over it"]
    table = Table(f"{part.sockets:,} idle subscriptions, a socket each", columns)
    for who in contenders:
        core, alone, memory, p50, p95 = (part.rounds.median("", who, name) for name in ("core", "alone", "memory", "p50", "p95"))
        own = ON_POSTGRES if who == MERCURIUS and ON_POSTGRES in contenders else None
        over = [ratio(part.rounds.median("", own, name), value) for name, value in [("core", core), ("memory", memory)]]
        cells = [figure(value, 1) for value in (core, alone, memory / 1000, p50, p95)]
        table.row(who, *cells, *(figure(each, 2) for each in over))
        if who != MERCURIUS:
            stage.report.goal(f"{part.sockets:,} idle subscriptions, {who}, % of a core", core, at_most=2.0)
            stage.report.goal(f"{part.sockets:,} idle subscriptions, {who}, event p95 ms", p95, at_most=100.0)
    stage.report.publish(table)
