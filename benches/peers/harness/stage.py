"""Where the parts play: what runs, where it is installed, how much is done."""

import contextlib
import os
import subprocess
from dataclasses import dataclass
from functools import cached_property

from harness.docent import LOOK, Docent, chunks_of, create_collection, follow, ingest, register, settle
from harness.install import HERE, REQUIREMENTS, Peers, once
from harness.process import CannotRun
from harness.report import Report, note
from harness.scifact import Scifact
from harness.worker import Worker, write_texts


@dataclass
class Library:
    """SciFact in Docent: where it lies, and what was read."""

    name: str
    settings: dict
    collection: str
    # As (uri, chunk id, text).
    chunks: list


class Stage:
    def __init__(self, arguments, scratch):
        self.arguments, self.scratch = arguments, scratch
        self.docent = Docent(arguments.server, arguments.model_dir, scratch)
        self.peers = Peers(arguments.folder)
        self.report = Report()
        self.rounds = arguments.rounds
        self._libraries = {}

    def size(self, full, quick):
        return quick if self.arguments.quick else full

    @cached_property
    def scifact(self):
        return Scifact(self.arguments.data, self.size(None, 60))

    @contextlib.contextmanager
    def measuring(self, who):
        """What can't run has no figures, but a reason."""
        try:
            yield
        except (CannotRun, OSError, subprocess.SubprocessError) as error:
            self.report.not_measured(who, error)

    def each_round(self, what):
        for number in range(self.rounds):
            note(f"{what}: round {number + 1} of {self.rounds}")
            yield number

    def worker(self, name, program, *arguments, threads=2):
        return Worker(name, self.peers.python(), program, self.scratch, *arguments, threads=threads)

    def runtime(self, variant, threads):
        """A worker that embeds with one of the peers' runtimes."""
        return self.worker(f"{variant}-{threads}", "embedding.py", variant, threads, self.arguments.weights, self.graphs, threads=threads)

    @cached_property
    def texts(self):
        """A file with SciFact's abstracts."""
        write_texts(self.file("texts.jsonl"), [text for _, text in self.scifact.documents])
        return self.file("texts.jsonl")

    @cached_property
    def graphs(self):
        """The folder with the graphs that the runtimes execute."""
        folder, weights = os.path.join(self.arguments.folder, "graphs"), self.arguments.weights
        inputs = [REQUIREMENTS, os.path.join(HERE, "workers", "graphs.py"), os.path.join(weights, "model.safetensors")]

        def build():
            note("making the runtimes' graphs")
            self.prepare("build", folder=folder, samples=self.texts)

        once(folder, inputs, build)
        return folder

    def prepare(self, action, **arguments):
        worker = self.worker("prepare", "prepare.py", self.arguments.weights)
        try:
            worker.call(action, **arguments)
        finally:
            worker.stop()

    def file(self, name):
        return os.path.join(self.scratch, name)

    def library(self, precision="f32"):
        """SciFact, put into Docent the first time that a part asks for it. No server runs on it."""
        if precision not in self._libraries:
            settings = self.docent.precision(precision)
            note(f"Docent reads SciFact, {precision}")
            self._libraries[precision] = self._read(f"scifact {precision}", settings)
        return self._libraries[precision]

    def _read(self, name, settings):
        server = self.docent.serve(name, **settings, **LOOK)
        try:
            with register(server.base) as client:
                collection = create_collection(client, "SciFact")
                operations = ingest(client, collection, self.scifact.documents)
                follow(client, operations, 120 + len(self.scifact.documents))
                settle(server)
                return Library(name, settings, collection, chunks_of(client, collection))
        finally:
            server.stop()

    @contextlib.contextmanager
    def serving(self, library):
        """Docent on what it read before."""
        server = self.docent.serve(library.name, **library.settings)
        try:
            yield server
        finally:
            server.stop()
