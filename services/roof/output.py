"""How commands speak: tables for people, JSON for programs, sentences for errors."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def as_json(value: object) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=1, default=str) + "\n")


def table(rows: Sequence[Mapping[str, object]], columns: Sequence[str] | None = None, title: str = "") -> None:
    """Rows as a table; the columns of the first row unless told."""
    shown = Table(title=title or None, title_justify="left", header_style="bold", box=None, pad_edge=False)
    names = list(columns or (rows[0] if rows else ()))
    for name in names:
        shown.add_column(name, overflow="fold")
    for row in rows:
        shown.add_row(*("" if row.get(name) is None else str(row.get(name)) for name in names))
    out.print(shown)
