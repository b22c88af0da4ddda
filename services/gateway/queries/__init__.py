"""All SQL of the gateway: named statements whose values go to the server as typed parameters. No text is ever put into SQL."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Statement:
    """A named statement; ``{name:Type}`` are server-side parameters. ``most_rows`` 0 means the usual limit."""

    name: str
    sql: str
    most_rows: int = 0
