"""Commands of the anomaly service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kizashi.errors import KizashiError
from services.anomaly.config import ModelConfig
from services.anomaly.evaluate import evaluate


def eval_anomaly(
    source: Annotated[Path, typer.Argument(metavar="IN", help="folder of .csv (timestamp,value) or .npz (timestamp, value)")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="folder for the scores, one .csv for each input")],
    model: Annotated[str, typer.Option(help="a River model as a further head, such as river.anomaly.GaussianScorer")] = "",
) -> None:
    """Score recorded series with the production model; labels are never read."""
    try:
        files = evaluate(source, target, ModelConfig(model=model))
    except (KizashiError, OSError) as x:
        typer.echo(f"eval anomaly: {x}", err=True)
        raise typer.Exit(2) from x
    typer.echo(f"{files} series scored, see {target}")


def bench_anomaly(
    noise: Annotated[
        bool, typer.Option("--noise", help="Count false episodes on 1,000 series of pure noise of four kinds instead.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of the noise.")] = 0,
    peers: Annotated[bool, typer.Option("--peers", help="Also a random cut forest; needs `make bench-peers`.")] = False,
) -> None:
    """Cost a sample and a series, beside River's models on the same data in the same run.

    Example:  kizashi bench anomaly --noise
    """
    from services.anomaly.bench import costs
    from services.anomaly.simulated import KINDS, false_episodes

    if noise:
        for kind in KINDS:
            n = false_episodes(kind, seed=seed)
            typer.echo(
                f"{kind:<28} {n.mean:6.3f} false episodes a series in {n.samples:,} samples; most {n.largest}, none in {n.silent:.1%}"
            )
        return
    for c in costs(peers):
        typer.echo(f"{c.name:<52} {c.us_per_sample:9.2f} µs/sample {c.bytes_per_series:>10} B/series")
