"""Commands that show what was found: series, episodes, explanations, incidents, alerts. All read the views."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from kizashi.clock import SystemClock
from kizashi.errors import NotFound, Refused
from services import wiring
from services.roof.ask import select
from services.roof.output import as_json, out, table

Json = Annotated[bool, typer.Option("--json", help="One JSON document.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="Rows at most.")]
Hours = Annotated[float, typer.Option(help="How far back.")]
Which = Annotated[str, typer.Argument(help="Series id (16 hex digits), or metric, or part of its labels.")]


def series(
    search: Annotated[str, typer.Argument(help="Part of metric or labels.")] = "", limit: Limit = 50, as_document: Json = False
) -> None:
    """Series with their latest value and score, the oddest first.

    Example:  kizashi series checkout
    """
    sql = """SELECT series_id, metric, labels, value, round(score, 3) AS score, state, time FROM v_current
             WHERE tenant = {tenant:String} AND positionCaseInsensitive(concat(metric, ' ', toString(labels)), {search:String}) > 0
             ORDER BY v_current.score DESC LIMIT {limit:UInt32}"""
    _show(sql, {"search": search, "limit": limit}, as_document)


def episodes(hours: Hours = 24.0, limit: Limit = 50, as_document: Json = False) -> None:
    """Episodes that were open in the last hours, the newest first.

    Example:  kizashi episodes --hours 6 --json
    """
    sql = """SELECT id, time, if(state = 'closed', timeEnd, NULL) AS until, kind, state, metric, labels, direction,
             round(peak_score, 2) AS peak_score, peak_value, expected, series_id FROM v_episodes
             WHERE tenant = {tenant:String} AND timeEnd > now64(3) - toIntervalSecond({seconds:UInt32})
             ORDER BY time DESC LIMIT {limit:UInt32}"""
    _show(sql, {"seconds": round(hours * 3_600), "limit": limit}, as_document)


def incidents(hours: Hours = 24.0, limit: Limit = 20, as_document: Json = False) -> None:
    """Incidents with their likely cause and blast radius, the newest first.

    Example:  kizashi incidents --json
    """
    sql = """SELECT id, time, state, severity, title, verdict, cause, round(cause_score, 2) AS cause_score, entities, blast FROM v_incidents
             WHERE tenant = {tenant:String} AND timeEnd > now64(3) - toIntervalSecond({seconds:UInt32})
             ORDER BY time DESC LIMIT {limit:UInt32}"""
    _show(sql, {"seconds": round(hours * 3_600), "limit": limit}, as_document)


def alerts(hours: Hours = 24.0, limit: Limit = 50, as_document: Json = False) -> None:
    """What on-call was told, the newest first.

    Example:  kizashi alerts --hours 48
    """
    sql = """SELECT id, time, state, severity, title, rule, held_back_by, acknowledged_by FROM v_alerts
             WHERE tenant = {tenant:String} AND timeEnd > now64(3) - toIntervalSecond({seconds:UInt32})
             ORDER BY time DESC LIMIT {limit:UInt32}"""
    _show(sql, {"seconds": round(hours * 3_600), "limit": limit}, as_document)


def explain(
    which: Which,
    minutes: Annotated[float, typer.Option(help="How far back.")] = 15.0,
    at: Annotated[str, typer.Option(help="A time instead, RFC 3339 or now-2h: the model is replayed up to it.")] = "",
    as_document: Json = False,
) -> None:
    """Why a series is or is not odd: its latest value against its band, its last odd moments, its open episode.

    With --at: the newest value at that time, the gate that stopped it or the head that spoke, state hash and place in the log.

    Example:  kizashi explain checkout.latency --at now-2h
    """
    chosen = one_series(which)
    if at:
        _explain_at(chosen, at, as_document)
        return
    here: dict[str, str | int | float] = {"series": str(chosen["series_id"]), "seconds": round(minutes * 60)}
    odd = _rows(
        """SELECT time, value, expected, lower, upper, round(score, 3) AS score, round(point, 3) AS point, round(novelty, 3) AS novelty,
           state
           FROM v_scores WHERE tenant = {tenant:String} AND series_id = {series:String}
           AND time > now64(3) - toIntervalSecond({seconds:UInt32}) ORDER BY v_scores.score DESC LIMIT 10""",
        here,
    )
    told = _rows(
        """SELECT id, kind, state, time, direction, peak_score, head FROM v_episodes
           WHERE tenant = {tenant:String} AND series_id = {series:String} ORDER BY time DESC LIMIT 3""",
        {"series": here["series"]},
    )
    document = {"series": chosen, "because": _sentence(chosen), "oddest": odd, "episodes": told}
    if as_document:
        as_json(document)
        return
    out.print(f"{chosen['metric']} {chosen['labels']}\n{document['because']}\n")
    table(odd, title=f"oddest moments of the last {minutes:g} minutes")
    if told:
        table(told, title="episodes")


def _explain_at(chosen: dict[str, Any], at: str, as_document: bool) -> None:
    from services.gateway.times import BadTime, parse_time
    from services.roof.explain_at import document, sentences

    try:
        at_ms = parse_time(at, SystemClock().now_ms())
    except BadTime as x:
        raise Refused(str(x)) from x
    told = document(wiring.load().tenant, chosen, at_ms)
    if as_document:
        as_json({"series": chosen, **told})
    else:
        out.print("\n".join([f"{chosen['metric']} {chosen['labels']}", *sentences(told)]))


def _sentence(row: dict[str, Any]) -> str:
    """One sentence: the value against the expected band."""
    value, lower, upper = float(row["value"]), float(row["lower"]), float(row["upper"])
    where = "above" if value > upper else "below" if value < lower else "inside"
    return (
        f"{row['state']}: the latest value {value:g} is {where} the expected band {lower:g} … {upper:g} "
        f"(expected {float(row['expected']):g}); score {float(row['score']):.2f}, 1.00 is the boundary."
    )


def one_series(which: str) -> dict[str, Any]:
    """The series that fits best; raises NotFound."""
    found = _rows(
        """SELECT series_id, metric, labels, value, expected, lower, upper, score, state, time FROM v_current WHERE tenant = {tenant:String}
           AND (series_id = {which:String} OR positionCaseInsensitive(concat(metric, ' ', toString(labels)), {which:String}) > 0)
           ORDER BY metric = {which:String} DESC, v_current.score DESC LIMIT 2""",
        {"which": which},
    )
    if not found:
        raise NotFound(f"no series matches {which!r}: see kizashi series")
    return found[0]


def _rows(sql: str, parameters: dict[str, str | int | float]) -> list[dict[str, Any]]:
    return select(sql, parameters={"tenant": wiring.load().tenant, **parameters})


def _show(sql: str, parameters: dict[str, str | int | float], as_document: bool) -> None:
    rows = _rows(sql, parameters)
    if as_document:
        as_json(rows)
    else:
        table(rows) if rows else out.print("nothing found")
