"""What a topic carries, for people and as JSON: columnar batches as rows, everything else as it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from kizashi.contracts.batches import decode_rollups, decode_samples, decode_scores
from kizashi.contracts.ids import format_series_id
from kizashi.contracts.topics import BY_NAME, METRICS, ROLLUPS, SAMPLES, SCORES
from kizashi.errors import InvalidMessage, NotFound
from kizashi.stream.consumer import Arrival

Line = dict[str, Any]


def full_name(topic: str) -> str:
    """``samples`` or ``kizashi.samples.v1``; raises NotFound for a topic that is none of ours."""
    for name in (topic, f"kizashi.{topic}.v1"):
        if name in BY_NAME or name.startswith(f"{METRICS.name}."):
            return name
    raise NotFound(f"no topic {topic}; there are {', '.join(sorted(n.removeprefix('kizashi.').removesuffix('.v1') for n in BY_NAME))}")


class Teller:
    """Turns messages into lines. Remembers series that were announced, so that ids get their names."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._names: dict[int, str] = {}

    def lines(self, m: Arrival) -> Iterator[Line]:
        """The rows or the one document of a message, each with its place."""
        place: Line = {"partition": m.partition(), "offset": m.offset()}
        data = m.value()
        try:
            for line in self._rows(data) if data is not None else [{"deleted": (m.key() or b"").decode(errors="replace")}]:
                yield {**place, **line}
        except InvalidMessage as x:
            yield {**place, "unreadable": str(x), "bytes": len(data or b"")}

    def _rows(self, data: bytes) -> Iterator[Line]:
        if self._topic == SAMPLES.name:
            yield from self._samples(data)
        elif self._topic == SCORES.name:
            yield from self._scores(data)
        elif self._topic == ROLLUPS.name:
            yield from self._rollups(data)
        else:
            yield _document(data)

    def _samples(self, data: bytes) -> Iterator[Line]:
        b = decode_samples(data)
        for s in b.series:
            self._names[s.id] = s.metric + ("{" + ",".join(f"{k}={v}" for k, v in sorted(s.labels.items())) + "}" if s.labels else "")
        for series, ts, value, flags in zip(b.ids.tolist(), b.ts.tolist(), b.values.tolist(), b.flags.tolist(), strict=True):
            yield {**self._series(series), "ts": ts, "value": value, "flags": flags}

    def _scores(self, data: bytes) -> Iterator[Line]:
        b = decode_scores(data)
        columns = (b.ids, b.ts, b.values, b.score, b.expected, b.lower, b.upper, b.flags)
        names = ("ts", "value", "score", "expected", "lower", "upper", "flags")
        for series, *rest in zip(*(c.tolist() for c in columns), strict=True):
            yield {**self._series(series), **dict(zip(names, rest, strict=True))}

    def _rollups(self, data: bytes) -> Iterator[Line]:
        b = decode_rollups(data)
        for series, count, mean, worst in zip(b.ids.tolist(), b.count.tolist(), b.mean.tolist(), b.worst.tolist(), strict=True):
            yield {**self._series(series), "tenant": b.tenant, "start_ms": b.start_ms, "count": count, "mean": mean, "worst": worst}

    def _series(self, series: int) -> Line:
        name = self._names.get(series)
        return {"series_id": format_series_id(series), **({"series": name} if name else {})}


def _document(data: bytes) -> Line:
    try:
        found = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {"text": data[:2_000].decode(errors="replace"), "bytes": len(data)}
    return found if isinstance(found, dict) else {"value": found}
