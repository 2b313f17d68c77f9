"""Where the parts play: what runs, where it is installed, how much is done."""

import contextlib
import os
from dataclasses import dataclass
from functools import cached_property

from harness.docent import Docent, chunks_of, create_collection, follow, ingest, register, settle
from harness.install import Peers
from harness.process import CannotRun
from harness.report import Report, note
from harness.scifact import Scifact
from harness.worker import Worker


@dataclass
class Library:
    """SciFact in Docent: where it lies, and what was read."""

    name: str
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
        return Scifact(self.arguments.data, self.size(None, 200))

    @contextlib.contextmanager
    def measuring(self, who):
        """What can't run has no figures, but a reason."""
        try:
            yield
        except (CannotRun, OSError) as error:
            self.report.not_measured(who, error)

    def each_round(self, what):
        for number in range(self.rounds):
            note(f"{what}: round {number + 1} of {self.rounds}")
            yield number

    def worker(self, name, program, *arguments, threads=2):
        return Worker(name, self.peers.python(), program, self.scratch, *arguments, threads=threads)

    def file(self, name):
        return os.path.join(self.scratch, name)

    def library(self, name="scifact", **settings):
        """SciFact, put into Docent the first time that a part asks for it. No server runs on it."""
        if name not in self._libraries:
            note(f"Docent reads SciFact for {name}")
            self._libraries[name] = self._read(name, settings)
        return self._libraries[name]

    def _read(self, name, settings):
        server = self.docent.serve(name, **settings)
        try:
            with register(server.base) as client:
                collection = create_collection(client, "SciFact")
                operations = ingest(client, collection, self.scifact.documents)
                follow(client, operations, 120 + len(self.scifact.documents))
                settle(server)
                return Library(name, collection, chunks_of(client, collection))
        finally:
            server.stop()
