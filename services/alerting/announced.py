"""Maintenance that somebody announced as an event: it mutes paging of its entity until its end, as a configured window does. Pure.

The event's ``attributes.until_ms`` is the end; said again under the same id with an earlier one, it ends earlier. Scoring goes on.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from kizashi.contracts.inputs import Event
from kizashi.contracts.maintenance import LONGEST_S
from services.alerting.conditions import ENTITY_LABELS

USUAL_MS = 3_600_000
"""How long one lasts that says no end."""
MOST = 1_000
"""Windows that are kept; the ones that were announced first go."""
NAMED = ("entity", *ENTITY_LABELS)


class Span(msgspec.Struct, array_like=True):
    """One announced window, [start, end) in ms since the epoch."""

    start_ms: int
    end_ms: int
    reason: str = ""


class Announced:
    """The windows of a tenant: entity → id of the event → span."""

    def __init__(self) -> None:
        self.spans: dict[str, dict[str, Span]] = {}

    def take(self, e: Event, now_ms: int) -> None:
        """An event of the events topic; all but maintenance is left alone. The same event twice changes nothing."""
        if e.type != "maintenance":
            return
        for entity, known in list(self.spans.items()):
            for id_ in [i for i, s in known.items() if i == e.id or s.end_ms <= now_ms]:
                del known[id_]
            if not known:
                del self.spans[entity]
        end_ms = _end(e)
        if end_ms <= max(now_ms, e.ts_ms):
            return
        if sum(map(len, self.spans.values())) >= MOST:
            oldest = next(iter(self.spans))
            del self.spans[oldest][next(iter(self.spans[oldest]))]
        self.spans.setdefault(e.entity, {})[e.id] = Span(e.ts_ms, end_ms, e.title or e.text[:200])

    def covering(self, labels: Mapping[str, str], at_ms: int) -> list[str]:
        """Ids of the announcements that hold now and are about somebody whom these labels name."""
        if not self.spans:
            return []
        names = dict.fromkeys(labels[k] for k in NAMED if labels.get(k))
        return [i for n in names for i, s in self.spans.get(n, {}).items() if s.start_ms <= at_ms < s.end_ms]


def _end(e: Event) -> int:
    """When it ends; a window is no longer than a configured one may be."""
    said = e.attributes.get("until_ms")
    try:
        until_ms = e.ts_ms + USUAL_MS if said is None else int(said)
    except (TypeError, ValueError, OverflowError):
        until_ms = e.ts_ms + USUAL_MS
    return min(until_ms, e.ts_ms + round(LONGEST_S * 1_000))
