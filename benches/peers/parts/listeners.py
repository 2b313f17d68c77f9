"""Listeners of all operations of an account (`viewerOperations`), as WebSockets and as event streams: what idle ones take, whether one that
stops reading is felt by the others, and how fast many events reach many listeners.

There are no peers. Documents are accepted and not indexed, so that operations stay open; cancelling one makes its events.
"""

import sys
import time

from harness.docent import create_collection, ingest, register, succeed
from harness.process import CannotRun, wait_until
from harness.report import Rounds, Table, figure, note
from harness.worker import Worker
from parts.subscriptions import raise_open_files

SOCKETS, STREAMS = "sockets", "event streams"
EVENTS = "subscription { viewerOperations { kind sequence cursor at } }"
# The metadata make a message large, so that what is sent to one that does not read soon fills what holds it.
LARGE_EVENTS = "subscription { viewerOperations { kind document { meta } at } }"
META_BYTES = 12_000
CANCEL = "mutation($id: ID!) { operationCancel(input: { operationId: $id }) { userErrors { message } } }"
INGEST = "mutation($input: DocumentsIngestInput!) { documentsIngest(input: $input) { operation { id } userErrors { message } } }"
# Documents in an operation, and seconds between two events where they don't come in bursts.
BATCH, PAUSE = 100, 0.05
# The longest that a server bears with one that does not read, and some more.
PATIENCE = 45


def run(stage):
    raise_open_files()
    part = Part(stage)
    for number in stage.each_round("listeners"):
        for kind in (SOCKETS, STREAMS):
            for measure in (part.idle, part.stuck, part.flood):
                with stage.measuring(f"{measure.__name__} {kind}"):
                    note(f"  {measure.__name__}, {kind}")
                    measure(kind, number)
    part.publish()


class Part:
    """A server that starts anew for each measurement, because what listeners took is not given back."""

    def __init__(self, stage):
        self.stage, self.rounds, self.runs = stage, Rounds(), 0
        self.idlers, self.seconds = stage.size(2000, 100), stage.size(20, 3)
        self.neighbours, self.letters = stage.size(500, 20), stage.size(300, 20)
        self.listeners, self.operations = stage.size(100, 10), stage.size(100, 5)

    def idle(self, kind, _):
        with Scene(self.stage, self.next_name(kind), self.idlers) as scene:
            empty = scene.server.memory()
            scene.open(kind, EVENTS, self.idlers)
            time.sleep(min(self.seconds, 5))
            before = scene.server.cpu_seconds()
            time.sleep(self.seconds)
            core = 100 * (scene.server.cpu_seconds() - before) / self.seconds
            scene.check(self.idlers)
            self.rounds.add("idle", kind, memory=(scene.server.memory() - empty) / self.idlers, core=core)

    def stuck(self, kind, _):
        for stuck in (0, 1):
            with Scene(self.stage, self.next_name(kind), self.neighbours) as scene:
                operations = [scene.letter(number) for number in range(self.letters)]
                scene.open(kind, LARGE_EVENTS, self.neighbours, stuck)
                scene.crowd.call("take")
                for operation in operations:
                    scene.cancel(operation)
                    time.sleep(PAUSE)
                time.sleep(2)
                heard = scene.crowd.call("take")
                scene.check(self.neighbours)
                if heard["messages"] < self.neighbours * self.letters:
                    raise CannotRun(f"{heard['messages']} messages arrived of at least {self.neighbours * self.letters}")
                self.rounds.add("stuck" if stuck else "none stuck", kind, p50=heard["p50"], p99=heard["p99"])
                if stuck and not self.stage.arguments.quick:
                    time.sleep(max(0, PATIENCE - self.letters * PAUSE))
                    self.rounds.add("stuck", kind, given_up=scene.crowd.call("given_up"))

    def flood(self, kind, _):
        with Scene(self.stage, self.next_name(kind), self.listeners) as scene:
            documents = [(f"{number}", "It waits.") for number in range(self.operations * BATCH)]
            operations = ingest(scene.client, scene.collection, documents)
            scene.open(kind, EVENTS, self.listeners)
            scene.crowd.call("take")
            before, started, least = scene.server.cpu_seconds(), time.time(), self.listeners * self.operations * BATCH
            total = {"messages": 0, "p50": [], "p99": [], "last": started}
            for operation in operations:
                scene.cancel(operation)

            def is_heard():
                heard = scene.crowd.call("take")
                if heard["messages"]:
                    total["messages"] += heard["messages"]
                    total["p50"].append((heard["p50"], heard["messages"]))
                    total["p99"].append((heard["p99"], heard["messages"]))
                    total["last"] = heard["lastAt"]
                return total["messages"] >= least

            wait_until(is_heard, 600, "delivering the events", pause=1)
            took = total["last"] - started
            self.rounds.add(
                "flood", kind, events=total["messages"] / self.listeners / took, messages=total["messages"] / took,
                p50=weighed(total["p50"]), p99=max(value for value, _ in total["p99"]),
                core=1e6 * (scene.server.cpu_seconds() - before) / total["messages"],
            )

    def next_name(self, kind):
        self.runs += 1
        return f"listeners {kind} {self.runs}"

    def publish(self):
        kinds, median = (SOCKETS, STREAMS), self.rounds.median
        table = Table(f"{self.idlers:,} idle listeners of all operations", ["as", "KB each", "share of a core, %"])
        for kind in kinds:
            table.row(kind, figure(thousands(median("idle", kind, "memory")), 1), figure(median("idle", kind, "core"), 1))
        self.stage.report.publish(table)
        columns = ["as", "alone p50 ms", "p99 ms", "beside one stuck p50 ms", "p99 ms", "given up"]
        table = Table(f"{self.neighbours:,} listeners, {self.letters:,} events of {META_BYTES // 1000} KB", columns)
        for kind in kinds:
            alone, beside = ([median(work, kind, name) for name in ("p50", "p99")] for work in ("none stuck", "stuck"))
            table.row(kind, *(figure(value, 1) for value in [*alone, *beside]), figure(median("stuck", kind, "given_up")))
            if None not in (*alone, *beside):
                self.stage.report.goal(f"p99 beside one stuck consumer, {kind}, times that without", beside[1] / alone[1], at_most=1.5)
        self.stage.report.publish(table)
        columns = ["as", "events/s", "messages/s", "delay p50 ms", "p99 ms", "CPU µs a message"]
        table = Table(f"{self.operations * BATCH:,} events to {self.listeners:,} listeners, as fast as they are made", columns)
        for kind in kinds:
            table.row(kind, *(figure(median("flood", kind, name), 0) for name in ("events", "messages", "p50", "p99", "core")))
        self.stage.report.publish(table)


