"""Commands of the forecast service."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from kizashi.errors import KizashiError
from services.forecast import evaluate_forecast, evaluate_incidents, evaluate_slo, evaluate_tickets

Source = Annotated[Path, typer.Argument(metavar="IN", help="folder of input files")]
Target = Annotated[Path, typer.Argument(metavar="OUT", help="folder for the answers, one file for each input")]


def eval_forecast(
    source: Source,
    target: Target,
    origins: Annotated[Path, typer.Option(help="csv with series,origin: forecast when that many rows are learned")],
    horizon: Annotated[int, typer.Option(min=1, max=1000, help="steps ahead")] = 48,
    season: Annotated[int, typer.Option(min=4, max=2000, help="rows in a season")] = 24,
) -> None:
    """Forecast recorded series with the production model, one value learned at a time."""
    files = _or_say("forecast", lambda: evaluate_forecast.evaluate(source, target, origins, horizon, season))
    typer.echo(f"{files} series forecast, see {target}")


def eval_slo(
    source: Source,
    target: Target,
    objective: Annotated[float, typer.Option(min=0.0, max=1.0, help="share of good requests that is promised")] = 0.999,
    hours: Annotated[int, typer.Option(min=1, help="length of the window")] = 672,
) -> None:
    """Probability of missing an objective by the end of its window, every twelfth hour."""
    files = _or_say("slo", lambda: evaluate_slo.evaluate(source, target, objective, hours))
    typer.echo(f"{files} windows judged, see {target}")


def eval_incidents(
    source: Source,
    target: Target,
    questions: Annotated[Path, typer.Option(help="csv with series,now")],
    horizon_days: Annotated[float, typer.Option(min=0.01, help="horizon; more may follow it")] = 1.0,
    more: Annotated[list[float] | None, typer.Argument(metavar="[DAYS]...", help="further horizons")] = None,
) -> None:
    """Probability of an incident within each horizon, from the starts of past ones."""
    files = _or_say("incidents", lambda: evaluate_incidents.evaluate(source, target, questions, [horizon_days, *(more or [])]))
    typer.echo(f"{files} series answered, see {target}")


def eval_tickets(
    days: Annotated[int, typer.Option(min=40, max=2_000, help="simulated days; the first 30 only teach")] = 120,
    seed: Annotated[int, typer.Option(help="another seed is another desk")] = 1,
    clock: Annotated[str, typer.Option(help="resolve or respond")] = "resolve",
) -> None:
    """Probability of a late ticket on the simulated desk, beside the elapsed share taken as one; one JSON document.

    Example:  kizashi eval tickets --seed 3
    """
    if clock not in ("resolve", "respond"):
        raise typer.BadParameter("resolve or respond", param_hint="--clock")
    score = evaluate_tickets.evaluate(days, seed, clock=clock)
    typer.echo(msgspec.json.format(msgspec.json.encode(msgspec.to_builtins(score) | {"skill": score.skill})).decode())


def bench(
    count: Annotated[int, typer.Option(min=1, help="simulated series")] = 10,
    peers: Annotated[bool, typer.Option("--peers", help="also statsforecast's AutoETS and AutoTheta; needs `make bench-peers`")] = False,
) -> None:
    """Accuracy and cost beside River's forecasters on the same simulated series; one JSON document.

    Example:  kizashi bench forecast --count 10 --peers
    """
    from services.forecast.bench import bench_forecast  # River's import costs half a second

    rows = bench_forecast(count, peers=peers)
    typer.echo(msgspec.json.format(msgspec.json.encode(rows)).decode())


def _or_say(what: str, work: Callable[[], int]) -> int:
    """Do it, or say why not and end with 2."""
    try:
        return work()
    except (KizashiError, OSError, ValueError) as x:
        typer.echo(f"eval {what}: {x}", err=True)
        raise typer.Exit(2) from x
