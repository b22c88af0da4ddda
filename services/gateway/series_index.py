"""The series of one tenant in memory, in the order of their list, and searched there. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
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
        self._text = ""
        """A line a series, in their order: what is searched for words, at the speed of ``str.find``."""
        self._lines: list[int] = []
        """Where each line begins."""

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
            if len(self._rows) > self._most:
                self.whole = False
                del self._rows[next(iter(self._rows))]

    def search(self, wanted: Search) -> list[Described]:
        """The first that match, in order of metric and id, as the store orders them."""
        if self._order is None:
            self._order = sorted((row["metric"], number) for number, row in self._rows.items())
            lines = [_line(self._rows[number]) for _, number in self._order]
            self._text = "\n".join(lines)
            self._lines = list(accumulate((len(line) + 1 for line in lines), initial=0))
        words = [word.lower() for word in wanted.words]
        found: list[Described] = []
        place = self._next(bisect_right(self._order, wanted.after), words)
        while place < len(self._order) and len(found) < wanted.limit:
            row = self._rows[self._order[place][1]]
            if (
                (not wanted.service or row["service"] == wanted.service)
                and (not wanted.host or row["host"] == wanted.host)
                and (not wanted.metric or row["metric"] == wanted.metric)
            ):
                found.append(row)
            place = self._next(place + 1, words)
        return found

    def _next(self, place: int, words: Sequence[str]) -> int:
        """The first place from this one on whose line has all words; that behind the last when there is none."""
        last = len(self._lines) - 1
        while words and place < last:
            reached = place
            for word in words:
                at = self._text.find(word, self._lines[place])
                if at < 0:
                    return last
                place = bisect_right(self._lines, at) - 1
            if place == reached:
                break
        return place


def _line(row: Described) -> str:
    return " ".join((row["metric"], *row["labels"].values())).lower().replace("\n", " ")
