"""What an accuracy run leaves behind: figures beside their bars, tables beside published systems, and the worst misses.

``make accuracy`` runs the scorers, each service says what its part of the outcome means, and one results file holds it all.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

Scalar = float | int | str | bool | None


class Figure(msgspec.Struct, omit_defaults=True):
    """One measured number, the bar it has to reach and whether larger is better."""

    name: str
    value: float
    bar: float | None = None
    better: Literal["higher", "lower"] = "higher"
    unit: str = ""
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the bar is reached; None without one."""
        if self.bar is None:
            return None
        return self.value >= self.bar if self.better == "higher" else self.value <= self.bar


class Row(msgspec.Struct, omit_defaults=True):
    """One system in a table; ``source`` says where a number that we did not measure comes from."""

    system: str
    values: list[float | None]
    source: str = ""
    ours: bool = False


class Table(msgspec.Struct, omit_defaults=True):
    """Systems beside one another on one data set; ``note`` says what makes them unequal."""

    title: str
    columns: list[str]
    rows: list[Row]
    note: str = ""


class Chart(msgspec.Struct, omit_defaults=True):
    """Rows (n,) of one series to draw: values, the band that was expected, what was said; ``labelled`` are [first, last) rows.

    ``mean`` is a forecast and ``score`` an anomaly score, each empty where there is none. The whole is drawn by the roof.
    """

    title: str
    values: list[float]
    lower: list[float]
    upper: list[float]
    score: list[float] = []
    mean: list[float] = []
    labelled: list[tuple[int, int]] = []


class Miss(msgspec.Struct, omit_defaults=True):
    """One of the worst mistakes: what should have been said, what was said, and why.

    ``chart`` is what to draw; ``picture`` an SVG of at most 30 kB, made of it or given, and then the name of its file.
    """

    set: str
    case: str
    cost: float
    expected: str
    said: str
    why: str
    picture: str = ""
    chart: Chart | None = None


class Part(msgspec.Struct, omit_defaults=True):
    """One service's part of the results; ``data`` says what was at hand, such as "29 of 58 files"."""

    name: str
    title: str
    data: str
    figures: list[Figure]
    tables: list[Table] = []
    misses: list[Miss] = []


@dataclass(frozen=True)
class Question:
    """One run of the scorer: what it is called there, the folder of the data it needs below the data folder, and its options."""

    what: str
    folder: str = ""
    options: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Name of this run, unique among the questions of all parts."""
        return " ".join((self.what, *self.options))


@dataclass(frozen=True)
class Answer:
    """What the scorer printed, and the folder in which it kept inputs (``in``) and outputs (``out``) of ``kizashi eval``."""

    figures: dict[str, Scalar | dict[str, Scalar]]
    kept: Path
    data: Path