class Scene:
    """A server, an account, and its listeners."""

    def __init__(self, stage, name, room):
        room += 1000
        kinds = ("WEBSOCKET_CONNECTIONS", "EVENT_STREAMS")
        limits = {f"LIMITS__{kind}{of}": room for kind in kinds for of in ("", "_PER_ADDRESS", "_PER_ACCOUNT")}
        self.server = stage.docent.serve(
            name, INGESTION__ENABLED="false", HTTP__CONNECTIONS=room, HTTP__CONNECTIONS_PER_ADDRESS=room,
            LIMITS__WEBSOCKET_INIT_SECONDS=60, LIMITS__LIVE_OPERATIONS_PER_ACCOUNT=room, **limits,
        )
        self.client, self.crowd = register(self.server.base), Worker("listeners", sys.executable, "listeners.py", stage.scratch)
        self.collection = create_collection(self.client, "Letters")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.crowd.stop()
        self.client.socket.close()
        self.server.stop()

    def open(self, kind, document, count, stuck=0):
        self.crowd.call("open", base=self.server.base, token=self.client.token, kind=kind, document=document, count=count, stuck=stuck)

    def letter(self, number):
        """An operation on one document with large metadata."""
        document = {"fileName": f"{number}.txt", "meta": {"note": "x" * META_BYTES}, "content": {"text": "It waits."}}
        return succeed(self.client, INGEST, {"collectionId": self.collection, "documents": [document]})["operation"]["id"]

    def cancel(self, operation):
        self.client.ask(CANCEL, {"id": operation})

    def check(self, expected):
        state = self.crowd.call("state")
        if state["open"] != expected:
            raise CannotRun(f"{state['open']} of {expected} listeners are there: {', '.join(state['problems'])}")


def weighed(values):
    """The mean of values, each with its weight."""
    return sum(value * weight for value, weight in values) / sum(weight for _, weight in values)


def thousands(value):
    return None if value is None else value / 1000
