"""How the house is: its parts, lag, freshness, counters, and a short history of throughput and delay."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msgspec

from kizashi.observe.logs import logger
from kizashi.observe.metrics import CACHE

FRESH_STATE_MS = 15_000
"""The supervisor writes its state every two seconds; an older file is of a house that is gone."""
HISTORY = 180
EVERY_S = 5.0
"""180 points of 5 s: a quarter of an hour."""
_LINE = re.compile(r"^(kizashi_\w+?)(?:_total)?(?:\{([^}]*)\})? ([0-9.eE+-]+)$")


class Part(msgspec.Struct):
    """One process of the house."""

    name: str
    ready: bool
    detail: str = ""
    pid: int | None = None
    rss_mb: float | None = None
    restarts: int = 0
    port: int | None = None


class _State(msgspec.Struct):
    written_ms: int
    children: list[Part] = []


def read_parts(home: Path, now_ms: int) -> list[Part]:
    """Parts from ``home/run/state.json``; empty when no supervisor runs here (containers have their own)."""
    try:
        state = msgspec.json.decode((home / "run" / "state.json").read_bytes(), type=_State)
    except (OSError, msgspec.DecodeError, msgspec.ValidationError):
        return []
    return state.children if now_ms - state.written_ms < FRESH_STATE_MS else []


def totals(text: str) -> dict[str, float]:
    """Sum over all labels of every counter and gauge of ours in a Prometheus page.

    >>> totals('kizashi_rejected_samples_total{reason="a"} 2.0\\nkizashi_rejected_samples_total{reason="b"} 1.0')
    {'kizashi_rejected_samples': 3.0}
    """
    out: dict[str, float] = {}
    for line in text.splitlines():
        if match := _LINE.match(line):
            out[match[1]] = out.get(match[1], 0.0) + float(match[3])
    return out


async def scrape(parts: list[Part], names: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """Part name → totals of its /metrics; parts that do not answer within a second are left out."""
    asked = [p for p in parts if p.name in names and p.port]

    async def one(client: httpx.AsyncClient, part: Part) -> dict[str, float] | None:
        try:
            answer = await client.get(f"http://127.0.0.1:{part.port}/metrics")
        except httpx.HTTPError as x:
            logger().debug("vitals.silent", part=part.name, error=repr(x))
            return None
        return totals(answer.text) if answer.status_code == 200 else None

    async with httpx.AsyncClient(timeout=1.0, trust_env=False) as client:
        found = await asyncio.gather(*(one(client, p) for p in asked))
    return {p.name: f for p, f in zip(asked, found, strict=True) if f is not None}


@dataclass
class History:
    """The last quarter of an hour: (time, samples a second), and the newest delays in ms."""

    rates: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=HISTORY))
    delays_ms: deque[int] = field(default_factory=lambda: deque(maxlen=2_000))

    def quantile(self, q: float) -> int | None:
        """Nearest-rank quantile of the delays; None without any."""
        if not self.delays_ms:
            return None
        ordered = sorted(self.delays_ms)
        return ordered[min(len(ordered) - 1, round(q * (len(ordered) - 1)))]

    def view(self, now_ms: int) -> dict[str, Any]:
        """As the API shows it."""
        return {
            "now_ms": now_ms,
            "history": {"ts": [t for t, _ in self.rates], "samples_per_s": [r for _, r in self.rates]},
            "delay_ms": {
                "p50": self.quantile(0.5),
                "p99": self.quantile(0.99),
                "stage": "ingest to gateway",
                "messages": len(self.delays_ms),
            },
        }


def hit_rates() -> list[dict[str, Any]]:
    """Look-ups of this process by cache layer since its start; ``hit_rate`` counts answers that were at hand, stale ones too."""
    counted: dict[str, dict[str, int]] = {}
    for sample in next(iter(CACHE.collect())).samples:
        if sample.name.endswith("_total"):
            counted.setdefault(sample.labels["layer"], {})[sample.labels["outcome"]] = int(sample.value)
    out = []
    for layer, outcomes in sorted(counted.items()):
        at_hand = outcomes.get("hit", 0) + (outcomes.get("stale", 0) if layer == "memory" else 0)
        out.append(
            {"layer": layer, "lookups": sum(outcomes.values()), **outcomes, "hit_rate": round(at_hand / max(1, sum(outcomes.values())), 4)}
        )
    return out
