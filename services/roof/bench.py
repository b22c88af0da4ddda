"""``kizashi bench``: measure this machine. Every figure in the documentation is printed by one of these commands."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import typer

from services import wiring
from services.roof.catalogue import Entry, LazyGroup
from services.roof.output import as_json, err, table

Json = Annotated[bool, typer.Option("--json", help="One JSON document.")]
WHOLE = {
    "pipeline": Entry("services.roof.bench:pipeline", "Samples a second through the whole house, CPU by stage, delays."),
    "start": Entry("services.roof.bench:start", "Seconds to ready, first own metric, memory at rest."),
    "gateway": Entry("services.roof.bench:gateway", "HTTP and WebSocket clients on one house."),
}
PARTS = {
    "ingest": Entry("services.roof.bench:ingest", "Messages and samples a second of ingest alone."),
    "sink": Entry("services.roof.bench:sink", "Rows a second into the store."),
    "anomaly": Entry("services.anomaly.cli:bench_anomaly", "Cost of the scoring models beside River's."),
    "forecast": Entry("services.forecast.cli:bench", "Accuracy and cost of the forecasters beside River's."),
    "rca": Entry("services.rca.cli:bench_rca", "Root causes under a storm of episodes."),
    "alerting": Entry("services.alerting.cli:bench_alerting", "Alerts a second, delay from episode to notification."),
}


class Benches(LazyGroup):
    """What can be measured; the services' own parts are imported only when they are called."""

    panels = MappingProxyType({"The whole house": WHOLE, "Parts": PARTS})


app = typer.Typer(cls=Benches, no_args_is_help=True, add_completion=False)


@app.callback()
def bench() -> None:
    """Measure this machine.

    Example:  kizashi bench pipeline --json
    """


def pipeline(
    seconds: Annotated[float, typer.Option(min=1.0, help="How long to send at full speed.")] = 120.0,
    series: Annotated[int, typer.Option(min=1_000, max=100_000, help="Different series.")] = 10_000,
    delay_s: Annotated[float, typer.Option("--delay-s", min=1.0, help="How long delays are measured at each rate.")] = 20.0,
    peers: Annotated[bool, typer.Option("--peers", help="Also Faust with River, and Quix Streams; needs `make bench-peers`.")] = False,
    as_document: Json = False,
) -> None:
    """Samples a second from producer to queryable row, CPU by stage, delay to a WebSocket. Starts a house of its own.

    Example:  kizashi bench pipeline --seconds 120 --json
    """
    from services.roof.bench_pipeline import pipeline as measure

    err.print(f"starting a house, then about {seconds + 3 * delay_s:g} s of load", style="dim")
    _show(measure(seconds, series, delay_s, peers), as_document)


def start(as_document: Json = False) -> None:
    """Seconds from `kizashi up` to ready, first and second time, to the first own metric, and memory at rest. A house of its own.

    Example:  kizashi bench start --json
    """
    from services.roof.bench_start import measure

    _show(measure(), as_document)


def gateway(
    people: Annotated[int, typer.Option(min=1, max=1_000, help="Clients, each with an HTTP connection and a WebSocket.")] = 100,
    seconds: Annotated[float, typer.Option(min=5.0, help="How long they click and watch.")] = 60.0,
    rate: Annotated[int, typer.Option(min=0, help="Samples a second that flow meanwhile.")] = 50_000,
    as_document: Json = False,
) -> None:
    """CPU of a request by route; delays of pages and of points on WebSockets while samples flow. Starts a house of its own.

    Example:  kizashi bench gateway --people 100 --seconds 300 --json
    """
    from services.roof.bench_gateway import measure

    _show(measure(people, seconds, rate), as_document)


def ingest(as_document: Json = False) -> None:
    """Messages and samples a second of ingest alone, on one core. Starts a broker of its own.

    Example:  kizashi bench ingest --json
    """
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


def sink(
    messages: Annotated[int, typer.Option(min=1, help="Scores messages of 50,000 rows.")] = 60,
    as_document: Json = False,
) -> None:
    """Rows a second from scores messages to the store, and what both cost. Starts a store of its own.

    Example:  kizashi bench sink --json
    """
    from services.roof.bench_house import bench_store
    from services.sink.cli import bench_sink

    with bench_store() as (settings, cpu_s):
        before = cpu_s()
        found = bench_sink(settings, messages)
        _show(found | {"store_cpu_s_per_million": round((cpu_s() - before) / found["rows"] * 1e6, 3)}, as_document)


def _show(outcome: Mapping[str, object], as_document: bool) -> None:
    if as_document:
        as_json(outcome)
        return
    rows = []
    for name, value in outcome.items():
        below = value.items() if isinstance(value, Mapping) else [("", value)]
        rows += [{"figure": f"{name} {part}".strip(), "value": _text(item)} for part, item in below]
    table(rows)


def _text(item: object) -> str:
    """A figure, or several in one line."""
    if isinstance(item, Mapping):
        return " · ".join(f"{name} {_text(value)}" for name, value in item.items())
    if isinstance(item, list):
        return "\n".join(map(_text, item))
    return f"{item:,}" if isinstance(item, int | float) else str(item)
