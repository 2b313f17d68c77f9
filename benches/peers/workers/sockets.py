"""Many WebSockets with one subscription each (graphql-transport-ws), in one process that does next to nothing for each."""

import asyncio
import json
from datetime import datetime, timezone
from urllib.parse import urlsplit

from calls import answer
from frames import CLOSE, PING, PONG, TEXT, Loop, frame, message, opening, take

# Sockets that are being opened at the same time.
OPENING = 20
# A server may refuse some while it is busy with others; how many it opens at a time is not what is measured.
TRIES, RETRY_SECONDS, OPEN_LIMIT = 5, 2, 60
SUBSCRIPTION = "subscription($id: ID!) { operationEvents(operationId: $id) { kind at } }"


class Listener(asyncio.Protocol):
    """One socket, from its upgrade on."""

    def __init__(self, crowd, operation):
        self.crowd, self.operation, self.received, self.is_upgraded = crowd, operation, bytearray(), False
        self.is_subscribed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        self.transport = transport
        transport.write(opening(self.crowd.host))

    def data_received(self, data):
        self.received += data
        if not self.is_upgraded:
            head, end, _ = self.received.partition(b"\r\n\r\n")
            if not end:
                return
            if b" 101 " not in head[:20]:
                return self.fail(head[:100].decode(errors="replace"))
            self.is_upgraded = True
            del self.received[: len(head) + len(end)]
            self.send({"type": "connection_init", "payload": {"authorization": f"Bearer {self.crowd.token}"}})
        while (taken := take(self.received)) is not None:
            self.react(*taken)

    def react(self, kind, payload):
        if kind == PING:
            self.transport.write(frame(PONG, payload))
        elif kind == CLOSE:
            self.fail(payload[2:].decode(errors="replace"))
        elif kind == TEXT:
            self.hear(json.loads(payload))

    def hear(self, heard):
        match heard["type"]:
            case "connection_ack":
                self.send({"type": "subscribe", "id": "1", "payload": {"query": SUBSCRIPTION, "variables": {"id": self.operation}}})
                # What has already happened comes first, from servers that keep it.
                self.send({"type": "ping"})
            case "ping":
                self.send({"type": "pong"})
            case "pong" if not self.is_subscribed.done():
                self.is_subscribed.set_result(None)
            case "next":
                self.crowd.happened(heard["payload"])
            case "error":
                self.fail(json.dumps(heard["payload"])[:200])

    def send(self, content):
        self.transport.write(message(content))

    def fail(self, reason):
        self.crowd.problems.append(reason)
        self.transport.abort()

    def connection_lost(self, _):
        self.crowd.listeners.discard(self)
        if not self.is_subscribed.done():
            self.is_subscribed.set_exception(ConnectionError("a socket was closed before it subscribed"))


class Crowd(Loop):
    """All sockets."""

    def __init__(self):
        super().__init__()
        self.delays = []

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

    def take_delays(self):
        """The milliseconds from each event to its arrival, since the last call."""
        delays, self.delays = self.delays, []
        return delays

    def close(self):
        async def close_all():
            for listener in list(self.listeners):
                listener.transport.abort()

        self.wait(close_all())


crowd = Crowd()
answer({"open": crowd.open, "state": crowd.state, "take_delays": crowd.take_delays, "close": crowd.close})
