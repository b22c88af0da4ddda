"""The gateway's API for commands on this machine: with the key that is given, else with one of its own that ends with the command."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from kizashi.errors import KizashiError, NotFound, Recoverable, Refused
from kizashi.settings import Settings
from services.gateway.credentials import new_key
from services.roof.token import change_keys, key_file

VALID_MS = 300_000
TIMEOUT_S = 130.0
"""Measured advice may run a query several times."""


@contextmanager
def house_api(settings: Settings, scopes: list[str], url: str = "", key: str = "") -> Iterator[httpx.Client]:
    """A client of the gateway with these rights. ``url`` and ``key`` reach a house that runs elsewhere."""
    made = ""
    if not key:
        key, made, sha256 = new_key()
        record: dict[str, object] = {
            "prefix": made, "sha256": sha256, "tenant": settings.tenant, "scopes": scopes, "name": "command line",
            "expires_ms": round(time.time() * 1_000) + VALID_MS,
        }  # fmt: skip
        change_keys(key_file(settings.home), lambda records: [*records, record])
    try:
        base = url or settings.near_url
        with httpx.Client(base_url=base, headers={"Authorization": f"Bearer {key}"}, timeout=TIMEOUT_S, trust_env=False) as client:
            yield client
    except httpx.TransportError as x:
        raise Recoverable(f"the gateway does not answer ({x}): is `kizashi up` running?") from x
    finally:
        if made:
            change_keys(key_file(settings.home), lambda records: [r for r in records if r.get("prefix") != made])


def said(answer: httpx.Response) -> Any:
    """The JSON of an answer; raises what its problem means."""
    if answer.is_success:
        return answer.json() if answer.content else None
    try:
        detail = str(answer.json().get("detail", answer.text))
    except ValueError:
        detail = answer.text[:200]
    if answer.status_code == 404:
        raise NotFound(detail)
    if answer.status_code >= 500:
        raise Recoverable(detail)
    if answer.status_code in (400, 401, 403, 409, 412, 413, 422, 428):
        raise Refused(detail)
    raise KizashiError(f"{answer.status_code}: {detail}")
