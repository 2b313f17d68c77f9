"""Search through the API over the engine inside, called directly: the same data, the same questions, one after the other.

The engine gets embeddings that are there; Docent has seen the questions before. What Docent adds is therefore HTTP, GraphQL,
permissions, fusion and rows. Then new questions, and eight clients.
"""

import statistics
import threading
import time

from harness.client import Client, data_of
from harness.docent import log_in
from harness.process import CannotRun
from harness.report import Rounds, Table, figure, note, percentile, ratio
from harness.search import FULL, IDS, MODES, question, uuid_of
from harness.worker import write_texts

CLIENTS = 8
ENGINE, WITH_IDS, IN_FULL, NEW = "bare engine", "Docent, ids only", "Docent, in full", "Docent, in full, new question"
SHAPES = {WITH_IDS: IDS, IN_FULL: FULL}
AT_ONCE = f"Docent, in full, {CLIENTS} clients"
MOST_OVER_ENGINE = {WITH_IDS: 1.5, IN_FULL: 2.5}
# The mean share of the ten best that both find: an approximate index and equal scores move a few.
LEAST_SHARED = 0.9


class Search:
    def __init__(self, stage, engine, server):
        self.stage, self.engine, self.server, self.rounds = stage, engine, server, Rounds()
        self.library = stage.library()
        self.texts = [text for text, _ in stage.scifact.queries]
        self.client = log_in(server.base)
        # Each is asked once.
        self.new = iter(sorted({f"{title} ({number})" for number in range(20) for title in stage.scifact.titles}))

    def requests(self, shape, mode, texts):
        return [self.client.request(shape, question(text, mode, [self.library.collection])) for text in texts]

    def check(self):
        """Whether API and engine find the same. This also makes the questions known."""
        for mode in ("SEMANTIC", "LEXICAL"):
            shared = []
            for theirs, request in zip(self.engine.call("best", mode=mode, count=10), self.requests(IDS, mode, self.texts), strict=True):
                hits = data_of(*self.client.send(request))["search"]["nodes"]
                ours = {uuid_of(hit["chunk"]["id"]) for hit in hits}
                shared.append(len(ours & set(theirs)) / max(1, len(theirs)))
            if statistics.mean(shared) < LEAST_SHARED:
                raise CannotRun(f"{mode}: Docent and the engine share {statistics.mean(shared):.2f} of the ten best")

    def measure(self, mode):
        before = self.engine.cpu_seconds()
        times = self.engine.call("measure", mode=mode)
        self.keep(mode, ENGINE, times, self.engine.cpu_seconds() - before)
        for who, shape in SHAPES.items():
            self.ask(mode, who, self.requests(shape, mode, self.texts))
        # The embedding of a question is part of the two others only.
        if mode != "LEXICAL":
            self.ask(mode, NEW, self.requests(FULL, mode, [next(self.new) for _ in self.texts]))
        self.ask_at_once(mode)

    def ask(self, mode, who, requests):
        before, times = self.server.cpu_seconds(), []
        for request in requests:
            elapsed, response = self.client.timed(request)
            data_of(*response)
            times.append(elapsed)
        self.keep(mode, who, times, self.server.cpu_seconds() - before)

    def keep(self, mode, who, times, cpu):
        self.rounds.add(mode, who, p50=statistics.median(times), p95=percentile(times, 95), cpu=1000 * cpu / len(times))

    def ask_at_once(self, mode):
        requests, times, failed = iter(self.requests(FULL, mode, self.texts * self.stage.size(3, 1))), [], []
        turn = threading.Lock()

        def ask():
            try:
                with Client(self.server.base, self.client.token) as client:
                    while True:
                        with turn:
                            request = next(requests, None)
                        if request is None:
                            return
                        elapsed, (status, _) = client.timed(request)
                        times.append(elapsed)
                        if status != 200:
                            raise CannotRun(f"status {status}")
            except (CannotRun, OSError) as error:
                failed.append(error)

        before, started = self.server.cpu_seconds(), time.perf_counter()
        callers = [threading.Thread(target=ask) for _ in range(CLIENTS)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        if failed:
            raise CannotRun(f"{CLIENTS} clients: {failed[0]}")
        seconds, cpu = time.perf_counter() - started, self.server.cpu_seconds() - before
        self.keep(mode, AT_ONCE, times, cpu)
        self.rounds.add(mode, AT_ONCE, rate=len(times) / seconds)

    def publish(self):
        columns = ["search", "who", "p50 ms", "p95 ms", "requests/s", "CPU s a 1,000 requests", "p50 over the engine's"]
        table = Table(f"Search, {len(self.library.chunks):,} chunks", columns)
        for mode in MODES:
            bare = self.rounds.median(mode, ENGINE, "p50")
            for who in [ENGINE, *SHAPES, NEW, AT_ONCE]:
                p50, p95, rate, cpu = (self.rounds.median(mode, who, name) for name in ("p50", "p95", "rate", "cpu"))
                if p50 is None:
                    continue
                over = ratio(p50, bare) if who in SHAPES else None
                table.row(mode, who, figure(p50, 2), figure(p95, 2), figure(rate), figure(cpu, 2), figure(over, 2))
                if who in SHAPES:
                    self.stage.report.goal(f"search, {mode}, {who}, over the engine", over, at_most=MOST_OVER_ENGINE[who])
                if who == NEW:
                    self.stage.report.goal(f"search, {mode}, {who}, p50 ms", p50, at_most=5.0)
        self.stage.report.publish(table)


def run(stage):
    library, queries = stage.library(), stage.file("questions.jsonl")
    write_texts(queries, [text for text, _ in stage.scifact.queries])
    embeddings = embed(stage, queries)
    engine = stage.worker("engine", "engine.py", stage.docent.data_dir(library.name), stage.file("engine"))
    try:
        engine.call("prepare", embeddings=embeddings, queries=queries)
        with stage.serving(library) as server:
            measure(stage, Search(stage, engine, server))
    finally:
        engine.stop()


def measure(stage, part):
    note("search: comparing answers")
    part.check()
    for _ in stage.each_round("search"):
        for mode in MODES:
            part.measure(mode)
    part.publish()


def embed(stage, queries):
    """A file with the embeddings of the queries."""
    into, worker = stage.file("questions.npy"), stage.runtime("onnxruntime-f32", 2)
    try:
        worker.call("embed", file=queries, into=into)
    finally:
        worker.stop()
    return into
