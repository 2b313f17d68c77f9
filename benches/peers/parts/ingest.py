"""Ingestion end to end: abstracts of SciFact into Docent through its API, and into Chroma with ONNX Runtime in its process.

Chroma gets the chunks that Docent made, and does not have to make them. Each has both cores, starts with nothing, and is stopped
after each round.
"""

import json
import os
import time

from harness.docent import PAGE, create_collection, follow, ingest, register
from harness.process import CannotRun, MemoryPeak
from harness.report import Rounds, Table, figure, ratio
from harness.scifact import Scifact
from harness.search import ranked
from parts.embedding import prepare

PEERS = {"f32": "Chroma, ONNX Runtime f32", "int8": "Chroma, ONNX Runtime int8"}
DOCENT = {"f32": "Docent f32", "int8": "Docent int8"}
SETTINGS = {"f32": {}, "int8": {"EMBEDDING__PRECISION": "int8"}}
# Approximate indexes and other tie-breaks move a few documents.
FARTHEST_NDCG = 0.02


class Ingest:
    def __init__(self, stage):
        self.stage, self.rounds, self.gained = stage, Rounds(), {}
        self.scifact = Scifact(stage.arguments.data, stage.size(1000, 60))
        self.graphs, _ = prepare(stage)
        self.chunks = None

    def of_docent(self, precision, number):
        server = self.stage.docent.serve(f"ingest-{precision}-{number}", **SETTINGS[precision])
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
        worker = self.stage.worker(f"chroma-{precision}", "chroma.py", f"onnxruntime-{precision}", 2, self.stage.arguments.weights, self.graphs, folder)
        try:
            worker.call("create", name="scifact")
            with self.measured(PEERS[precision], worker):
                worker.call("add", name="scifact", file=self.batches())
            self.keep_answers(PEERS[precision], worker.call("search", name="scifact", queries=[text for text, _ in self.scifact.queries]))
        finally:
            worker.stop()

    def measured(self, who, process):
        return Measured(self.rounds, who, process, len(self.scifact.documents))

    def keep_answers(self, who, rankings):
        self.gained[who] = self.scifact.ndcg(rankings)

    def batches(self):
        """A file with the chunks of 100 documents a line, as Docent gets 100 documents in a call."""
        path = self.stage.file("batches.jsonl")
        if not os.path.exists(path):
            wanted = dict(self.scifact.documents)
            chunks = [chunk for chunk in self.stage.library().chunks if chunk[0] in wanted]
            uris = list(dict.fromkeys(uri for uri, _, _ in chunks))
            if len(uris) != len(wanted):
                raise CannotRun(f"Docent has chunks of {len(uris)} documents of {len(wanted)}")
            with open(path, "w") as file:
                for start in range(0, len(uris), PAGE):
                    batch = set(uris[start : start + PAGE])
                    rows = [chunk for chunk in chunks if chunk[0] in batch]
                    of_uris, ids, texts = zip(*rows)
                    file.write(json.dumps({"uris": of_uris, "ids": ids, "texts": texts}) + "\n")
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
            self.rounds.add("", self.who, rate=self.documents / seconds, cpu=cpu, memory=self.memory.peak)


def run(stage):
    part = Ingest(stage)
    part.batches()
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
    columns = ["ingestion", "documents/s", "CPU s", "peak MB", "nDCG@10 by meaning", "Docent's rate over it", "Docent's CPU over it", "Docent's memory over it"]
    table = Table(f"Ingestion of {len(part.scifact.documents)} abstracts, end to end", columns)
    own = dict(zip(PEERS.values(), DOCENT.values()))
    for who in measured:
        if abs(part.gained[who] - part.gained[measured[0]]) > FARTHEST_NDCG:
            stage.report.not_measured(who, f"it answers otherwise: nDCG@10 {part.gained[who]:.3f}")
            continue
        rate, cpu, memory = (part.rounds.median("", who, name) for name in ("rate", "cpu", "memory"))
        over = [ratio(part.rounds.median("", own.get(who), name), value) for name, value in [("rate", rate), ("cpu", cpu), ("memory", memory)]]
        table.row(who, figure(rate, 1), figure(cpu, 1), figure(memory / 1e6), figure(part.gained[who], 3), *over)
    stage.report.publish(table)
