"""Questions to alerting's inner HTTP, for people: the tenant comes from the session, the token from the key that the services share.

A tenant is whole in one worker. Which one nobody needs to know: each address is asked until one does not say "another worker has it"
(421), and the one that answered is asked first the next time.
"""

from __future__ import annotations

import asyncio
import socket
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import httpx
import msgspec

from kizashi.errors import ConfigurationError
from kizashi.stream.config import internal_token
from services.gateway.problems import Problem

CONNECT_S = 2.0
ANSWER_S = 10.0
REPLAY_S = 115.0
"""A replay of weeks takes alerting up to 110 s; then it says so itself."""
ELSEWHERE = 421
"""Alerting's "another worker has this tenant"."""
MOST_TENANTS = 10_000
"""Tenants whose worker is remembered; another is found by asking all again."""
SLOW = frozenset({"replay", "tuning", "why-not"})
KINDS = frozenset({"rule", "silence", "maintenance", "schedule", "escalation", "route", "inhibition", "budget", "channel"})
"""Configuration that alerting judges before it is written."""


class Inner:
    """Keeps connections to alerting's workers. ``places``: (host, port); every address of a host is a worker."""

    def __init__(self, places: Sequence[tuple[str, int]], key: bytes) -> None:
        self._places = tuple(places)
        self._last: OrderedDict[str, str] = OrderedDict()
        """Tenant → the worker that had it last."""
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {internal_token(key, 'alerting')}", "Content-Type": "application/json"},
            timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S),
            limits=httpx.Limits(max_connections=32, max_keepalive_connections=8),
            trust_env=False,
        )

    async def ask(self, tenant: str, place: str, query: Mapping[str, str] | None = None, body: object = None) -> bytes:
        """Alerting's JSON. Raises Problem with what it says, or 503 while it does not run.

        A question with a body goes to the next worker only when it reached nobody: a channel is not tested twice.
        """
        data = None if body is None else msgspec.json.encode(body)
        params = {**(query or {}), "tenant": tenant}
        tried: set[str] = set()
        away: httpx.TransportError | None = None
        async for worker in self._in_order(tenant):
            if worker in tried:
                continue
            tried.add(worker)
            try:
                answer = await self._asked(worker, place, params, data)
            except (httpx.ReadTimeout, httpx.PoolTimeout, httpx.WriteTimeout) as x:
                raise Problem(504, "alerting did not answer in time; ask for a shorter range") from x
            except httpx.TransportError as x:
                if data is not None and not isinstance(x, (httpx.ConnectError, httpx.ConnectTimeout)):
                    raise Problem(503, "alerting broke off; it may have done what was asked, so look before you ask again") from x
                away = x
                continue
            if answer.status_code != ELSEWHERE:
                self._remember(tenant, worker)
                if answer.status_code == 200:
                    return answer.content
                raise _problem(answer)
        if away is None:
            raise Problem(503, "the tenant is moving from one worker of alerting to another; try again in a moment", retry_after_s=2)
        raise Problem(503, "alerting is not running or cannot be reached; try again in a moment", retry_after_s=2) from away

    async def _in_order(self, tenant: str) -> AsyncIterator[str]:
        """The worker that had the tenant last, then every one there is."""
        if tenant in self._last:
            yield self._last[tenant]
        for worker in await self._workers():
            yield worker

    async def _asked(self, worker: str, place: str, params: dict[str, str], data: bytes | None) -> httpx.Response:
        slow = httpx.Timeout(REPLAY_S, connect=CONNECT_S) if place in SLOW else httpx.USE_CLIENT_DEFAULT
        url = f"http://{worker}/alerting/v1/{place}"
        if data is None:
            return await self._client.get(url, params=params, timeout=slow)
        return await self._client.post(url, params=params, content=data, timeout=slow)

    async def _workers(self) -> list[str]:
        """``address:port`` of every worker, as names resolve now; a name that does not is tried as it is, and says so by failing."""
        found: dict[str, None] = {}
        for host, port in self._places:
            try:
                known = await asyncio.get_running_loop().getaddrinfo(host, port, family=socket.AF_INET, type=socket.SOCK_STREAM)
            except (OSError, OverflowError):
                known = []
            found |= dict.fromkeys(f"{address[0]}:{port}" for *_, address in known) or {f"{host}:{port}": None}
        return list(found)

    def _remember(self, tenant: str, worker: str) -> None:
        self._last[tenant] = worker
        self._last.move_to_end(tenant)
        if len(self._last) > MOST_TENANTS:
            self._last.popitem(last=False)

    async def check(self, tenant: str, kind: str, object_id: str, body: dict[str, Any]) -> None:
        """Raises ConfigurationError with the field and the reason when alerting could not use this object.

        While alerting is away nobody is kept from changing configuration: it names what it cannot use when it is back.
        """
        if kind not in KINDS:
            return
        try:
            said = msgspec.json.decode(await self.ask(tenant, "check", body={"kind": kind, "id": object_id, "body": body}), type=_Said)
        except Problem as x:
            if x.status in (503, 504):
                return
            raise
        if not said.ok:
            raise ConfigurationError(said.problem)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


class _Said(msgspec.Struct):
    ok: bool
    problem: str = ""


def _problem(answer: httpx.Response) -> Problem:
    try:
        detail = str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        detail = "alerting gave an answer that is none"
    if answer.status_code in (400, 404, 409):
        return Problem(answer.status_code, detail)
    return Problem(504 if answer.status_code == 504 else 503, detail, retry_after_s=5)
