"""What one machine runs, in which order: the bus and the store, topics and tables, then the services side by side."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from collections.abc import Callable
from functools import partial

from kizashi.errors import Refused
from kizashi.settings import Settings
from kizashi.standalone import home as house
from kizashi.standalone import probe
from kizashi.standalone.child import ChildSpec
from kizashi.standalone.kafka import KafkaProcess
from kizashi.standalone.supervisor import Stage
from services.roof.serve import SERVICES
from services.wiring import environment_for_children

NICE = {"clickhouse": 3, "ingest": 5, "anomaly": 5, "sink": 5, "rca": 5, "forecast": 10, "demo": 10}
"""On one machine a person's question goes before the telemetry that flows, which waits in the log for some ms and is not lost. The gateway,
which has most answers at hand, goes before the store: who waits for a chart from there must not make the others wait."""
ONE_THREAD = dict.fromkeys(("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Services share the cores; a numeric library that takes all of them slows the others down."""
LEAN = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": str(4 << 20), "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": ""}
"""glibc gives each thread an arena of its own and keeps it; two are enough and save tens of megabytes a process. Blocks above 4 MiB (tables
of the models, snapshots) go back to the system when they are freed; left alone, glibc moves that border up to 32 MiB and keeps them.
Compiled Python is kept, as compiled kernels are: where it is not, eight services compile the same libraries at every start."""


def installed(service: str) -> bool:
    """True when the service can be run here."""
    return importlib.util.find_spec(f"services.{service}") is not None and importlib.util.find_spec(f"services.{service}.app") is not None


def stages(settings: Settings, kafka: KafkaProcess, demo: bool, say: Callable[[str], None]) -> list[Stage]:
    """The start-up plan. ``settings`` already holds the addresses that the parts will have."""
    environment = {**environment_for_children(settings), **ONE_THREAD, **LEAN}
    names = [name for name in (*SERVICES, *(("demo",) if demo else ())) if installed(name)]
    return [
        Stage("bus and store", [_kafka(kafka), _store(settings)], then=partial(prepare, settings, say)),
        Stage("services", [_service(name, environment) for name in names], must=False),
    ]


def _kafka(kafka: KafkaProcess) -> ChildSpec:
    return ChildSpec(
        "kafka", kafka.command, lambda: probe.kafka_answers(kafka.bind, kafka.port), stop_within_s=3.0, port=kafka.port, environment=LEAN
    )


def _store(settings: Settings) -> ChildSpec:
    command = [
        *(sys.executable, "-m", "kizashi.standalone.clickhouse_server"),
        *("--path", str(settings.home.absolute() / "clickhouse"), "--port", str(settings.store.port)),
        *("--user", settings.store.user, "--password-file", str(house.store_password_file(settings.home).absolute())),
    ]
    url = f"http://127.0.0.1:{settings.store.port}/ping"
    return ChildSpec(
        "clickhouse",
        lambda: command,
        lambda: probe.http_ok(url),
        stop_within_s=5.0,
        port=settings.store.port,
        environment=LEAN,
        nice=NICE["clickhouse"],
    )


def _service(name: str, environment: dict[str, str]) -> ChildSpec:
    port = probe.free_port()
    base = f"http://127.0.0.1:{port}"
    return ChildSpec(
        name,
        lambda: [sys.executable, "-m", "services.roof.child", name],
        lambda: probe.http_ok(f"{base}/readyz", 2.0),
        live=lambda: probe.http_ok(f"{base}/livez", 5.0),
        environment={**environment, "KIZASHI_OBSERVE_PORT": str(port)},
        stop_within_s=6.0,
        port=port,
        nice=NICE.get(name, 0),
    )


async def prepare(settings: Settings, say: Callable[[str], None]) -> None:
    """Topics and tables, before any service looks for them. Raises Refused when a topic has other partitions than wanted."""
    from kizashi.stream.admin import ensure_topics

    say("topics and tables …")
    report, _ = await asyncio.gather(asyncio.to_thread(ensure_topics, settings.kafka), asyncio.to_thread(migrate, settings))
    if not report.ok:
        raise Refused("\n".join(report.sentences()))


def migrate(settings: Settings) -> list[str]:
    """Bring the store's tables to the newest version; names of the migrations applied now."""
    from kizashi.store.migrate import migrate as apply

    return [str(name) for name in apply(settings.store)]
