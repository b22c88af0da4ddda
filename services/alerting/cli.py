"""Commands of the alerting service for the roof."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def bench_alerting(
    rate: Annotated[float, typer.Option(min=1.0, help="Episodes a second whose delay to a webhook is measured.")] = 100.0,
    seconds: Annotated[float, typer.Option(min=1.0, help="How long.")] = 30.0,
    alone: Annotated[bool, typer.Option("--alone", help="Only the chain itself, without a broker: two seconds.")] = False,
) -> None:
    """A storm of 10,000 alerts through the chain alone; then through a broker, the service and a webhook: delay, messages, losses,
    and alerts a minute beside the best published figure of an open alert hub.

    Example:  kizashi bench alerting --alone
    """
    from services.alerting.bench import storm, through_kafka

    found = {"chain": storm()} | ({} if alone else {"service": through_kafka(rate, seconds)})
    typer.echo(json.dumps(found, indent=1))
