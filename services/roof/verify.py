"""``kizashi verify FILES``: what is stored is exactly what the files hold, each (series, time) once, and the repeats were counted."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from kizashi.contracts.ids import format_series_id, series_id
from kizashi.errors import Refused
from kizashi.store.client import Store, connect
from services import wiring
from services.roof.look import state_of
from services.roof.output import as_json, out, table
from services.roof.token import who

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
AGAIN_S = 1.0
COUNTER = "kizashi_duplicate_samples_total"


@dataclass
class Check:
    """One file against the store. ``repeats`` are rows of a (series, time) that the file holds already; only the first is stored."""

    file: str
    rows: int = 0
    pairs: int = 0
    repeats: int = 0
    missing: int = 0
    extra: int = 0
    twice: int = 0
    other_value: int = 0
    episodes: int = 0

    @property
    def exact(self) -> bool:
        """Nothing is missing, nothing more is there, nothing is answered twice, every value is the one sent first."""
        return not (self.missing or self.extra or self.twice or self.other_value)


def first_of_each(ts: I64, values: F64) -> tuple[I64, F64]:
    """Distinct times, ascending, each with the value that came first.

    >>> first_of_each(np.array([5, 3, 5]), np.array([1.0, 2.0, 9.0]))
    (array([3, 5]), array([2., 1.]))
    """
    unique, first = np.unique(ts, return_index=True)
    return unique, values[first]


def compare(check: Check, wanted: tuple[I64, F64], found: tuple[I64, F64]) -> None:
    """Count how the stored (times, values) of one series differ from the wanted ones; wanted times are distinct."""
    times, values = first_of_each(*found)
    check.twice += len(found[0]) - len(times)
    check.missing += len(np.setdiff1d(wanted[0], times, assume_unique=True))
    check.extra += len(np.setdiff1d(times, wanted[0], assume_unique=True))
    _, left, right = np.intersect1d(wanted[0], times, assume_unique=True, return_indices=True)
    check.other_value += int((wanted[1][left] != values[right]).sum())


class FileSeries:
    """The series of one file as ``kizashi send`` would send them. Raises Refused when the file cannot be read."""

    def __init__(self, file: Path, metric: str, tenant: str) -> None:
        from services.ingest.cli import read
        from services.ingest.files import Reading

        self.name = file.name
        rows: dict[int, tuple[list[int], list[float]]] = {}
        for s in read(str(file), Reading(metric or file.stem)):
            ts, values = rows.setdefault(series_id(tenant, s.metric, dict(s.labels)), ([], []))
            ts.append(s.ts_ms)
            values.append(s.value)
        self.rows = sum(len(ts) for ts, _ in rows.values())
        self.wanted = {i: first_of_each(np.array(ts, np.int64), np.array(values)) for i, (ts, values) in rows.items()}

    def check(self, store: Store) -> Check:
        """How the store differs from the file now."""
        pairs = sum(len(ts) for ts, _ in self.wanted.values())
        check = Check(self.name, self.rows, pairs, self.rows - pairs)
        for series, wanted in self.wanted.items():
            found = store.query("SELECT toUnixTimestamp64Milli(time), value FROM v_scores WHERE sid = {sid:UInt64}", {"sid": series}).rows
            stored = np.array([row[0] for row in found], np.int64), np.array([row[1] for row in found], np.float64)
            compare(check, wanted, stored)
            sql = "SELECT count() FROM v_episodes WHERE series_id = {id:String}"
            check.episodes += int(store.query(sql, {"id": format_series_id(series)}).rows[0][0])
        return check


def counted_repeats(home: Path) -> int | None:
    """Repeats that the scorer of a house running on ``home`` has counted since it started; None when none runs here."""
    port = next((child["port"] for child in state_of(home)["children"] if child["name"] == "anomaly"), None)
    if port is None:
        return None
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5.0) as answer:
        text = answer.read().decode()
    return int(sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(COUNTER)))


def verify(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="Files that were sent with `kizashi send`.")],
    metric: Annotated[str, typer.Option(help="As given to send; default: the file's name.")] = "",
    within_s: Annotated[float, typer.Option("--within-s", min=0.0, help="Wait so long for what is still on its way.")] = 60.0,
    as_document: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Compare files with what is stored: every (series, time) once, with the value that came first. Exit code 1 when they differ.

    Example:  kizashi send cpu.csv && kizashi verify cpu.csv
    """
    settings = wiring.load()
    store = connect(settings.store, asker=who())
    try:
        checks = _until_exact([FileSeries(file, metric, settings.tenant) for file in files], store, within_s)
    finally:
        store.close()
    exact = all(c.exact for c in checks)
    repeats = counted_repeats(settings.home)
    if not any(c.rows for c in checks):
        raise Refused("the files hold no samples")
    if as_document:
        as_json({"exact": exact, "total": asdict(_total(checks)), "repeats_counted": repeats, "files": [asdict(c) for c in checks]})
    else:
        table([asdict(c) for c in (checks if len(checks) == 1 else [*checks, _total(checks)])])
        counted = "" if repeats is None else f"; the running scorer has counted {repeats:,} repeats"
        out.print(f"\n{'exact' if exact else 'NOT exact'}{counted}")
    raise typer.Exit(0 if exact else 1)


def _until_exact(files: Sequence[FileSeries], store: Store, within_s: float) -> list[Check]:
    """The checks, those that differ again and again until they do not or the time is over."""
    deadline = time.monotonic() + within_s
    checks = [file.check(store) for file in files]
    while not all(c.exact for c in checks) and time.monotonic() < deadline:
        time.sleep(AGAIN_S)
        checks = [c if c.exact else file.check(store) for file, c in zip(files, checks, strict=True)]
    return checks


def _total(checks: Sequence[Check]) -> Check:
    names = [f.name for f in fields(Check) if f.name != "file"]
    return Check("total", **{name: sum(getattr(c, name) for c in checks) for name in names})
