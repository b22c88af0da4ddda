"""An HTTP/1.1 client for measuring: an answer ends when the kernel got its last byte, not when this process woke.

A load generator shares processors with what it measures. What it takes until it reads an answer that is already there is its own
queueing, and would be counted as the server's. Linux stamps arriving segments on request (``SO_TIMESTAMPNS``, socket(7)); where it does
not, the process's clock is used and ``Clocked.kernel`` says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from dataclasses import dataclass

SO_TIMESTAMPNS = 35
"""Linux's number; the socket module has no name for it."""
STAMP = struct.Struct("qq")
"""A ``struct timespec``: seconds and nanoseconds of the real-time clock."""
READ_BYTES = 1 << 18
PER_HOST = 6
"""Connections that a browser opens to one host over HTTP/1.1 (Chromium, Firefox, Safari)."""


class BadAnswer(OSError):
    """The server closed in the middle, or spoke something else than HTTP/1.1 with a Content-Length."""


@dataclass(frozen=True, slots=True)
class Clocked:
    """An answer. ``seconds`` from the first byte sent to the last byte that arrived; ``late_s`` is what this process took to notice."""

    status: int
    body: bytes
    seconds: float
    late_s: float
    kernel: bool


class Wire:
    """One connection that is kept open; one question at a time."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._loop = asyncio.get_running_loop()
        self._got = bytearray()
        self._wanted = -1
        self._answer: asyncio.Future[Clocked] | None = None
        self._sent = 0.0
        self._loop.add_reader(sock.fileno(), self._readable)

    @classmethod
    async def open(cls, host: str, port: int) -> Wire:
        """Connect. Raises OSError."""
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError):  # another system: the process's clock is used
            sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        await asyncio.get_running_loop().sock_connect(sock, (host, port))
        return cls(sock)

    @property
    def alive(self) -> bool:
        """Whether the server has not hung up: it does so when a connection was idle for long, and a browser then opens another."""
        return self._sock.fileno() >= 0

    async def ask(self, request: bytes) -> Clocked:
        """Send a whole request and wait for its answer. Raises BadAnswer or OSError; the wire is of no use afterwards."""
        self._answer = self._loop.create_future()
        self._got.clear()
        self._wanted = -1
        self._sent = time.time()
        await self._loop.sock_sendall(self._sock, request)
        return await self._answer

    def close(self) -> None:
        """Hang up."""
        if self._sock.fileno() >= 0:
            self._loop.remove_reader(self._sock.fileno())
            self._sock.close()

    def _readable(self) -> None:
        try:
            data, told, _, _ = self._sock.recvmsg(READ_BYTES, socket.CMSG_SPACE(STAMP.size))
            self._take(data, next((STAMP.unpack(stamp[: STAMP.size]) for _, kind, stamp in told if kind == SO_TIMESTAMPNS), None))
        except BlockingIOError:
            return
        except (OSError, ValueError) as x:
            self._fail(x)

    def _take(self, data: bytes, stamp: tuple[int, int] | None) -> None:
        if not data:
            raise BadAnswer("the server closed the connection")
        self._got += data
        if self._wanted < 0 and (head := self._got.find(b"\r\n\r\n")) >= 0:
            self._wanted = head + 4 + _length(bytes(self._got[:head]))
        if self._wanted < 0 or len(self._got) < self._wanted or self._answer is None or self._answer.done():
            return
        now = time.time()
        arrived = now if stamp is None else stamp[0] + stamp[1] / 1e9
        status = int(self._got[9:12])
        body = bytes(self._got[self._got.find(b"\r\n\r\n") + 4 : self._wanted])
        self._answer.set_result(Clocked(status, body, max(0.0, arrived - self._sent), now - arrived, stamp is not None))

    def _fail(self, x: Exception) -> None:
        self.close()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(x if isinstance(x, OSError) else BadAnswer(str(x)))


class Browser:
    """Up to ``PER_HOST`` kept connections to one server, opened when they are needed, as a browser does."""

    def __init__(self, host: str, port: int, key: str) -> None:
        self._host, self._port = host, port
        self._head = f" HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {key}\r\nAccept: application/json\r\n\r\n".encode()
        self._free: list[Wire] = []
        self._room = asyncio.Semaphore(PER_HOST)

    async def get(self, path: str) -> Clocked:
        """GET; raises OSError. Waiting for a free connection is not counted: it is the browser's, not the server's."""
        async with self._room:
            wire = self._kept() or await Wire.open(self._host, self._port)
            try:
                answer = await wire.ask(b"GET " + path.encode() + self._head)
            except BaseException:
                wire.close()
                raise
            self._free.append(wire)
            return answer

    def _kept(self) -> Wire | None:
        while self._free:
            wire = self._free.pop()
            if wire.alive:
                return wire
        return None

    def close(self) -> None:
        """Hang up everywhere."""
        for wire in self._free:
            wire.close()
        self._free.clear()


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    raise BadAnswer("an answer without Content-Length cannot be measured")
