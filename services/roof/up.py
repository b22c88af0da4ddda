"""``kizashi up`` starts the whole house on one machine; ``kizashi run SERVICE`` runs one service against whatever the settings name."""

from __future__ import annotations

import asyncio
import importlib
import os
from typing import Annotated

import typer

from kizashi import __version__
from kizashi.errors import Recoverable, Refused
from kizashi.observe import logs
from kizashi.observe.health import Health, ObservePort
from kizashi.settings import Settings
from kizashi.standalone import home as house
from kizashi.standalone import preflight, probe
from kizashi.standalone.kafka import KafkaProcess
from kizashi.standalone.start_page import StartPage
from kizashi.standalone.supervisor import Supervisor
from services import wiring
from services.roof import plan, serve
from services.roof.output import err, out

READY_WITHIN_S = 90.0


def up(
    demo: Annotated[bool | None, typer.Option("--demo/--no-demo", help="Stream this machine's metrics and a simulated landscape.")] = None,
    port: Annotated[int | None, typer.Option(help="Port of the web client and the API; 0 lets the system choose.")] = None,
    kafka_port: Annotated[int | None, typer.Option(help="Port of Kafka; 0 lets the system choose.")] = None,
    store_port: Annotated[int | None, typer.Option(help="Port of the embedded ClickHouse; 0 lets the system choose.")] = None,
    home: Annotated[str | None, typer.Option(help="Data folder.")] = None,
) -> None:
    """Start everything on this machine: Kafka, the embedded ClickHouse and every service.

    Ctrl-C stops all of it; the next start has all data and models.

    Example:  kizashi up --no-demo --port 8090
    """
    settings = wiring.load(
        home=home, port=None if port == 0 else port, one_machine__demo=demo, one_machine__kafka_port=kafka_port,
        one_machine__store_port=store_port,
    )  # fmt: skip
    settings = _with_ports(settings, free_gateway=port == 0)
    settings.home.mkdir(parents=True, exist_ok=True)
    with house.claimed(settings.home):
        _look(settings)
        house.open_format(settings.home, f"Kizashi {__version__}")
        house.make_secrets(settings.home)
        preflight.raise_file_limit()
        logs.configure("supervisor", settings.log_level, json_lines=False)
        settings = _addressed(settings)
        raise typer.Exit(asyncio.run(_supervise(settings)))


def run(service: Annotated[str, typer.Argument(help=f"One of: {', '.join((*serve.SERVICES, 'demo'))}.")]) -> None:
    """Run one service against the Kafka, ClickHouse and Redis that the settings name; as many copies as needed.

    Example:  KIZASHI_KAFKA=broker:9092 kizashi run anomaly
    """
    serve.serve(service)


def _with_ports(settings: Settings, free_gateway: bool) -> Settings:
    """Ports that were left to the system get a number now, so that everybody can be told."""
    machine = settings.one_machine
    machine = machine.model_copy(
        update={"kafka_port": machine.kafka_port or probe.free_port(), "store_port": machine.store_port or probe.free_port()}
    )
    changed: dict[str, object] = {"one_machine": machine}
    if free_gateway:
        changed |= {"port": probe.free_port(), "ingest_port": probe.free_port(), "alerting_port": probe.free_port()}
    return settings.model_copy(update=changed)


def _look(settings: Settings) -> None:
    """Refuse to start when something is in the way; all reasons at once."""
    machine = settings.one_machine
    ports = {
        "gateway": settings.port,
        "ingest": settings.ingest_port,
        "alerting": settings.alerting_port,
        "kafka": machine.kafka_port,
        "store": machine.store_port,
    }
    wrong = [found for found in preflight.look(settings, ports) if not found.ok and found.fatal]
    if wrong:
        raise Refused("Kizashi cannot start here:\n" + "\n".join(f"  {f.name}: {f.detail}; {f.advice}" for f in wrong))


def _addressed(settings: Settings) -> Settings:
    """Settings that name the parts this house will have."""
    machine = settings.one_machine
    password = house.store_password_file(settings.home).read_text(encoding="utf-8").strip()
    store = settings.store.model_copy(update={"host": "127.0.0.1", "port": machine.store_port, "secure": False})
    told = settings.model_dump() | {
        "home": settings.home.absolute(),
        "kafka": settings.kafka.model_dump() | {"bootstrap": f"127.0.0.1:{machine.kafka_port}", "security": "PLAINTEXT"},
        "store": store.model_dump() | {"password": password},
    }
    return Settings.model_validate(told)


async def _supervise(settings: Settings) -> int:
    """Exit code: 0 after a stop that was asked for, 1 when the start failed."""
    stop = serve.stop_on_signals()
    machine = settings.one_machine
    kafka = KafkaProcess(settings.home, machine.kafka_port, machine.kafka_disk_mb, machine.kafka_heap_mb)
    health = Health("supervisor")
    observe = ObservePort(health, settings.observe_port)
    where = settings.near_url
    about = {"version": __version__, "address": where, "kafka": kafka.bootstrap, "observe_port": observe.port}
    page = StartPage(settings.bind, settings.port, lambda: [(child.spec.name, child.state) for child in supervisor.children])
    supervisor = Supervisor(settings.home, plan.stages(settings, kafka, machine.demo, _say), about, _say)
    house.write_addresses(settings.home, _addresses(settings))
    try:
        await page.open()
        _say(f"{where} shows how far it is")
        await supervisor.start(stop)
        ready = await supervisor.wait_ready(READY_WITHIN_S, stop)
        page.close()
        if not stop.is_set():
            _welcome(settings, where, supervisor, ready)
        await stop.wait()
        return 0
    except (Recoverable, Refused) as error:
        err.print(str(error), style="red")
        return 1
    finally:
        page.close()
        _say("stopping …")
        await supervisor.stop()
        observe.close()
        _say("stopped; the next start has all data and models")


def _addresses(settings: Settings) -> dict[str, str | int | bool]:
    return {
        "kafka.bootstrap": settings.kafka.bootstrap,
        "store.host": settings.store.host,
        "store.port": settings.store.port,
        "store.user": settings.store.user,
        "store.database": settings.store.database,
        "port": settings.port,
        "ingest_port": settings.ingest_port,
        "alerting_port": settings.alerting_port,
    }


def _welcome(settings: Settings, where: str, supervisor: Supervisor, ready: bool) -> None:
    for child in supervisor.children:
        if child.state != "ready":
            err.print(f"{child.spec.name} is not ready ({child.detail or child.state}); see {child.log.file}", style="yellow")
    _say("ready" if ready else "running, not all parts are ready: `kizashi status`")
    if plan.installed("gateway"):
        link = importlib.import_module("services.gateway.login_link").issue(settings.home)
        out.print(f"\n  Open  [bold]{where}/login?token={link}[/bold]  (works once; a new one: kizashi token login)")
    out.print(f"  Kafka {settings.kafka.bootstrap} · ClickHouse 127.0.0.1:{settings.store.port} · data in {os.path.relpath(settings.home)}")
    out.print("  Ctrl-C stops everything.\n")


def _say(text: str) -> None:
    err.print(text, style="dim")
