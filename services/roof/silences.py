"""``kizashi silences``: list, preview, add, end. A silence always has an end, an owner and a reason."""

from __future__ import annotations

import asyncio
import getpass
import secrets
import time
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from kizashi.errors import ConfigurationError, NotFound
from services import wiring
from services.roof.ask import select
from services.roof.output import as_json, out, table
from services.roof.promises import with_fold

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Silences: what they hide, until when, and why.")
Json = Annotated[bool, typer.Option("--json", help="One JSON document.")]
Match = Annotated[list[str], typer.Argument(metavar="MATCHER...", help='service=checkout, severity!=critical, env=~"dev|test"')]
Row = dict[str, Any]
_UNITS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}


@app.callback()
def silences() -> None:
    """Silences."""


@app.command("list")
def list_(over: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False, as_document: Json = False) -> None:
    """Silences that hold, or will.

    Example:  kizashi silences list
    """

    async def look(fold: Any, _put: object) -> list[Row]:
        now_ms = _now_ms()
        found = [(o.id, o.body) for o in fold.state.living("silence", wiring.load().tenant)]
        return [
            {"id": i, "match": b["match"], "until": _time(b["ends_ms"]), "owner": b["owner"], "reason": b["reason"],
             "active": b.get("starts_ms", 0) <= now_ms < b["ends_ms"]}
            for i, b in found if over or b["ends_ms"] > now_ms
        ]  # fmt: skip

    _show(asyncio.run(with_fold(look)), as_document, "nothing is silenced")


@app.command()
def preview(match: Match, days: Annotated[int, typer.Option(min=1, max=90, help="How far back.")] = 7, as_document: Json = False) -> None:
    """Alerts that a silence would hide now, or would have hidden.

    Example:  kizashi silences preview service=checkout --days 14
    """
    _show(_would_hide(match, days), as_document, "no alert of that time matches")


@app.command()
def add(
    match: Match,
    lasts: Annotated[str, typer.Option("--for", help="How long: 90m, 4h, 3d.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; people will read it.")],
    owner: Annotated[str, typer.Option("--owner", help="Who answers for it.")] = "",
    as_document: Json = False,
) -> None:
    """Silence what matches, from now.

    Example:  kizashi silences add service=checkout --for 2h --reason "moving the database"
    """
    from services.alerting.configuration import checked

    number, unit = lasts[:-1], _UNITS.get(lasts[-1:], 0)
    if not unit or not number.replace(".", "", 1).isdigit():
        raise ConfigurationError(f"{lasts!r} is not a time: write 90m, 4h or 3d")
    now_ms, id_ = _now_ms(), f"silence-{secrets.token_hex(6)}"
    body: Row = {"match": match, "starts_ms": now_ms, "ends_ms": now_ms + round(float(number) * unit), "reason": reason}
    body["owner"] = owner or getpass.getuser()
    checked("silence", id_, body, now_ms)

    async def write(_fold: object, put: Any) -> list[Row]:
        await put("silence", id_, 0, body)
        return [{"id": id_, "until": _time(body["ends_ms"]), "hides now": sum(r["state"] != "resolved" for r in _would_hide(match, 7))}]

    _show(asyncio.run(with_fold(write)), as_document, "")


@app.command()
def end(id: Annotated[str, typer.Argument(help="Id, as list shows it.")], as_document: Json = False) -> None:
    """End a silence now; what it hid and still fires is told.

    Example:  kizashi silences end silence-9c1f0e2ab3d4
    """

    async def write(fold: Any, put: Any) -> list[Row]:
        standing = fold.state.get("silence", id, wiring.load().tenant)
        if standing is None:
            raise NotFound(f"there is no silence {id!r}: kizashi silences list")
        now_ms = _now_ms()
        starts = min(int(standing.body.get("starts_ms", 0)), now_ms - 1)
        await put("silence", id, standing.version, {**standing.body, "starts_ms": starts, "ends_ms": now_ms})
        return [{"id": id, "ended": _time(now_ms)}]

    _show(asyncio.run(with_fold(write)), as_document, "")


def _would_hide(match: list[str], days: int) -> list[Row]:
    from kizashi.contracts.matchers import all_match, matchers

    matchers(match)
    rows = select(
        """SELECT id, time, state, severity, title, rule, labels FROM v_alerts WHERE tenant = {tenant:String}
           AND timeEnd > now64(3) - toIntervalDay({days:UInt32}) ORDER BY time DESC LIMIT 10000""",
        parameters={"tenant": wiring.load().tenant, "days": days},
    )
    return [{k: v for k, v in r.items() if k != "labels"} for r in rows if all_match(match, dict(r["labels"]))]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _show(rows: list[Row], as_document: bool, nothing: str) -> None:
    if as_document:
        as_json(rows)
    else:
        table(rows) if rows else out.print(nothing)
