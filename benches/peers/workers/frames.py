"""WebSockets as clients of graphql-transport-ws need them: the request that opens one, and its frames; and a loop of its own for many."""

import asyncio
import base64
import json
import os
import threading

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


def opening(host):
    """The request that opens a WebSocket."""
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        f"GET /graphql HTTP/1.1\r\nhost: {host}\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-version: 13\r\n"
        f"sec-websocket-key: {key}\r\nsec-websocket-protocol: graphql-transport-ws\r\n\r\n"
    ).encode()


def frame(kind, payload):
    """A frame. Clients have to mask what they send; a mask of zeros changes nothing."""
    length = len(payload)
    sized = bytes([128 | length]) if length < 126 else bytes([254]) + length.to_bytes(2, "big")
    return bytes([128 | kind]) + sized + bytes(4) + payload


def message(content):
    return frame(TEXT, json.dumps(content).encode())


def take(received):
    """The kind and the payload of the first frame of a bytearray, which it leaves; None if it is not there whole."""
    if len(received) < 2:
        return None
    kind, length, start = received[0] & 15, received[1] & 127, 2
    if length >= 126:
        start = 4 if length == 126 else 10
        length = int.from_bytes(received[2:start], "big")
    if len(received) < start + length:
        return None
    payload = bytes(received[start : start + length])
    del received[: start + length]
    return kind, payload


class Loop:
    """Connections that live in a thread of their own. What is wrong with them is kept."""

    def __init__(self):
        self.listeners, self.problems = set(), []
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def state(self):
        return {"open": len(self.listeners), "problems": self.problems[:3]}

    def wait(self, work):
        try:
            return asyncio.run_coroutine_threadsafe(work, self.loop).result()
        except Exception as error:
            raise RuntimeError(f"{error!r}; {self.problems[:1]}") from error
