"""From what is asked of a picture to the file: reads the range, forecast and episodes, and has it painted, once for equal pictures."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from kizashi.contracts.findings import Episode, Forecast
from kizashi.errors import NotFound
from services.gateway.answers import Answers, Value
from services.gateway.catalog import Catalog
from services.gateway.painter import Painter
from services.gateway.queries import findings as q
from services.gateway.ranges import Asked, Ranges
from services.gateway.times import Span
from services.gateway.whole import whole

KEPT_S = 300.0
"""A picture is kept by its content: it is never stale, only forgotten."""
MOST_EPISODES = 500
Form = Literal["png", "svg"]
TYPES: dict[Form, str] = {"png": "image/png", "svg": "image/svg+xml"}


@dataclass(frozen=True)
class Wanted:
    """A picture of series of one tenant. Sizes in pixels, ``shaded`` in ms; None shades where the score says so."""

    tenant: str
    series: tuple[int, ...]
    span: Span
    form: Form = "png"
    title: str = ""
    lang: str = "en"
    zone: str = "UTC"
    dark: bool = False
    width: int = 720
    height: int = 300
    scale: int = 1
    threshold: float | None = None
    shaded: tuple[tuple[int, int], ...] | None = None
    forecast: bool = False
    episodes: bool = False
    """Shade the episodes that are stored."""


@dataclass(frozen=True)
class Drawing:
    """What is to be painted, with a tag that is equal for equal pictures."""

    ask: dict[str, Any]
    form: Form
    tag: str


class Pictures:
    """Reads and paints."""

    def __init__(self, answers: Answers, catalog: Catalog, ranges: Ranges, painter: Painter) -> None:
        self._answers, self._catalog, self._ranges, self.painter = answers, catalog, ranges, painter

    async def plan(self, w: Wanted) -> Drawing:
        """All that is on the picture. Raises NotFound when the tenant has none of the series, and what the store raises."""
        described = await self._catalog.describe(w.tenant, frozenset(w.series))
        ids = [s for s in dict.fromkeys(w.series) if s in described]
        if not ids:
            raise NotFound("none of these series exists")
        read = msgspec.json.decode(await self._ranges.read(Asked(w.tenant, ids, w.span, w.width), described))
        one = len(ids) == 1
        ask = {
            "form": w.form, "width": w.width, "height": w.height, "scale": w.scale, "dark": w.dark, "lang": w.lang, "zone": w.zone,
            "title": w.title, "fromMs": w.span.start_ms, "toMs": w.span.end_ms, "series": read["series"], "threshold": w.threshold,
            "forecast": await self._forecast(w.tenant, ids[0]) if w.forecast and one else None,
            "episodes": await self._episodes(w, ids) if w.episodes else w.shaded,
        }  # fmt: skip
        return Drawing(ask, w.form, hashlib.sha256(msgspec.json.encode(ask)).hexdigest()[:32])

    async def paint(self, drawing: Drawing) -> bytes:
        """The file. Raises what the painter raises; of many who want the same picture one has it painted."""
        return await self._answers.remembered(f"picture/{drawing.tag}", KEPT_S, lambda: self.painter.draw(drawing.ask))

    async def _forecast(self, tenant: str, series: int) -> dict[str, Any] | None:
        rows = await self._answers.rows(tenant, q.FORECASTS, {"tenant": tenant, "ids": [series]})
        return dict(whole(msgspec.json.decode(rows[0]["body"], type=Forecast))) if rows else None

    async def _episodes(self, w: Wanted, ids: list[int]) -> list[tuple[int, int]]:
        values: dict[str, Value] = {
            "tenant": w.tenant, "start": w.span.start_ms, "end": w.span.end_ms, "state": "", "kind": "", "severity": "", "service": "",
            "ids": ids, "before_at": 1 << 62, "before_id": "", "limit": MOST_EPISODES,
        }  # fmt: skip
        found = [msgspec.json.decode(row["body"], type=Episode) for row in await self._answers.rows(w.tenant, q.EPISODES, values)]
        return [(e.opened_ms, e.closed_ms or w.span.end_ms) for e in found]
