"""Questions to alerting's inner HTTP, for people: the tenant comes from the session, the token from the key that the services share."""

from __future__ import annotations

from collections.abc import Mapping
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
SLOW = frozenset({"replay", "tuning", "why-not"})
KINDS = frozenset({"rule", "silence", "maintenance", "schedule", "escalation", "route", "inhibition", "budget", "channel"})
"""Configuration that alerting judges before it is written."""


class Inner:
    """Keeps connections to alerting."""

    def __init__(self, host: str, port: int, key: bytes) -> None:
        self._client = httpx.AsyncClient(
            base_url=f"http://{host}:{port}/alerting/v1/",
            headers={"Authorization": f"Bearer {internal_token(key, 'alerting')}", "Content-Type": "application/json"},
            timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S),
            limits=httpx.Limits(max_connections=32, max_keepalive_connections=8),
            trust_env=False,
        )

    async def ask(self, tenant: str, place: str, query: Mapping[str, str] | None = None, body: object = None) -> bytes:
        """Alerting's JSON. Raises Problem with what it says, or 503 while it does not run."""
        params = {**(query or {}), "tenant": tenant}
        slow = httpx.Timeout(REPLAY_S, connect=CONNECT_S) if place in SLOW else httpx.USE_CLIENT_DEFAULT
        try:
            if body is None:
                answer = await self._client.get(place, params=params, timeout=slow)
            else:
                answer = await self._client.post(place, params=params, content=msgspec.json.encode(body), timeout=slow)
        except httpx.TimeoutException as x:
            raise Problem(504, "alerting did not answer in time; ask for a shorter range") from x
        except httpx.TransportError as x:
            raise Problem(503, "alerting is not running or cannot be reached; try again in a moment", retry_after_s=2) from x
        if answer.status_code == 200:
            return answer.content
        raise _problem(answer)

    async def check(self, tenant: str, kind: str, object_id: str, body: dict[str, Any]) -> None:
        """Raises ConfigurationError with the field and the reason when alerting could not use this object.

        While alerting is away nobody is kept from changing configuration: it names what it cannot use when it is back.
        """
        if kind not in KINDS:
            return
        try:
            said = msgspec.json.decode(await self.ask(tenant, "check", body={"kind": kind, "id": object_id, "body": body}), type=_Said)
        except Problem as x:
            if x.status in (503, 504, 409):
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
