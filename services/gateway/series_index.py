"""The series of one tenant in memory, in the order of their list, and searched there. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kizashi.contracts.ids import parse_series_id

Described = dict[str, Any]
"""id, metric, labels, unit, kind, service, host."""


MOST_WORDS = 8


def words_of(q: str) -> tuple[str, ...]:
    """The words of what somebody typed, the first few."""
    return tuple(q.split()[:MOST_WORDS])


@dataclass(frozen=True)
class Search:
    """Every word in the metric or a label's value, in any case; empty texts ask for nothing. ``limit`` rows behind ``after``."""

    words: tuple[str, ...] = ()
    service: str = ""
    host: str = ""
    metric: str = ""
    after: tuple[str, int] = ("", 0)
    limit: int = 50


class SeriesIndex:
    """Series by id. At most ``most``: beyond that the oldest go, it is no longer ``whole`` and must not be searched.

    >>> index = SeriesIndex(10)
    >>> index.add([{"id": "0" * 15 + "7", "metric": "cpu", "labels": {"host": "Node-1"}, "service": "", "host": "Node-1"}])
    >>> [row["metric"] for row in index.search(Search(("NODE", "cpu")))]
    ['cpu']
    """

    def __init__(self, most: int) -> None:
        self.whole = True
        self._most = most
        self._rows: dict[int, Described] = {}
        self._order: list[tuple[str, int]] | None = None
        self._texts: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, number: int) -> Described | None:
        """What this id means."""
        return self._rows.get(number)

    def add(self, rows: Iterable[Described]) -> None:
        """Take rows in, the newer of an id last."""
        for row in rows:
            number = parse_series_id(row["id"])
            if self._rows.get(number) == row:
                continue
            self._rows[number] = row
            self._order = None
            self._texts.pop(number, None)
            if len(self._rows) > self._most:
                self.whole = False
                del self._rows[next(iter(self._rows))]

    def search(self, wanted: Search) -> list[Described]:
        """The first that match, in order of metric and id, as the store orders them."""
        if self._order is None:
            self._order = sorted((row["metric"], number) for number, row in self._rows.items())
        words = [word.lower() for word in wanted.words]
        found: list[Described] = []
        for place in range(bisect_right(self._order, wanted.after), len(self._order)):
            number = self._order[place][1]
            row = self._rows[number]
            if (
                (wanted.service and row["service"] != wanted.service)
                or (wanted.host and row["host"] != wanted.host)
                or (wanted.metric and row["metric"] != wanted.metric)
            ):
                continue
            if words:
                text = self._text(number, row)
                if not all(word in text for word in words):
                    continue
            found.append(row)
            if len(found) >= wanted.limit:
                break
        return found

    def _text(self, number: int, row: Described) -> str:
        text = self._texts.get(number)
        if text is None:
            text = self._texts[number] = " ".join((row["metric"], *row["labels"].values())).lower()
        return text
