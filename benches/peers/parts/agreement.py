"""Whether embeddings say the same: what they find on SciFact by meaning (nDCG@10, by document), and their cosine to those of ONNX
Runtime, chunk by chunk. Docent's are read from its own store, and it is asked through its API."""

from harness.docent import log_in
from harness.process import CannotRun
from harness.report import Table, figure, note
from harness.search import ranked, uuid_of
from harness.worker import write_texts

REFERENCE = "onnxruntime-f32"
# Below this mean cosine to the reference, or so far from its nDCG, it is another model.
LEAST_COSINE = {"f32": 0.9999, "bf16": 0.99, "int8": 0.98}
FARTHEST_NDCG = 0.02


class Agreement:
    def __init__(self, stage):
        self.stage = stage
        self.library = stage.library()
        self.table = Table("Embedding: do the answers agree? (SciFact)", ["embedding", "nDCG@10 by meaning", "mean cosine to the first"])
        self.expected = None
        for name, texts in [("chunks", [text for _, _, text in self.library.chunks]), ("queries", self.queries())]:
            write_texts(stage.file(f"{name}.jsonl"), texts)
        self.judge = stage.worker("judge", "judge.py")

    def queries(self):
        return [text for text, _ in self.stage.scifact.queries]

    def of_peer(self, variant, who):
        """Fails if a peer finds something else than the first."""
        note(f"{who} embeds SciFact")
        worker = self.stage.runtime(variant, 2)
        try:
            for name in ("chunks", "queries"):
                worker.call("embed", file=self.stage.file(f"{name}.jsonl"), into=self.vectors(variant, name))
        finally:
            worker.stop()
        uris = [uri for uri, _, _ in self.library.chunks]
        rankings = self.judge.call("rank", chunks=self.vectors(variant, "chunks"), queries=self.vectors(variant, "queries"), uris=uris)
        self.check(who, variant, rankings)

    def of_docent(self, precision, who):
        """Fails if Docent finds something else than the first peer."""
        library = self.stage.library(precision)
        if [text for _, _, text in library.chunks] != [text for _, _, text in self.library.chunks]:
            raise CannotRun("it made other chunks")
        ids = [uuid_of(chunk) for _, chunk, _ in library.chunks]
        into = self.vectors(f"docent-{precision}", "chunks")
        self.judge.call("vectors", data_dir=self.stage.docent.data_dir(library.name), ids=ids, into=into, scratch=self.stage.file("judged"))
        with self.stage.serving(library) as server, log_in(server.base) as client:
            rankings = [ranked(client, library.collection, text, "SEMANTIC") for text in self.queries()]
        self.check(who, f"docent-{precision}", rankings)

    def vectors(self, variant, name):
        return self.stage.file(f"{variant}-{name}.npy")

    def check(self, who, variant, rankings):
        cosine = self.judge.call("cosine", these=self.vectors(variant, "chunks"), those=self.vectors(REFERENCE, "chunks"))
        gained = self.stage.scifact.ndcg(rankings)
        if variant == REFERENCE:
            self.expected = gained
        if self.expected is None:
            raise CannotRun("there is nothing to compare it with")
        if cosine < LEAST_COSINE[variant.partition("-")[2]] or abs(gained - self.expected) > FARTHEST_NDCG:
            raise CannotRun(f"it answers otherwise: nDCG@10 {gained:.3f} instead of {self.expected:.3f}, mean cosine {cosine:.5f}")
        self.table.row(who, figure(gained, 3), figure(cosine, 5))

    def publish(self):
        self.judge.stop()
        self.stage.report.publish(self.table)
