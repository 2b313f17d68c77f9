"""GraphQL over one connection that stays open, with as little around it as Python allows: it takes part in what it times."""

import json
import socket
import time
from urllib.parse import urlsplit

from harness.process import CannotRun

TIMEOUT = 120
# Servers close connections on which nothing happens.
LONGEST_PAUSE = 3


class Client:
    def __init__(self, base, token=None):
        self.address, self.token = urlsplit(base), token
        self._connect()

    def _connect(self):
        self.socket = socket.create_connection((self.address.hostname, self.address.port), TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.used_at = time.monotonic()

    def wake(self):
        """Connects anew after a pause."""
        if time.monotonic() - self.used_at > LONGEST_PAUSE:
            self.socket.close()
            self._connect()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def request(self, query, variables=None):
        """The bytes of a request."""
        body = json.dumps({"query": query, "variables": variables or {}}).encode()
        head = [
            "POST /graphql HTTP/1.1", f"host: {self.address.netloc}", "content-type: application/json", "accept: application/json",
            f"content-length: {len(body)}", *([f"authorization: Bearer {self.token}"] if self.token else []),
        ]
        return "\r\n".join(head).encode() + b"\r\n\r\n" + body

    def send(self, request):
        """The status and the body of a response."""
        self.wake()
        self.socket.sendall(request)
        received = b""
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._receive()
        head = received[:end].decode("latin-1").lower().split("\r\n")
        length = next((int(line.partition(":")[2]) for line in head if line.startswith("content-length:")), None)
        if length is None:
            raise CannotRun("a response does not say how long it is")
        parts, missing = [received[end + 4 :]], length - (len(received) - end - 4)
        while missing > 0:
            parts.append(self._receive())
            missing -= len(parts[-1])
        self.used_at = time.monotonic()
        return int(head[0].split()[1]), b"".join(parts)

    def _receive(self):
        received = self.socket.recv(1 << 18)
        if not received:
            raise CannotRun("the server closed a connection")
        return received

    def ask(self, query, variables=None):
        """The data of a response without errors."""
        return data_of(*self.send(self.request(query, variables)))

    def timed(self, request):
        """The milliseconds of a request, and its response."""
        self.wake()
        started = time.perf_counter()
        response = self.send(request)
        return 1000 * (time.perf_counter() - started), response


def data_of(status, body):
    answer = json.loads(body)
    if status != 200 or answer.get("errors"):
        raise CannotRun(f"status {status}: {body[:500].decode(errors='replace')}")
    return answer["data"]
