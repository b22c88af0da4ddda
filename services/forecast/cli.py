"""Commands of the forecast service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kizashi.errors import KizashiError
from services.forecast import evaluate_forecast

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
    try:
        files = evaluate_forecast.evaluate(source, target, origins, horizon, season)
    except (KizashiError, OSError) as x:
        typer.echo(f"eval forecast: {x}", err=True)
        raise typer.Exit(2) from x
    typer.echo(f"{files} series forecast, see {target}")
