"""Which index or projection might help a query: candidates from what it filters by. Whether one helps is measured, never guessed. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from kizashi.errors import Refused

Kind = Literal["minmax", "bloom_filter", "projection"]
PREFIX = "advice_"
MOST_CANDIDATES = 6
BEHIND = {
    "v_metrics": "samples", "v_scores": "samples", "v_metrics_1m": "samples_1m", "v_metrics_1h": "samples_1h", "v_current": "current",
    "v_series": "series", "v_episodes": "episodes", "v_patterns": "patterns", "v_forecast": "forecasts",
    "v_forecast_errors": "forecast_errors", "v_risk": "risks", "v_slo": "risks", "v_runs_out": "risks", "v_tickets_at_risk": "risks",
    "v_incidents": "incidents", "v_alerts": "alerts", "v_deliveries": "deliveries", "v_events": "events", "v_edges": "edges",
    "v_feedback": "feedback", "v_config": "config_log",
}  # fmt: skip
"""View → the table whose rows it shows."""
RENAMED = {
    "samples": {"time": "ts", "sid": "series_id"}, "samples_1m": {"time": "bucket", "sid": "series_id"},
    "samples_1h": {"time": "bucket", "sid": "series_id"}, "episodes": {"time": "opened", "sid": "series_id"},
    "incidents": {"time": "opened"}, "alerts": {"time": "started"}, "events": {"time": "ts"}, "risks": {"time": "made"},
    "deliveries": {"time": "at"}, "forecast_errors": {"time": "ts", "sid": "series_id"},
}  # fmt: skip
"""Table → column of its view → its own column."""
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True)
class Candidate:
    """Something that could be added to a table."""

    table: str
    kind: Kind
    column: str

    def __post_init__(self) -> None:
        if not _IDENTIFIER.fullmatch(self.table) or not _IDENTIFIER.fullmatch(self.column):
            raise Refused("a table and a column are named by letters, digits and underscores")

    @property
    def name(self) -> str:
        """Name in the table; the prefix says whose it is."""
        return f"{PREFIX}{self.kind}_{self.column}"

    @property
    def apply(self) -> tuple[str, str]:
        """Statements that add it and build it for the rows that are there."""
        if self.kind == "projection":
            what = f"PROJECTION IF NOT EXISTS {self.name} (SELECT * ORDER BY {self.column})"
            return f"ALTER TABLE {self.table} ADD {what}", f"ALTER TABLE {self.table} MATERIALIZE PROJECTION {self.name}"
        form = "bloom_filter(0.01)" if self.kind == "bloom_filter" else "minmax"
        what = f"INDEX IF NOT EXISTS {self.name} {self.column} TYPE {form} GRANULARITY 1"
        return f"ALTER TABLE {self.table} ADD {what}", f"ALTER TABLE {self.table} MATERIALIZE INDEX {self.name}"

    @property
    def undo(self) -> str:
        """The statement that takes it away."""
        return f"ALTER TABLE {self.table} DROP {'PROJECTION' if self.kind == 'projection' else 'INDEX'} IF EXISTS {self.name}"


@dataclass(frozen=True)
class Reading:
    """Tables that a query reads and the columns that it filters by."""

    tables: tuple[str, ...]
    filters: Mapping[str, bool]
    """Column → whether it is compared for equality."""
    final: bool
    """A view or FINAL: projections cannot serve it."""


def reading(sql: str) -> Reading:
    """What a SELECT that passed the gate reads."""
    import sqlglot  # 30 MB and half a second: who asks for advice pays for them
    from sqlglot import exp
    from sqlglot.dialects.clickhouse import ClickHouse

    tree = sqlglot.parse_one(sql, dialect=ClickHouse)
    named = list(dict.fromkeys(t.name for t in tree.find_all(exp.Table)))
    filters: dict[str, bool] = {}
    for clause in (*tree.find_all(exp.Where), *tree.find_all(exp.PreWhere)):
        for column in clause.find_all(exp.Column):
            equal = isinstance(column.parent, (exp.EQ, exp.In))
            filters[column.name] = filters.get(column.name, False) or equal
    final = any(name in BEHIND for name in named) or tree.find(exp.Final) is not None
    return Reading(tuple(dict.fromkeys(BEHIND.get(name, name) for name in named)), filters, final)


def candidates(found: Reading, columns: Mapping[str, Mapping[str, str]], keys: Mapping[str, Sequence[str]]) -> list[Candidate]:
    """What is worth a measurement: ``columns`` is table → column → type, ``keys`` table → sorting key.

    Nothing for the first column of a sorting key (the table is sorted by it), and a bloom filter only where values are compared whole.
    """
    out = []
    for table in found.tables:
        own = columns.get(table, {})
        for asked, equal in found.filters.items():
            column = RENAMED.get(table, {}).get(asked, asked)
            kind = own.get(column, "")
            if not kind or column in keys.get(table, ())[:1] or kind.startswith(("Map", "Array")):
                continue
            text = "String" in kind
            if text and equal:
                out.append(Candidate(table, "bloom_filter", column))
            elif not text:
                out.append(Candidate(table, "minmax", column))
            if not found.final:
                out.append(Candidate(table, "projection", column))
    return list(dict.fromkeys(out))[:MOST_CANDIDATES]
