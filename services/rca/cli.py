"""Commands of rca for the roof: ``kizashi eval rca IN OUT``, ``kizashi eval alerts IN OUT`` and ``kizashi bench rca``."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from services.rca.case_eval import eval_rca
from services.rca.storm_eval import eval_alerts

__all__ = ["bench_rca", "eval_alerts", "eval_rca"]


def bench_rca(
    episodes: Annotated[int, typer.Option(min=100, max=100_000, help="Episodes of the storm, all within one minute.")] = 10_000,
) -> None:
    """Cost of ranking one case of 50 services with ten metrics, and of a storm of episodes; one JSON document.

    Example:  kizashi bench rca
    """
    from services.rca.bench import case_cost, storm_cost
    from services.rca.simulate_storm import make_storm

    found = {"case": case_cost(services=50), "storm": storm_cost(make_storm(episodes))}
    typer.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
