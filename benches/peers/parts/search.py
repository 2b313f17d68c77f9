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
from parts.agreement import write_texts
from parts.embedding import prepare

CLIENTS = 8
ENGINE, WITH_IDS, IN_FULL, NEW = "bare engine", "Docent, ids only", "Docent, in full", "Docent, in full, new question"
SHAPES = {WITH_IDS: IDS, IN_FULL: FULL}
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
                hits = data_of(*self.client.send(request))["search"]["hits"]
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
        self.rounds.add(mode, f"{CLIENTS} clients", rate=len(times) / seconds, p50=statistics.median(times), p95=percentile(times, 95), cpu=1000 * cpu / len(times))

    def publish(self):
        table = Table(f"Search, {len(self.library.chunks)} chunks", ["search", "who", "p50 ms", "p95 ms", "requests/s", "CPU s a 1,000 requests", "p50 over the engine's"])
        for mode in MODES:
            bare = self.rounds.median(mode, ENGINE, "p50")
            for who in [ENGINE, *SHAPES, NEW, f"{CLIENTS} clients"]:
                p50, p95, rate, cpu = (self.rounds.median(mode, who, name) for name in ("p50", "p95", "rate", "cpu"))
                if p50 is not None:
                    table.row(mode, who, figure(p50, 2), figure(p95, 2), figure(rate), figure(cpu, 2), ratio(p50, bare) if who in SHAPES else None)
        self.stage.report.publish(table)


def run(stage):
    library, (graphs, _) = stage.library(), prepare(stage)
    queries, embeddings = stage.file("questions.jsonl"), stage.file("questions.npy")
    write_texts(queries, [text for text, _ in stage.scifact.queries])
    embed(stage, graphs, queries, embeddings)
    engine = stage.worker("engine", "engine.py", stage.docent.data_dir(library.name), stage.file("engine"))
    try:
        engine.call("prepare", embeddings=embeddings, queries=queries)
        server = stage.docent.serve(library.name)
        try:
            part = Search(stage, engine, server)
            note("search: comparing answers")
            part.check()
            for _ in stage.each_round("search"):
                for mode in MODES:
                    part.measure(mode)
            part.publish()
        finally:
            server.stop()
    finally:
        engine.stop()


def embed(stage, graphs, queries, into):
    worker = stage.worker("questions", "embedding.py", "onnxruntime-f32", 2, stage.arguments.weights, graphs)
    try:
        worker.call("embed", file=queries, into=into)
    finally:
        worker.stop()
