"""A real HTTPS server on this machine that keeps what it was sent and answers as a script says."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trustme

from kizashi.clock import Clock, ManualClock
from kizashi.secret_files import SecretFiles
from services.alerting.channels.doors import Doors
from services.alerting.channels.https import Https, Resolve
from services.alerting.targets import Reach

HOST = "hooks.test"


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """What to answer; a ``delay_s`` keeps the client waiting, status 0 hangs up."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"ok"
    delay_s: float = 0.0


@dataclass
class Receiver:
    """The running server."""

    port: int
    authority: trustme.CA
    answer: Callable[[Asked], Reply]
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0

    def url(self, path: str = "/", host: str = HOST) -> str:
        return f"https://{host}:{self.port}{path}"

    def trust(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        return context

    def reach(self) -> Reach:
        return Reach(development=True, hosts=frozenset({f"{HOST}:{self.port}"}))


@functools.cache
def certificate() -> tuple[trustme.CA, ssl.SSLContext]:
    """An authority and the server's certificate, for its name and for this machine."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST, "127.0.0.1").configure_cert(context)
    return authority, context


async def here(host: str, port: int) -> Sequence[str]:
    """Every name is this machine."""
    return ["127.0.0.1"]


@contextlib.asynccontextmanager
async def receiver(*replies: Reply, judge: Callable[[Asked], Reply] | None = None) -> AsyncIterator[Receiver]:
    """A server that gives ``replies`` in turn, the last one for ever; or what ``judge`` says of a request."""
    left = list(replies) or [Reply()]
    authority, context = certificate()
    open_now: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        running.connections += 1
        open_now[writer] = asyncio.current_task()
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            while await answer_one(running, reader, writer):
                pass
        writer.transport.abort() if gone.is_set() else writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = int(server.sockets[0].getsockname()[1])
    running = Receiver(port, authority, judge or (lambda _: left.pop(0) if len(left) > 1 else left[0]))
    try:
        yield running
    finally:
        server.close()
        gone.set()
        for writer in open_now:
            writer.transport.abort()
        await asyncio.gather(*(task for task in open_now.values() if task), return_exceptions=True)


async def answer_one(running: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Whether the connection may be used again."""
    asked = await read_request(reader)
    running.asked.append(asked)
    try:
        reply = running.answer(asked)
    except AssertionError as x:
        reply = Reply(400, body=f"refused by the rules: {x}"[:100].encode())
    await asyncio.sleep(reply.delay_s)  # the fault itself: a receiver that takes its time
    if not reply.status:
        return False
    lines = [f"HTTP/1.1 {reply.status} X", f"Content-Length: {len(reply.body)}", *(f"{k}: {v}" for k, v in reply.headers.items())]
    writer.write("\r\n".join([*lines, "", ""]).encode() + reply.body)
    await writer.drain()
    return True


async def read_request(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    return Asked(method, path, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


def doors(running: Receiver | None, folder: Path, clock: Clock | None = None, resolve: Resolve = here, within_s: float = 5.0) -> Doors:
    """Doors that reach the server as ``hooks.test`` and nothing else."""
    now = clock or ManualClock(1_764_000_000_000)
    reach, trust = (running.reach(), running.trust()) if running else (Reach(), None)
    return Doors(Https(reach, trust, resolve, now, within_s), SecretFiles(folder), now, "https://kizashi.test")
