"""``kizashi annotate``: a note on the charts, from a script or a terminal."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from kizashi.errors import Refused
from services import wiring
from services.roof.house_api import house_api, said
from services.roof.output import as_json, err


def annotate(
    title: Annotated[str, typer.Argument(help="What people read at the mark.")],
    at: Annotated[str, typer.Option(help="When: now, now-15m, ISO 8601, seconds or milliseconds.")] = "now",
    until: Annotated[str, typer.Option(help="The end of a range, the same; without it a moment is marked.")] = "",
    text: Annotated[str, typer.Option(help="More words.")] = "",
    tag: Annotated[list[str] | None, typer.Option(help="A tag; several times for several.")] = None,
    entity: Annotated[str, typer.Option(help="On the charts of this service or host alone.")] = "",
    series: Annotated[list[str] | None, typer.Option(help="On the charts of this series alone; several times for several.")] = None,
    url: Annotated[str, typer.Option(envvar="KIZASHI_URL", help="Gateway of a house elsewhere.")] = "",
    key: Annotated[str, typer.Option(envvar="KIZASHI_KEY", help="API key with the scopes read and operate.")] = "",
    as_document: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Write a note on the charts.

    Example:  kizashi annotate "Campaign started" --tag sales --entity checkout
    """
    from services.gateway.times import BadTime, parse_time

    now_ms = time.time_ns() // 1_000_000
    try:
        body: dict[str, Any] = {"at_ms": parse_time(at, now_ms), "title": title, "text": text, "tags": tag or [], "entity": entity}
        body |= {"series": series or []} | ({"until_ms": parse_time(until, now_ms)} if until else {})
    except BadTime as x:
        raise Refused(str(x)) from x
    with house_api(wiring.load(), ["read", "operate"], url, key) as client:
        made = said(client.post("/api/v1/annotations", json=body))
    if as_document:
        as_json(made)
    else:
        err.print(f"{made['id']} is on the charts", style="dim")
