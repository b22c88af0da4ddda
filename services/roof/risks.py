"""``kizashi risk`` and ``kizashi forecast``: what may be missed, run out or fail, where a series is heading, and what if it grew faster."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Annotated, Any

import typer

from services import wiring
from services.roof.ask import select
from services.roof.findings import one_series
from services.roof.output import as_json, out, table

Json = Annotated[bool, typer.Option("--json", help="One JSON document.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="Rows at most.")]
Row = dict[str, Any]
HOUR_MS = 3_600_000
SEASON_H, HORIZON_H = 24, 168
HISTORY_H = 840
"""As much as the forecast itself remembers."""


def risk(
    kind: Annotated[str, typer.Option(help="slo, ticket, incident or capacity; none shows all.")] = "",
    entity: Annotated[str, typer.Option(help="Only this service, host or queue.")] = "",
    limit: Limit = 50,
    as_document: Json = False,
) -> None:
    """What may be missed, run out or fail: firing first, then by probability. An empty probability: the model abstains, and says why.

    Example:  kizashi risk --kind ticket
    """
    rows = select(
        """SELECT kind, entity, title, round(probability, 3) AS probability, eta, eta_low, eta_high, firing, severity, reason, time
           FROM v_risk WHERE tenant = {tenant:String} AND ({kind:String} = '' OR kind = {kind:String})
           AND ({entity:String} = '' OR entity = {entity:String}) AND reason NOT IN ('deleted', 'resolved', 'acknowledged')
           ORDER BY firing DESC, v_risk.probability DESC NULLS LAST, time DESC LIMIT {limit:UInt32}""",
        parameters={"tenant": wiring.load().tenant, "kind": kind, "entity": entity, "limit": limit},
    )
    _show(rows, as_document, "nothing is at risk that we know of")


def forecast(
    which: Annotated[str, typer.Argument(help="Series id (16 hex digits), metric, or part of its labels; none lists what runs out.")] = "",
    growth: Annotated[float, typer.Option(help="What if it grew so many per cent faster (or, below 0, slower)?")] = 0.0,
    threshold: Annotated[float | None, typer.Option(help="When is this value met? Default: the limit that is known.")] = None,
    as_document: Json = False,
) -> None:
    """Where a series is heading, step by step with its outer quantiles; without a series, what runs out first.

    Example:  kizashi forecast disk.used --growth 30
    """
    if not which:
        _runs_out(as_document)
        return
    chosen = one_series(which)
    tenant, series = wiring.load().tenant, str(chosen["series_id"])
    if growth or threshold is not None:
        _what_if(chosen, tenant, series, growth, threshold, as_document)
        return
    steps = select(
        """SELECT time, mean, lower, upper, reliable, reason, made FROM v_forecast
           WHERE tenant = {tenant:String} AND series_id = {series:String} ORDER BY time""",
        parameters={"tenant": tenant, "series": series},
    )
    track = select(
        """SELECT model, steps_ahead, step_ms / 1000 AS step_s, mean_absolute_error FROM v_forecast_track
           WHERE tenant = {tenant:String} AND series_id = {series:String} ORDER BY step_ms, steps_ahead, mean_absolute_error""",
        parameters={"tenant": tenant, "series": series},
    )
    if as_document:
        as_json({"series": chosen, "steps": steps, "track_record": track})
        return
    _show(steps, False, "no forecast yet: a series is forecast after 24 buckets of five minutes")
    if track:
        table(track, title="\nhow models did lately on this series")


def _runs_out(as_document: bool) -> None:
    rows = select(
        """SELECT title, entity, value, eta, eta_inner_low, eta_inner_high, eta_low, eta_high, round(probability, 3) AS p_within_week,
           growth_a_day, series_id FROM v_runs_out WHERE tenant = {tenant:String} ORDER BY eta IS NULL, eta LIMIT 50""",
        parameters={"tenant": wiring.load().tenant},
    )
    _show(rows, as_document, "nothing is seen to run out")


def _what_if(chosen: Row, tenant: str, series: str, growth: float, threshold: float | None, as_document: bool) -> None:
    """The hourly forecast with more growth, and when the threshold is met as it is and so."""
    import numpy as np

    from kizashi.errors import NotFound
    from kizashi.online.first_passage import what_if

    here: dict[str, str | int | float] = {"tenant": tenant, "series": series, "sid": int(series, 16), "hours": HISTORY_H, "step": HOUR_MS}
    told = select(
        """SELECT levels, JSONExtract(body, 'quantiles', 'Array(Array(Float64))') AS quantiles, made FROM forecasts
           WHERE tenant = {tenant:String} AND series_id = {sid:UInt64} AND step_ms = {step:UInt32}
           ORDER BY made DESC LIMIT 1""",
        parameters=here,
    )
    past = select(
        """SELECT value AS mean, time FROM v_metrics_1h WHERE sid = {sid:UInt64} AND tenant = {tenant:String}
           AND time > now64(3) - toIntervalHour({hours:UInt32}) ORDER BY time""",
        parameters=here,
    )
    past = [row for row in past if told and row["time"].replace(tzinfo=None) < told[0]["made"].replace(tzinfo=None)]
    if not told or len(past) < 8:
        raise NotFound("a what-if needs a day of hourly values and an hourly forecast of the series")
    limit = select(
        """SELECT threshold, JSONExtractString(body, 'title') AS title FROM v_risk
           WHERE tenant = {tenant:String} AND kind = 'capacity' AND series_id = {series:String} LIMIT 1""",
        parameters=here,
    )
    rising = not (limit and "falls to" in str(limit[0]["title"]))
    if threshold is None:
        threshold = float(limit[0]["threshold"]) if limit else None
    y = np.array([float(row["mean"]) for row in past])
    if threshold is not None and not limit:
        rising = threshold >= y[-1]
    quantiles, levels = np.array(told[0]["quantiles"], float), np.array(told[0]["levels"], float)
    found = what_if(y, SEASON_H, quantiles, levels, 1.0 + growth / 100.0, threshold, HORIZON_H, rising=rising)
    made = told[0]["made"]
    middle = int(np.argmin(np.abs(levels - 0.5)))
    rows = [
        {"time": made + timedelta(hours=k + 1), "as_it_is": quantiles[middle, k], "mean": found.quantiles[middle, k],
         "lower": found.quantiles[0, k], "upper": found.quantiles[-1, k]}
        for k in range(quantiles.shape[1])
    ]  # fmt: skip
    meets = [
        {
            "case": name,
            "threshold": threshold,
            "p_within_week": p.probability,
            **_dates(made, p.quantiles),
            "growth_a_day": 24 * p.growth_per_step,
        }
        for name, p in (("as it is", found.before), (f"growth {growth:+g} %", found.after))
        if p is not None
    ]
    if as_document:
        as_json({"series": chosen, "growth_percent": growth, "meets": meets, "steps": rows})
        return
    table(rows, title=f"{chosen['metric']} {chosen['labels']} with growth {growth:+g} %")
    if meets:
        table(meets, title=f"\nwhen {threshold:g} is met")


def _dates(made: Any, quantiles: tuple[float, ...]) -> Row:
    """Dates at 10, 50 and 90 %."""
    picked = zip(("eta_low", "eta", "eta_high"), (quantiles[0], quantiles[2], quantiles[4]), strict=True)
    return {name: made + timedelta(hours=q) if math.isfinite(q) else None for name, q in picked}


def _show(rows: list[Row], as_document: bool, nothing: str) -> None:
    if as_document:
        as_json(rows)
    else:
        table(rows) if rows else out.print(nothing)
