"""Many WebSockets with one subscription each (graphql-transport-ws), in one process that does next to nothing for each."""

import asyncio
import base64
import json
import os
import threading
from datetime import datetime, timezone
from urllib.parse import urlsplit

from calls import answer

# Sockets that are being opened at the same time.
OPENING = 20
# A server may refuse some while it is busy with others; how many it opens at a time is not what is measured.
TRIES, RETRY_SECONDS, OPEN_LIMIT = 5, 2, 60
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
SUBSCRIPTION = "subscription($id: ID!) { operationEvents(operationId: $id) { kind at } }"


class Listener(asyncio.Protocol):
    """One socket, from its upgrade on."""

    def __init__(self, crowd, operation):
        self.crowd, self.operation, self.received, self.is_upgraded = crowd, operation, b"", False
        self.is_subscribed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write((
            f"GET /graphql HTTP/1.1\r\nhost: {self.crowd.host}\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-version: 13\r\n"
            f"sec-websocket-key: {key}\r\nsec-websocket-protocol: graphql-transport-ws\r\n\r\n"
        ).encode())

    def data_received(self, data):
        self.received += data
        if not self.is_upgraded:
            head, end, rest = self.received.partition(b"\r\n\r\n")
            if not end:
                return
            if b" 101 " not in head[:20]:
                return self.fail(head[:100].decode(errors="replace"))
            self.is_upgraded, self.received = True, rest
            self.send({"type": "connection_init", "payload": {"authorization": f"Bearer {self.crowd.token}"}})
        while (frame := self.take_frame()) is not None:
            self.react(*frame)

    def take_frame(self):
        if len(self.received) < 2:
            return None
        kind, length, start = self.received[0] & 15, self.received[1] & 127, 2
        if length >= 126:
            width = 2 if length == 126 else 8
            length, start = int.from_bytes(self.received[2 : 2 + width], "big"), 2 + width
        if len(self.received) < start + length:
            return None
        frame = kind, self.received[start : start + length]
        self.received = self.received[start + length :]
        return frame

    def react(self, kind, payload):
        if kind == PING:
            self.write(PONG, payload)
        elif kind == CLOSE:
            self.fail(payload[2:].decode(errors="replace"))
        elif kind == TEXT:
            self.hear(json.loads(payload))

    def hear(self, message):
        match message["type"]:
            case "connection_ack":
                self.send({"type": "subscribe", "id": "1", "payload": {"query": SUBSCRIPTION, "variables": {"id": self.operation}}})
                # What has already happened comes first, from servers that keep it.
                self.send({"type": "ping"})
            case "ping":
                self.send({"type": "pong"})
            case "pong" if not self.is_subscribed.done():
                self.is_subscribed.set_result(None)
            case "next":
                self.crowd.happened(message["payload"])
            case "error":
                self.fail(json.dumps(message["payload"])[:200])

    def send(self, message):
        self.write(TEXT, json.dumps(message).encode())

    def write(self, kind, payload):
        """Writes a frame. Clients have to mask what they send; a mask of zeros changes nothing."""
        length = len(payload)
        sized = bytes([128 | length]) if length < 126 else bytes([254]) + length.to_bytes(2, "big")
        self.transport.write(bytes([128 | kind]) + sized + bytes(4) + payload)

    def fail(self, reason):
        self.crowd.problems.append(reason)
        self.transport.abort()

    def connection_lost(self, _):
        self.crowd.listeners.discard(self)
        if not self.is_subscribed.done():
            self.is_subscribed.set_exception(ConnectionError("a socket was closed before it subscribed"))


class Crowd:
    """All sockets. They live in a thread of their own."""

    def __init__(self):
        self.listeners, self.problems, self.delays = set(), [], []
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def happened(self, payload):
        now = datetime.now(timezone.utc)
        at = datetime.fromisoformat(payload["data"]["operationEvents"]["at"])
        self.delays.append(1000 * (now - at).total_seconds())

    def open(self, base, token, operations, count):
        """Opens `count` sockets, which listen to the operations in turn, and returns when each has subscribed."""
        self.token, address = token, urlsplit(base)
        self.host = address.netloc

        async def open_all():
            room = asyncio.Semaphore(OPENING)

            async def open_one(number):
                async with room:
                    for missing in reversed(range(TRIES)):
                        try:
                            return await self.open_socket(address, operations[number % len(operations)])
                        except (OSError, asyncio.TimeoutError):
                            if not missing:
                                raise
                            await asyncio.sleep(RETRY_SECONDS)

            await asyncio.gather(*map(open_one, range(count)))

        self.wait(open_all())

    async def open_socket(self, address, operation):
        _, listener = await self.loop.create_connection(lambda: Listener(self, operation), address.hostname, address.port)
        self.listeners.add(listener)
        await asyncio.wait_for(listener.is_subscribed, OPEN_LIMIT)

    def state(self):
        return {"open": len(self.listeners), "problems": self.problems[:3]}

    def take_delays(self):
        """The milliseconds from each event to its arrival, since the last call."""
        delays, self.delays = self.delays, []
        return delays

    def close(self):
        async def close_all():
            for listener in list(self.listeners):
                listener.transport.abort()

        self.wait(close_all())

    def wait(self, work):
        try:
            return asyncio.run_coroutine_threadsafe(work, self.loop).result()
        except Exception as error:
            raise RuntimeError(f"{error!r}; {self.problems[:1]}") from error


crowd = Crowd()
answer({"open": crowd.open, "state": crowd.state, "take_delays": crowd.take_delays, "close": crowd.close})
