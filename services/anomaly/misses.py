"""Our worst mistakes on labelled series, at the score's own boundary 1.0: windows and events that were missed, and alarms about nothing.

The reason told beside each is computed from what the model wrote down: band, heads, and what the series had shown before.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kizashi.contracts.accuracy import Answer, Chart, Miss
from kizashi.contracts.batches import F64

SHOWN = 5
"""Misses of each set."""
NAB_FALSE, NAB_PROBATION, NAB_LONGEST = 0.11, 0.15, 5000
"""NAB's standard profile: cost of a false alarm beside a missed window's 1; share of a file (so many rows at most) that is not scored."""
KPI_DELAY = 7
AROUND = 600
"""Rows shown on either side."""
CLOSE = 200
"""False alarms closer than this are told as one."""


@dataclass(frozen=True)
class Scores:
    """Rows (n,) of one scored file."""

    stamps: list[str]
    value: F64
    score: F64
    expected: F64
    lower: F64
    upper: F64
    novelty: F64


def read_scores(path: Path) -> Scores:
    """What ``kizashi eval anomaly`` wrote."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = ("value", "anomaly_score", "expected", "lower", "upper", "novelty_score")
    return Scores([r["timestamp"] for r in rows], *(np.array([float(r[n]) for r in rows]) for n in names))


def worst_misses(nab: Answer, kpi: Answer) -> list[Miss]:
    """The costliest mistakes of each set, those of NAB first."""
    found = [sorted(of(answer), key=lambda m: -m.cost)[:SHOWN] for of, answer in ((nab_misses, nab), (kpi_misses, kpi))]
    return [*found[0], *found[1]]


def nab_misses(answer: Answer) -> list[Miss]:
    """Missed windows cost 1, false alarms 0.11 each, as in NAB's standard profile."""
    labels = json.loads((answer.data / "labels" / "combined_windows.json").read_text())
    out: list[Miss] = []
    for path in sorted((answer.kept / "out").rglob("*.csv")):
        name = path.relative_to(answer.kept / "out").as_posix()
        if name not in labels:
            continue
        s = read_scores(path)
        place = {t[:19]: k for k, t in enumerate(s.stamps)}
        windows = [(place[a[:19]], place[b[:19]] + 1) for a, b in labels[name]]
        start = int(NAB_PROBATION * min(len(s.value), NAB_LONGEST))
        out += [_missed("NAB", name, s, w, windows, 1.0) for w in windows if w[1] > start and not _alarms(s, w)]
        out += _false("NAB", name, s, windows, start, NAB_FALSE)
    return out


def kpi_misses(answer: Answer) -> list[Miss]:
    """An event that is not found within its first rows costs its length, as in the challenge; a false alarm costs one row."""
    out: list[Miss] = []
    for path in sorted(answer.data.glob("*.npz")):
        with np.load(path) as z:
            label = z["label"].astype(int)
        s = read_scores(answer.kept / "out" / f"{path.stem}.csv")
        edge = np.diff(np.concatenate([[0], label, [0]]))
        events = list(zip(np.flatnonzero(edge == 1).tolist(), np.flatnonzero(edge == -1).tolist(), strict=True))
        name = path.stem.partition("-")[0]
        out += [
            _missed("KPI", name, s, e, events, float(e[1] - e[0]))
            for e in events
            if not _alarms(s, (e[0], min(e[1], e[0] + KPI_DELAY + 1)))
        ]
        out += _false("KPI", name, s, events, 0, 1.0)
    return out


def _alarms(s: Scores, rows: tuple[int, int]) -> bool:
    return bool((s.score[rows[0] : rows[1]] >= 1.0).any())


def _missed(set_: str, name: str, s: Scores, window: tuple[int, int], labelled: list[tuple[int, int]], cost: float) -> Miss:
    a, b = window
    top = a + int(np.argmax(s.score[a:b]))
    late = float(s.score[top]) >= 1.0
    said = f"{s.stamps[top]}: score {s.score[top]:.2f}" + (", too late to count" if late else ", 1 is the boundary")
    expected = f"an alarm in {s.stamps[a]} to {s.stamps[b - 1]} ({b - a} rows)"
    return Miss(set_, name, cost, expected, said, _why_missed(s, a, b, late), chart=_chart(f"{set_} {name}", s, a, b, labelled))


