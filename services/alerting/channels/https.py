"""The door to other people's HTTP servers: one request, to an address that was judged, without redirects, cookies or proxies."""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import httpx

from kizashi.clock import Clock, SystemClock
from kizashi.errors import Refused
from services.alerting.channels.outcome import Outcome, of_status
from services.alerting.page import one_line
from services.alerting.retry import retry_after_s
from services.alerting.targets import Reach, Target, admit, parse_target

WITHIN_S = 5.0
"""For the whole exchange, name resolution included."""
MOST_ANSWER_BYTES = 65_536
LONGEST_SAID = 120
MOST_CONNECTIONS = 16
"""To one host."""
KEEP_S = 20.0
"""A connection that nothing used for so long is closed: in a storm the handshake is most of a message's cost, else nobody waits for it."""
MOST_HOSTS = 256
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


async def resolve(host: str, port: int) -> list[str]:
    """Every address of a name, in the order in which the system would try them. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True)
class Answer:
    """Status, headers and at most 64 KiB of the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def settle_sniffio() -> None:
    """Note that sniffio is not installed, where it is not: httpcore tries to import it six times a request, and each failed try walks the
    whole import path, a fifth of what a message costs."""
    if "sniffio" not in sys.modules and find_spec("sniffio") is None:
        sys.modules["sniffio"] = None  # type: ignore[assignment]  # Python's own way to say so: a later import fails at once


class Https:
    """Sends requests to targets within ``reach``. ``trust`` is the TLS context; None takes the system's authorities."""

    def __init__(
        self, reach: Reach, trust: ssl.SSLContext | None = None, resolve: Resolve = resolve, clock: Clock | None = None,
        within_s: float = WITHIN_S,
    ) -> None:  # fmt: skip
        settle_sniffio()
        self.reach, self.clock = reach, clock or SystemClock()
        self._resolve, self._within_s = resolve, within_s
        self.trust = trust or ssl.create_default_context()
        self._transports: dict[tuple[str, int], httpx.AsyncHTTPTransport] = {}

    async def addresses(self, host: str, port: int) -> tuple[str, ...]:
        """Judged addresses of a host. Raises Refused, OSError."""
        return admit(host, port, await self._resolve(host, port), self.reach)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """The answer. Raises Refused for a target out of reach; OSError, TimeoutError or httpx.TransportError when nobody answers."""
        async with asyncio.timeout(self._within_s):
            target = parse_target(url, self.reach)
            addresses = await self.addresses(target.host, target.port)
            for address in addresses[:-1]:
                try:
                    return await self._exchange(target, address, body, headers)
                except httpx.ConnectError:
                    continue
            return await self._exchange(target, addresses[-1], body, headers)

    async def _exchange(self, target: Target, address: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        name = f"[{address}]" if ":" in address else address
        request = httpx.Request(
            "POST",
            f"{'https' if target.secure else 'http'}://{name}:{target.port}{target.path}",
            headers={"Host": target.authority, "User-Agent": "kizashi", "Content-Type": "application/json", **headers},
            content=body,
            extensions={"sni_hostname": target.host, "timeout": httpx.Timeout(self._within_s).as_dict()},
        )
        response = await (await self._transport(target)).handle_async_request(request)
        try:
            read = bytearray()
            async for chunk in response.aiter_raw():
                read += chunk[: MOST_ANSWER_BYTES - len(read)]
                if len(read) >= MOST_ANSWER_BYTES:
                    break
            return Answer(response.status_code, response.headers, bytes(read))
        finally:
            await response.aclose()

    async def _transport(self, target: Target) -> httpx.AsyncHTTPTransport:
        """Connections of one host. A pool knows addresses, not names: two hosts of one address must not share a connection."""
        place = (target.host, target.port)
        if place not in self._transports:
            if len(self._transports) >= MOST_HOSTS:
                await self._transports.pop(next(iter(self._transports))).aclose()  # whose message was under way is sent again
            limits = httpx.Limits(max_connections=MOST_CONNECTIONS, max_keepalive_connections=MOST_CONNECTIONS, keepalive_expiry=KEEP_S)
            self._transports[place] = httpx.AsyncHTTPTransport(self.trust, trust_env=False, limits=limits)
        return self._transports[place]

    async def tell(
        self, url: str, body: bytes, headers: Mapping[str, str], judge: Callable[[Answer], Outcome | None] = lambda _: None
    ) -> Outcome:
        """The outcome of one POST. ``judge`` may know better than the status code what an answer means. Never raises but for a bug."""
        try:
            answer = await self.post(url, body, headers)
        except Refused as x:
            return Outcome("failed", str(x))
        except TimeoutError:
            return Outcome("retry", f"no answer within {self._within_s:g} s")
        except socket.gaierror as x:
            return Outcome("retry", f"the host's name was not resolved ({x.strerror})")
        except (OSError, httpx.TransportError) as x:
            return Outcome("retry", f"the connection failed ({type(x).__name__})")  # its text may hold the address, a secret for some
        said = one_line(answer.body[: 4 * LONGEST_SAID].decode("utf-8", "replace"))[:LONGEST_SAID]
        wish = retry_after_s(answer.headers.get("retry-after", ""), self.clock.now_ms())
        return judge(answer) or of_status(answer.status, f": {said}" if said else "", wish)

    async def close(self) -> None:
        """Close what is open."""
        for transport in self._transports.values():
            await transport.aclose()
        self._transports.clear()
