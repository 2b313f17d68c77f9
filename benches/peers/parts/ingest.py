"""Ingestion end to end: abstracts of SciFact into Docent through its API, and into Chroma with ONNX Runtime in its process.

Chroma gets the chunks that Docent made, and does not have to make them. Each has both cores, starts with nothing, and is stopped
after each round.
"""

import itertools
import json
import os
import time

from harness.docent import PAGE, create_collection, follow, ingest, register
from harness.process import CannotRun, MemoryPeak
from harness.report import Rounds, Table, figure, ratio
from harness.scifact import Scifact
from harness.search import ranked

PEERS = {"f32": "Chroma, ONNX Runtime f32", "int8": "Chroma, ONNX Runtime int8"}
DOCENT = {"f32": "Docent f32", "int8": "Docent int8"}
FIGURES = ["rate", "CPU", "memory"]
# Approximate indexes and other tie-breaks move a few documents.
FARTHEST_NDCG = 0.02


class Ingest:
    def __init__(self, stage):
        self.stage, self.rounds, self.gained = stage, Rounds(), {}
        self.scifact = Scifact(stage.arguments.data, stage.size(1000, 40))
        self.batches = self.write_batches()

    def of_docent(self, precision, number):
        server = self.stage.docent.serve(f"ingest-{precision}-{number}", **self.stage.docent.precision(precision))
        try:
            with register(server.base) as client:
                collection = create_collection(client, "SciFact")
                with self.measured(DOCENT[precision], server):
                    follow(client, ingest(client, collection, self.scifact.documents), 60 + len(self.scifact.documents))
                self.keep_answers(DOCENT[precision], [ranked(client, collection, text, "SEMANTIC") for text, _ in self.scifact.queries])
        finally:
            server.stop()

    def of_chroma(self, precision, number):
        folder = self.stage.file(f"chroma-{precision}-{number}")
        os.makedirs(folder)
        arguments = [f"onnxruntime-{precision}", 2, self.stage.arguments.weights, self.stage.graphs, folder]
        worker = self.stage.worker(f"chroma-{precision}", "chroma.py", *arguments)
        try:
            worker.call("create", name="scifact")
            with self.measured(PEERS[precision], worker):
                worker.call("add", name="scifact", file=self.batches)
            self.keep_answers(PEERS[precision], worker.call("search", name="scifact", queries=[text for text, _ in self.scifact.queries]))
        finally:
            worker.stop()

    def measured(self, who, process):
        return Measured(self.rounds, who, process, len(self.scifact.documents))

    def keep_answers(self, who, rankings):
        self.gained[who] = self.scifact.ndcg(rankings)

    def write_batches(self):
        """A file with the chunks of 100 documents a line, as Docent gets 100 documents in a call."""
        found = {uri: [] for uri, _ in self.scifact.documents}
        for uri, chunk, text in self.stage.library().chunks:
            if uri in found:
                found[uri].append((uri, chunk, text))
        if not all(found.values()):
            raise CannotRun("Docent has no chunks of some documents")
        path, documents = self.stage.file("batches.jsonl"), list(found.values())
        with open(path, "w") as file:
            for start in range(0, len(documents), PAGE):
                uris, ids, texts = zip(*itertools.chain.from_iterable(documents[start : start + PAGE]))
                file.write(json.dumps({"uris": uris, "ids": ids, "texts": texts}) + "\n")
        return path


class Measured:
    """Rate, processor time and memory of what happens inside."""

    def __init__(self, rounds, who, process, documents):
        self.rounds, self.who, self.process, self.documents = rounds, who, process, documents

    def __enter__(self):
        self.memory = MemoryPeak(self.process.pid).__enter__()
        self.cpu, self.started = self.process.cpu_seconds(), time.perf_counter()

    def __exit__(self, kind, *_):
        seconds, cpu = time.perf_counter() - self.started, self.process.cpu_seconds() - self.cpu
        self.memory.__exit__()
        if kind is None:
            self.rounds.add("", self.who, rate=self.documents / seconds, CPU=cpu, memory=self.memory.peak)


def run(stage):
    part = Ingest(stage)
    able = [each for precision in DOCENT for each in [(PEERS[precision], precision, part.of_chroma), (DOCENT[precision], precision, part.of_docent)]]
    for number in stage.each_round("ingestion"):
        failed = []
        for contender in able:
            who, precision, measure = contender
            failed.append(contender)
            with stage.measuring(who):
                measure(precision, number)
                failed.pop()
        able = [contender for contender in able if contender not in failed]
    publish(stage, part, [who for who, _, _ in able])


def publish(stage, part, measured):
    columns = ["ingestion", "documents/s", "CPU s", "peak MB", "nDCG@10 by meaning", *(f"Docent's {name} over it" for name in FIGURES)]
    table = Table(f"Ingestion of {len(part.scifact.documents)} abstracts, end to end", columns)
    own = dict(zip(PEERS.values(), DOCENT.values()))
    for who in measured:
        if abs(part.gained[who] - part.gained[measured[0]]) > FARTHEST_NDCG:
            stage.report.not_measured(who, f"it answers otherwise: nDCG@10 {part.gained[who]:.3f}")
            continue
        rate, cpu, memory = (part.rounds.median("", who, name) for name in FIGURES)
        ours = own.get(who) if own.get(who) in measured else None
        over = {name: ratio(part.rounds.median("", ours, name), part.rounds.median("", who, name)) for name in FIGURES}
        cells = [figure(rate, 1), figure(cpu, 1), figure(memory / 1e6), figure(part.gained[who], 3)]
        table.row(who, *cells, *(figure(each, 2) for each in over.values()))
        stage.report.goal(f"ingestion, documents/s over {who}", over["rate"], at_least=1.3)
        for name in ("CPU", "memory"):
            stage.report.goal(f"ingestion, {name} over {who}", over[name], at_most=1.0)
    stage.report.publish(table)