def _why_missed(s: Scores, a: int, b: int, late: bool) -> str:
    """What the window had that the past had not."""
    if late:
        first = np.abs(s.value[a : a + KPI_DELAY + 1] - s.expected[a : a + KPI_DELAY + 1]).max()
        usual, top = np.quantile(np.abs(s.value[:a] - s.expected[:a]), 0.999), np.abs(s.value[a:b] - s.expected[a:b]).max()
        return (
            f"It begins gently: in the first {KPI_DELAY + 1} rows the largest surprise is {first:.3g}, and one row in a thousand before was"
            f" off by {usual:.3g}; later it reaches {top:.3g}."
        )
    past, now = s.value[:a], s.value[a:b]
    if not len(past):
        return "The window begins with the file: there is nothing to compare it with."
    before, here = np.abs(past - s.expected[:a]), np.abs(now - s.expected[a:b])
    spiky = float(np.quantile(before, 0.999))
    text = f"The largest surprise in it is {here.max():.3g}; one row in a thousand before it was off by {spiky:.3g}. "
    if here.max() <= spiky:
        text += "The series' own habit of spiking has set the bar above it. "
    if now.min() >= past.min() and now.max() <= past.max():
        text += "No value in it is new: all lie between the lowest and the highest seen before, so only their order is odd."
    else:
        text += "It goes beyond what was seen before, but by too little of the range for one alarm in the chosen rate."
    return text


def _false(set_: str, name: str, s: Scores, labelled: list[tuple[int, int]], start: int, each: float) -> list[Miss]:
    inside = np.zeros(len(s.score), bool)
    for a, b in labelled:
        inside[a:b] = True
    rows = np.flatnonzero((s.score >= 1.0) & ~inside)
    rows = rows[rows >= start]
    groups = np.split(rows, np.flatnonzero(np.diff(rows) > CLOSE) + 1) if len(rows) else []
    out = []
    for g in groups:
        top = int(g[np.argmax(s.score[g])])
        head = "novelty" if s.novelty[top] >= 0.999 * s.score[top] else "point"
        said = f"{len(g)} alarm{'s' if len(g) > 1 else ''}, the largest {s.score[top]:.2f} at {s.stamps[top]} by the {head} head"
        why = _why_false(s, top, head)
        chart = _chart(f"{set_} {name}", s, int(g[0]), int(g[-1]) + 1, labelled)
        out.append(Miss(set_, name, each * len(g), "silence: nothing is labelled here", said, why, chart=chart))
    return out


def _why_false(s: Scores, top: int, head: str) -> str:
    past = s.value[:top]
    text = f"The value {s.value[top]:.4g} lies outside the band {s.lower[top]:.4g} to {s.upper[top]:.4g}. "
    if s.lower[top] <= s.value[top] <= s.upper[top]:
        text = f"The value {s.value[top]:.4g} itself lies inside the band {s.lower[top]:.4g} to {s.upper[top]:.4g}. "
    if len(past) and not past.min() <= s.value[top] <= past.max():
        return text + "The series had never shown it: a record, which is odd by any measure, but nobody labelled it."
    if head == "novelty":
        return text + "Its distance from day and week, its mean or its jump had not been seen before; nobody labelled it."
    return text + "Such values were seen before, but not at this time of day or after such a neighbour; nobody labelled it."


def _chart(title: str, s: Scores, a: int, b: int, labelled: list[tuple[int, int]]) -> Chart:
    first, last = max(a - AROUND, 0), min(b + AROUND, len(s.value))
    part = slice(first, last)
    shades = [(max(x - first, 0), min(y, last) - first) for x, y in labelled if y > first and x < last]
    text = f"{title}: {s.stamps[first]} to {s.stamps[last - 1]}"
    values, lower, upper, score = (c[part].tolist() for c in (s.value, s.lower, s.upper, s.score))
    return Chart(text, values, lower, upper, score, labelled=shades)
