"""Many listeners, each on a connection of its own, as WebSockets or as event streams; and some that stop reading. They do next to nothing
for a message, so that the server is what is measured."""

import asyncio
import json
import socket
import time
from datetime import datetime
from urllib.parse import urlsplit

from calls import answer
from frames import CLOSE, PING, PONG, TEXT, Loop, frame, message, opening, take

# Connections that are being opened at the same time, and how long one may take.
OPENING, OPEN_LIMIT = 20, 60
# What a listener that does not read takes off the network at most.
SMALL_BUFFER = 4096


class Listener(asyncio.Protocol):
    """A connection, from its first request on."""

    def __init__(self, crowd, is_stuck):
        self.crowd, self.is_stuck, self.received, self.is_answered = crowd, is_stuck, bytearray(), False
        self.is_subscribed = asyncio.get_running_loop().create_future()
        self.ended_at = None

    def connection_made(self, transport):
        self.transport = transport
        transport.write(self.request())

    def data_received(self, data):
        self.received += data
        if not self.is_answered:
            end = self.received.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self.received[:end])
            if head.split(None, 2)[1] not in (b"101", b"200"):
                return self.fail(head[:100].decode(errors="replace"))
            self.is_answered = True
            del self.received[: end + 4]
            self.begin()
        self.read()

    def subscribed(self):
        if not self.is_subscribed.done():
            self.is_subscribed.set_result(None)
            if self.is_stuck:
                self.transport.pause_reading()

    def fail(self, reason):
        self.crowd.problems.append(reason)
        self.transport.abort()

    def connection_lost(self, _):
        self.ended_at = time.time()
        self.crowd.listeners.discard(self)
        if not self.is_subscribed.done():
            self.is_subscribed.set_exception(ConnectionError("a connection was closed before it subscribed"))


class Socket(Listener):
    """graphql-transport-ws."""

    def request(self):
        return opening(self.crowd.host)

    def begin(self):
        self.send({"type": "connection_init", "payload": {"authorization": f"Bearer {self.crowd.token}"}})

    def read(self):
        while (taken := take(self.received)) is not None:
            kind, payload = taken
            if kind == TEXT:
                self.hear(payload)
            elif kind == PING:
                self.transport.write(frame(PONG, payload))
            elif kind == CLOSE:
                self.fail(payload[2:].decode(errors="replace"))

    def hear(self, payload):
        if payload.startswith(b'{"type":"next"'):
            return self.crowd.happened(payload)
        heard = json.loads(payload)
        match heard["type"]:
            case "connection_ack":
                self.send({"type": "subscribe", "id": "1", "payload": {"query": self.crowd.document}})
                # It is answered when the subscription has begun.
                self.send({"type": "ping"})
            case "pong":
                self.subscribed()
            case "next":
                self.crowd.happened(payload)
            case "error":
                self.fail(json.dumps(heard["payload"])[:200])

    def send(self, content):
        self.transport.write(message(content))


class Stream(Listener):
    """GraphQL over Server-Sent Events. The body comes in chunks, of which each is a whole event."""

    def request(self):
        body = json.dumps({"query": self.crowd.document}).encode()
        return (
            f"POST /graphql HTTP/1.1\r\nhost: {self.crowd.host}\r\nauthorization: Bearer {self.crowd.token}\r\naccept: text/event-stream\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        ).encode() + body

    def begin(self):
        pass

    def read(self):
        while (end := self.received.find(b"\n\n")) >= 0:
            event = bytes(self.received[:end])
            del self.received[: end + 2]
            # The opening is a comment.
            self.subscribed()
            _, is_next, data = event.partition(b"event: next\ndata: ")
            if is_next and data.startswith(b'{"errors"'):
                self.fail(data[:200].decode(errors="replace"))
            elif is_next:
                self.crowd.happened(data)


class Crowd(Loop):
    """All listeners."""

    def __init__(self):
        super().__init__()
        self.stuck, self.moments = [], {}
        self.forget()

    def forget(self):
        self.delays, self.last_at = [], None

    def happened(self, payload):
        now = time.time()
        start = payload.rfind(b'"at":"') + 6
        at = payload[start : payload.index(b'"', start)]
        moment = self.moments.get(at)
        if moment is None:
            moment = self.moments[at] = datetime.fromisoformat(at.decode()).timestamp()
        self.delays.append(1000 * (now - moment))
        self.last_at = now

    def open(self, base, token, kind, document, count, stuck=0):
        """Opens listeners, and some that stop reading as soon as they listen; returns when all of them do."""
        self.token, self.document, address = token, document, urlsplit(base)
        self.host = address.netloc
        made = Socket if kind == "sockets" else Stream

        async def open_one(room, is_stuck):
            async with room:
                end = socket.socket()
                if is_stuck:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
                end.setblocking(False)
                await self.loop.sock_connect(end, (address.hostname, address.port))
                _, listener = await self.loop.create_connection(lambda: made(self, is_stuck), sock=end)
                await asyncio.wait_for(listener.is_subscribed, OPEN_LIMIT)
                if is_stuck:
                    self.stuck.append(listener)
                else:
                    self.listeners.add(listener)

        async def open_all():
            room = asyncio.Semaphore(OPENING)
            await asyncio.gather(*(open_one(room, number < stuck) for number in range(count + stuck)))

        self.wait(open_all())

    def given_up(self):
        """Those who stopped reading: how many the server has given up."""
        async def look():
            for listener in self.stuck:
                # Only who reads sees the end. What was sent until then is passed over.
                listener.received, listener.read, listener.is_answered = bytearray(), lambda: None, True
                listener.transport.resume_reading()
            await asyncio.sleep(2)
            return sum(listener.ended_at is not None for listener in self.stuck)

        return self.wait(look())

    def take(self):
        """The messages since the last call, and the milliseconds from each event to its arrival."""
        async def taken():
            delays, last_at = sorted(self.delays), self.last_at
            self.forget()
            return delays, last_at

        delays, last_at = self.wait(taken())
        share = lambda percent: delays[max(0, -(-len(delays) * percent // 100) - 1)] if delays else None
        return {"messages": len(delays), "p50": share(50), "p99": share(99), "lastAt": last_at}

    def close(self):
        async def close_all():
            for listener in [*self.listeners, *self.stuck]:
                listener.transport.abort()
            self.stuck.clear()

        self.wait(close_all())


crowd = Crowd()
answer({
    "open": crowd.open, "state": crowd.state, "given_up": crowd.given_up, "take": crowd.take, "close": crowd.close,
})
