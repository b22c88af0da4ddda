"""What the web client asks when a person opens a page: the same routes and parameters, in the same order. Pure.

The times of a range are milliseconds of the moment, as the client writes them, so no two people ask the same question.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

from services.gateway.times import UNIT_MS

POINTS = 600
"""As the client's charts ask."""
PANELS = 4
SERIES_A_PANEL = 4
"""As the dashboards that come with the house."""
SPANS_MS = {"1h": UNIT_MS["h"], "6h": 6 * UNIT_MS["h"], "24h": 24 * UNIT_MS["h"]}
FINDING_WORDS = ("", "open", "closed")


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: the name it is counted under, and its path with the query."""

    name: str
    path: str


Step = list[Ask]
"""Requests that go out together; a page is one step after another."""


class Pages:
    """The pages over the series there are (rows of ``/api/v1/series``)."""

    def __init__(self, rows: Sequence[dict[str, Any]]) -> None:
        self.series: list[str] = [row["id"] for row in rows]
        by_service: dict[str, list[str]] = {}
        for row in rows:
            by_service.setdefault(row["service"], []).append(row["id"])
        self._services = [(name, ids) for name, ids in sorted(by_service.items()) if name] or [("", self.series)]
        self._kinds: tuple[tuple[float, Callable[[random.Random, int], list[Step]]], ...] = (
            (0.30, self._overview), (0.30, self._open_dashboard), (0.22, self._explore), (0.08, self._episodes), (0.06, self._incidents),
            (0.04, self._forecast),
        )  # fmt: skip

    def click(self, dice: random.Random, now_ms: int) -> list[Step]:
        """The requests of the page that a person opens next."""
        (page,) = dice.choices([page for _, page in self._kinds], [weight for weight, _ in self._kinds])
        return page(dice, now_ms)

    def dashboard(self, dice: random.Random) -> list[Callable[[int], Ask]]:
        """The charts of one service's dashboard; each, when called, is the question of that moment."""
        return self._panels(dice.choice(self._services)[1])

    @staticmethod
    def _panels(ids: list[str]) -> list[Callable[[int], Ask]]:
        panels = [ids[n * SERIES_A_PANEL : (n + 1) * SERIES_A_PANEL] or ids[:SERIES_A_PANEL] for n in range(PANELS)]
        return [partial(chart, "chart, dashboard", panel, "1h") for panel in panels if panel]

    def kinds(self, dice: random.Random) -> dict[str, Callable[[int], Ask]]:
        """One question of each kind, for what it costs: each, when called, is that of the moment."""
        alone = {
            "overview": self._overview(dice, 0)[0][0], "series": self._explore(dice, 0)[0][0], "incidents": self._incidents(dice, 0)[0][0],
            "risks": self._forecast(dice, 0)[0][0],
        }  # fmt: skip
        moving: dict[str, Callable[[int], Ask]] = {"episodes": lambda now_ms: self._episodes(dice, now_ms)[0][0]}
        if self.series:
            moving |= {
                "annotations": lambda now_ms: Ask("annotations", _path("annotations", **{"from": now_ms - SPANS_MS["6h"]}, to=now_ms)),
                "chart, open": self.dashboard(dice)[0],
                "chart, new 1h": lambda now_ms: chart("chart", [dice.choice(self.series)], "1h", now_ms),
                "chart, new 24h": lambda now_ms: chart("chart", [dice.choice(self.series)], "24h", now_ms),
            }
        return {name: lambda _, ask=ask: ask for name, ask in alone.items()} | moving

    def _overview(self, dice: random.Random, now_ms: int) -> list[Step]:
        lists = [
            Ask("incidents", _path("incidents", state="open", limit=5)),
            Ask("episodes", _path("episodes", state="open", **{"from": "now-7d"}, limit=50)),
        ]
        return [[Ask("overview", "/api/v1/overview")], lists]

    def _open_dashboard(self, dice: random.Random, now_ms: int) -> list[Step]:
        service, ids = dice.choice(self._services)
        searches = [Ask("series", _path("series", q=q, service=service, limit=SERIES_A_PANEL)) for q in ("", "h1", "h2", "h3")]
        return [searches, [panel(now_ms) for panel in self._panels(ids)]]

    def _explore(self, dice: random.Random, now_ms: int) -> list[Step]:
        found = [Ask("series", _path("series", q=dice.choice(("cpu", "mem", "h1", "load", "s1")), limit=50))]
        if not self.series:
            return [found]
        span = dice.choice(tuple(SPANS_MS))
        drawn = dice.sample(self.series, min(dice.randint(1, 3), len(self.series)))
        return [
            found,
            [
                chart("chart, explore", drawn, span, now_ms),
                Ask("annotations", _path("annotations", **{"from": now_ms - SPANS_MS[span]}, to=now_ms)),
            ],
        ]

    def _episodes(self, dice: random.Random, now_ms: int) -> list[Step]:
        return [
            [
                Ask(
                    "episodes",
                    _path("episodes", **{"from": now_ms - SPANS_MS["24h"]}, to=now_ms, state=dice.choice(FINDING_WORDS), limit=100),
                )
            ]
        ]

    def _incidents(self, dice: random.Random, now_ms: int) -> list[Step]:
        return [[Ask("incidents", _path("incidents", state=dice.choice(FINDING_WORDS), limit=100))]]

    def _forecast(self, dice: random.Random, now_ms: int) -> list[Step]:
        return [[Ask("risks", _path("risks", limit=500))]]


def chart(name: str, ids: Sequence[str], span: str, now_ms: int) -> Ask:
    """A chart of these series that ends now."""
    return Ask(name, _path("range", series=list(ids), **{"from": now_ms - SPANS_MS[span]}, to=now_ms, points=POINTS))


def _path(route: str, **params: str | int | list[str]) -> str:
    kept = {name: value for name, value in params.items() if value != ""}
    return f"/api/v1/{route}?{urlencode(kept, doseq=True)}"
