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
CANCEL = "mutation($id: ID!) { operationCancel(id: $id) { operation { id } } }"
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
    """Servers that start anew for each measurement, because what sockets took is not given back."""

    def __init__(self, stage, postgres):
        self.stage, self.postgres, self.rounds = stage, postgres, Rounds()
        self.sockets, self.seconds = stage.size(10_000, 200), stage.size(40, 5)
        self.token = None

    def on_postgres(self, number):
        self.token = self.of_docent(ON_POSTGRES, number, DATABASE__URL=self.postgres.url)

    def on_sqlite(self, number):
        self.of_docent(ON_SQLITE, number)

    def of_docent(self, who, number, **settings):
        room = self.sockets + 1000
        limits = {
            "HTTP__CONNECTIONS": room, "HTTP__CONNECTIONS_PER_ADDRESS": room, "LIMITS__WEBSOCKET_CONNECTIONS": room,
            "LIMITS__WEBSOCKET_CONNECTIONS_PER_ADDRESS": room, "LIMITS__WEBSOCKET_CONNECTIONS_PER_ACCOUNT": room,
        }
        process = self.stage.docent.serve(f"{who} {number}", INGESTION__ENABLED="false", **limits, **settings)
        try:
            with register(process.base, f"ada{number}") as client:
                collection = create_collection(client, "Idle")
                operations = [ingest(client, collection, [(f"letter {each}", "It waits.")])[0] for each in range(OPERATIONS)]
                self.measure(who, process, client, operations)
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
                self.measure(MERCURIUS, process, client, [f"topic {number}" for number in range(OPERATIONS)])
        finally:
            process.stop()

    def measure(self, who, process, client, operations):
        crowd = Worker("sockets", sys.executable, "sockets.py", self.stage.scratch)
        try:
            empty = process.memory()
            crowd.call("open", base=process.base, token=client.token, operations=operations, count=self.sockets)
            # What opening left to be done is not idleness.
            time.sleep(min(self.seconds, 5))
            before = process.cpu_seconds()
            time.sleep(self.seconds)
            idle = process.cpu_seconds() - before
            self.check(crowd)
            memory = (process.memory() - empty) / self.sockets
            delays = self.delays(crowd, client, operations)
            self.rounds.add("", who, core=100 * idle / self.seconds, memory=memory, p50=percentile(delays, 50), p95=percentile(delays, 95))
        finally:
            crowd.stop()

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
    columns = ["server", "share of a core, %", "KB a socket", "event p50 ms", "event p95 ms", "Docent's share over it", "Docent's KB over it"]
    table = Table(f"{part.sockets:,} idle subscriptions, a socket each", columns)
    for who in contenders:
        core, memory, p50, p95 = (part.rounds.median("", who, name) for name in ("core", "memory", "p50", "p95"))
        own = ON_POSTGRES if who == MERCURIUS else None
        over = [ratio(part.rounds.median("", own, name), value) for name, value in [("core", core), ("memory", memory)]]
        table.row(who, figure(core, 1), figure(memory / 1000, 1), figure(p50, 1), figure(p95, 1), *over)
    stage.report.publish(table)
