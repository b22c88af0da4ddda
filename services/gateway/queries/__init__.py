"""All SQL of the gateway: named statements whose values go to the server as typed parameters. No text is ever put into SQL."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Statement:
    """A named statement; ``{name:Type}`` are server-side parameters. ``most_rows`` 0 means the usual limit.

    ``threads`` bounds the server's threads for it, 0 leaves them to the server: a short question of which many are asked at once costs less
    in one.
    """

    name: str
    sql: str
    most_rows: int = 0
    threads: int = 0
