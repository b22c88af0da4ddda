"""The accuracy page as Markdown, from the results file alone: the same results give the same page."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from kizashi.contracts.accuracy import Figure, Miss, Part, Table

RESULTS, PICTURES = "accuracy.json", "accuracy"


class Results(msgspec.Struct):
    """All parts of the last measurements."""

    parts: list[Part]


def picture_name(part: str, k: int) -> str:
    """File of the picture of miss ``k``."""
    return f"{part}-{k + 1:02d}.svg"


def page(results: Results) -> str:
    """The page."""
    return "\n".join(_lines(results)).rstrip() + "\n"


def _lines(results: Results) -> Iterator[str]:
    yield "# Accuracy"
    yield ""
    yield "Written by `make accuracy DATA=…` from `accuracy.json`, which the same command writes; do not edit."
    yield "Every number is of the data at hand, which each section names: parts of public sets, and simulations with named seeds."
    yield "The models never see a label, and run as they run in production (`kizashi eval`)."
    for part in results.parts:
        yield from _part(part)


def _part(part: Part) -> Iterator[str]:
    yield from ("", f"## {part.title}", "", part.data, "", "| what | measured | bar | |", "|---|---:|---:|---|")
    for f in part.figures:
        yield f"| {f.name} | {_value(f)} | {_bar(f)} | {_verdict(f)} |"
    for table in part.tables:
        yield from _table(table)
    if part.misses:
        yield from ("", f"### Our {len(part.misses)} worst misses")
    for k, miss in enumerate(part.misses):
        yield from _miss(k, miss)


def _value(f: Figure) -> str:
    return f.note if f.note in ("yes", "no") else f"{_short(f.value)}{' ' + f.unit if f.unit else ''}"


def _bar(f: Figure) -> str:
    if f.bar is None or f.note in ("yes", "no"):
        return ""
    return f"{'≥' if f.better == 'higher' else '≤'} {_short(f.bar)}"


def _verdict(f: Figure) -> str:
    met = {None: "", True: "met", False: "**missed**"}[f.met]
    return "; ".join(t for t in (met, "" if f.note in ("yes", "no") else f.note) if t)


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _table(t: Table) -> Iterator[str]:
    yield from ("", f"### {t.title}", "", f"| | {' | '.join(t.columns)} | source |", f"|---|{'---:|' * len(t.columns)}---|")
    for row in t.rows:
        system = f"**{row.system}**" if row.ours else row.system
        yield f"| {system} | {' | '.join(_short(v) for v in row.values)} | {row.source or 'measured here'} |"
    if t.note:
        yield from ("", t.note)


def _miss(k: int, m: Miss) -> Iterator[str]:
    yield from ("", f"{k + 1}. **{m.set}, {m.case}** (cost {_short(m.cost)}). Expected: {m.expected}. Said: {m.said}.", f"   {m.why}")
    if m.picture:
        yield from ("", f"   ![{m.set} {m.case}]({PICTURES}/{m.picture})")
