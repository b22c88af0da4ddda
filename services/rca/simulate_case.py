"""Seeded failures of simulated microservices with known truth, in three makes that look like the public benchmarks.

Requests enter at the top of a layered call graph; each service has its load, processor (load and background work), own latency (a queue
whose delay grows as 1/(1 - utilisation)), latency as callers see it (its own and that of what it calls), errors (its own, and what retries
do not hide of its callees'), memory (a slow walk or a saw-tooth of the garbage collector), disk and network. A fault changes one quantity
of one service, the rest follows. The ranking sees what a monitoring system would: noisy columns, gaps, no truth. None of the numbers
below was fitted to a data set; they are drawn anew for every case.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kizashi.online.dependencies import DependencyMap, EdgeState
from services.rca.ranking import Alarm
from services.rca.simulate_storm import layered
from services.rca.window import Window

F64 = NDArray[np.float64]
Fault = Literal["cpu", "memory", "disk", "delay", "loss", "socket"]
FAULTS: tuple[Fault, ...] = ("cpu", "memory", "disk", "delay", "loss")


@dataclass(frozen=True)
class Make:
    """Size and sampling of a case: services (from, to), seconds a row, rows before and during, the metrics, and what the alarm knows."""

    name: str
    services: tuple[int, int]
    step_s: float
    before: int
    during: int
    metrics: tuple[str, ...]
    faults: tuple[Fault, ...]
    graph: bool
    alarm: Literal["none", "top", "own"]


MAKES: dict[str, Make] = {
    m.name: m
    for m in (
        Make("seconds", (10, 15), 1.0, 300, 300, ("cpu", "mem", "latency", "load"), ("cpu", "memory", "delay"), False, "top"),
        Make("home", (10, 15), 1.0, 300, 300, ("cpu", "mem", "latency", "load"), ("cpu", "memory", "delay"), False, "own"),
        Make("wide", (20, 50), 1.0, 600, 300, ("cpu", "mem", "latency", "errors", "load", "diskio", "socket"), FAULTS, False, "none"),
        Make("minutes", (10, 45), 60.0, 240, 4, ("cpu", "mem", "latency", "errors", "load", "diskio", "socket"), FAULTS, False, "none"),
        Make("mapped", (20, 50), 60.0, 240, 4, ("cpu", "mem", "latency", "errors", "load"), FAULTS, True, "top"),
    )
}
"""seconds: a small shop with one-second data, users alarm; home: there the broken service itself does.
wide: all indicators and faults. minutes: few rows during. mapped: with the call graph."""

INDICATORS: dict[Fault, tuple[str, ...]] = {
    "cpu": ("cpu",), "memory": ("mem",), "disk": ("diskio",), "delay": ("latency",), "loss": ("errors", "latency"),
    "socket": ("socket",),
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One failure with its truth; ``fault`` None: nothing happened."""

    window: Window
    graph: DependencyMap
    alarm: Alarm
    fault: Fault | None
    service: str
    indicators: frozenset[str]


