"""``kizashi bench``: measure this machine. Every figure in the documentation is printed by one of these commands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from services import wiring
from services.roof.output import as_json, err, table

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Measure this machine.")
Json = Annotated[bool, typer.Option("--json", help="One JSON document.")]


@app.callback()
def bench() -> None:
    """Measure this machine."""


@app.command()
def pipeline(
    seconds: Annotated[float, typer.Option(min=1.0, help="How long to send at full speed.")] = 120.0,
    series: Annotated[int, typer.Option(min=1, max=100_000, help="Different series.")] = 10_000,
    delay_s: Annotated[float, typer.Option("--delay-s", min=1.0, help="How long delays are measured at each rate.")] = 20.0,
    as_document: Json = False,
) -> None:
    """Samples a second from producer to queryable row, CPU by stage, delay to a WebSocket. Starts a house of its own.

    Example:  kizashi bench pipeline --seconds 120 --json
    """
    from services.roof.bench_pipeline import pipeline as measure

    err.print(f"starting a house, then about {seconds + 3 * delay_s:g} s of load", style="dim")
    _show(measure(seconds, series, delay_s), as_document)


@app.command()
def ingest(as_document: Json = False) -> None:
    """Messages and samples a second of ingest alone, on one core. Starts a house of its own.

    Example:  kizashi bench ingest --json
    """
    import tempfile
    from pathlib import Path

    from kizashi.standalone.kafka import KafkaProcess
    from services.ingest.bench import bench_ingest

    with tempfile.TemporaryDirectory(prefix="kizashi-bench-", ignore_cleanup_errors=True) as folder:
        broker = KafkaProcess(Path(folder))
        broker.start()
        try:
            broker.wait_ready()
            settings = wiring.load({"KIZASHI_HOME": folder, "KIZASHI_KAFKA": broker.bootstrap})
            _show(bench_ingest(settings), as_document)
        finally:
            broker.stop()


def _show(outcome: Mapping[str, object], as_document: bool) -> None:
    if as_document:
        as_json(outcome)
        return
    rows = []
    for name, value in outcome.items():
        below = value.items() if isinstance(value, Mapping) else [("", value)]
        rows += [
            {"figure": f"{name} {part}".strip(), "value": f"{item:,}" if isinstance(item, int | float) else item} for part, item in below
        ]
    table(rows)