def make_case(make: Make, seed: int, quiet: bool = False, late_s: float = 0.0) -> Case:
    """The case of a seed; ``quiet``: the same landscape without the fault; ``late_s``: the alarm missed the first rows of the fault."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(make.services[0], make.services[1] + 1))
    edges = layered(n, 4, rng, "s")
    names = [f"s-{i}" for i in range(n)]
    fault, at = make.faults[int(rng.integers(len(make.faults)))], int(rng.integers(n))
    severity = float(rng.uniform(0.3, 1.0))
    late = min(int(late_s / make.step_s), make.during - 1)
    tables = _landscape(names, edges, make, None if quiet else (fault, at, severity), rng)
    columns = {f"{s}:{m}": tables[m][:, i] for m in make.metrics for i, s in enumerate(names)}
    x = _observed(np.column_stack(list(columns.values())), rng)
    ids = tuple(columns)
    entities, metrics = zip(*(c.split(":") for c in ids), strict=True)
    window = Window(entities, metrics, ids, x[: make.before], x[make.before + late :], make.step_s)
    graph = DependencyMap()
    for caller, callee, p in edges if make.graph else ():
        graph.observe(EdgeState(caller, callee, "declared", 1.0, 0, 0, spread=p))
    where = {"none": "", "top": _top(names[at], edges), "own": names[at]}[make.alarm]
    alarm = Alarm(where, "latency" if where else "")
    truth = frozenset(f"{names[at]}:{m}" for m in INDICATORS[fault])
    return Case(window, graph, alarm, None if quiet else fault, names[at], truth)


def _top(service: str, edges: list[tuple[str, str, float]]) -> str:
    """The first entry point above a service: where users would notice that it is broken."""
    while above := sorted(a for a, b, _p in edges if b == service):
        service = above[0]
    return service


def _landscape(
    names: list[str], edges: list[tuple[str, str, float]], make: Make, broken: tuple[Fault, int, float] | None, rng: np.random.Generator
) -> dict[str, F64]:
    """Every metric as (rows, services)."""
    rows, n = make.before + make.during, len(names)
    at = {s: i for i, s in enumerate(names)}
    callees: list[list[tuple[int, float]]] = [[] for _ in names]
    for caller, name, p in edges:
        callees[at[caller]].append((at[name], p))
    on = np.zeros(rows)
    on[make.before :] = 1.0
    fault, where, severity = broken or ("cpu", -1, 0.0)
    hit = {f: (on[:, None] * (np.arange(n) == where) * severity if f == fault else np.zeros((rows, n))) for f in INDICATORS}
    load = _load(callees, rows, make.step_s, rng) * (1 - 0.5 * hit["loss"])
    busy = load / load[: make.before].mean(axis=0) * rng.uniform(0.1, 0.5, n) + _walk(rows, n, rng, 0.9, 0.02)
    cpu = np.clip(busy + hit["cpu"] * rng.uniform(0.6, 2.0), 0.005, None)
    memory = _memory(rows, n, rng) * (1 + hit["memory"] * np.linspace(0, 1, rows)[:, None] * rng.uniform(2, 8))
    disk = np.exp(rng.normal(3, 1, n) + _walk(rows, n, rng, 0.5, 0.3)) * (1 + hit["disk"] * rng.uniform(3, 20))
    waiting = 1 / (1 - np.clip(cpu, 0, 0.93))
    slow = 1 + 2 * hit["disk"] + hit["memory"] * on[:, None] + hit["loss"] + hit["socket"]
    own = rng.lognormal(1.0, 0.8, n) * waiting * slow * np.exp(_walk(rows, n, rng, 0.3, 0.1)) + hit["delay"] * rng.uniform(20, 200)
    failing = rng.uniform(0, 0.002, n) + 0.2 * hit["loss"] + 0.02 * hit["memory"] * on[:, None]
    latency, errors = own.copy(), failing.copy()
    for i in reversed(range(n)):  # callees come later in the order of layers
        for callee, p in callees[i]:
            latency[:, i] += p * latency[:, callee]
            errors[:, i] += 0.5 * p * errors[:, callee]
    counted = rng.poisson(np.clip(errors, 0, 1) * load * make.step_s) / make.step_s
    socket = load * rng.uniform(0.5, 2, n) * (1 + 0.2 * hit["delay"]) * np.exp(_walk(rows, n, rng, 0.5, 0.05))
    if fault == "socket":
        socket *= 1 + hit["socket"] * rng.uniform(3, 20)
    return {
        "cpu": 100 * cpu, "mem": memory, "latency": latency * np.exp(0.08 * rng.normal(size=latency.shape)), "errors": counted,
        "load": rng.poisson(load * make.step_s) / make.step_s, "diskio": disk, "socket": socket,
    }  # fmt: skip


def _load(callees: list[list[tuple[int, float]]], rows: int, step_s: float, rng: np.random.Generator) -> F64:
    """Requests per second of each service: users at the top, with a daily wave, slow and fast noise, and now and then a burst."""
    n = len(callees)
    called = {c for mine in callees for c, _p in mine}
    t = np.arange(rows) * step_s
    load = np.zeros((rows, n))
    users = np.exp(_walk(rows, n, rng, 0.98, 0.03) + 0.3 * np.sin(2 * np.pi * (t / 86_400 + rng.uniform()))[:, None])
    for start in rng.integers(0, rows, rng.poisson(0.7)).tolist():
        users[start : start + max(2, rows // 50)] *= rng.uniform(1.2, 2.0)
    for i in range(n):  # callers come first in the order of layers
        if i not in called:
            load[:, i] = rng.uniform(20, 200) * users[:, i]
        for below, _p in callees[i]:
            load[:, below] += load[:, i] * rng.uniform(0.2, 1.0)
    return load + 1e-3


def _walk(rows: int, n: int, rng: np.random.Generator, keep: float, sigma: float) -> F64:
    """AR(1) noise (rows, n) with standard deviation ``sigma`` and correlation ``keep`` from row to row."""
    x = rng.normal(0, sigma * np.sqrt(1 - keep**2), (rows, n))
    x[0] = rng.normal(0, sigma, n)
    for i in range(1, rows):
        x[i] += keep * x[i - 1]
    return x


def _memory(rows: int, n: int, rng: np.random.Generator) -> F64:
    """Megabytes: half of the services wander slowly, the others climb and are collected."""
    base = rng.lognormal(5, 1, n)
    period, phase = rng.integers(20, 200, n), rng.uniform(size=n)
    saw = ((np.arange(rows)[:, None] / period + phase) % 1.0) * rng.uniform(0.05, 0.4, n)
    drift = np.cumsum(rng.normal(0, 3e-4, (rows, n)), axis=0)
    found: F64 = base * (1 + np.where(rng.random(n) < 0.5, saw, drift))
    return found


def _observed(x: F64, rng: np.random.Generator) -> F64:
    """What a monitoring system keeps: some gaps, some columns that are mostly missing."""
    x = x.copy()
    x[rng.random(x.shape) < 0.005] = np.nan
    x[:, rng.random(x.shape[1]) < 0.02] = np.nan
    return x
