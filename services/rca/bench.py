"""``kizashi bench rca``: what a ranking costs, and whether a storm of ten thousand episodes in a minute leaves the service behind.

CPU time, not wall time: the figures then say what the code costs on a machine that others use too.
"""

from __future__ import annotations

import time
from statistics import median

import numpy as np

from kizashi.contracts import codec
from kizashi.contracts.findings import Episode, Incident
from kizashi.online.dependencies import DependencyMap, EdgeState
from services.rca.model import PartitionModel
from services.rca.ranking import Alarm, rank
from services.rca.simulate_storm import Storm, layered
from services.rca.window import Window

METRICS = ("cpu", "memory", "latency_p50", "latency_p90", "errors", "requests", "disk_io", "network_rx", "threads", "gc_pause")
REPEATS = 15


def case_cost(services: int) -> dict[str, float]:
    """Cost of one ranking (ms of CPU): best and median of fifteen, without and with a dependency map."""
    rng = np.random.default_rng(1)
    names = [f"s-{i}" for i in range(services)]
    columns = [(s, m) for s in names for m in METRICS]
    normal, abnormal = (10 + rng.normal(size=(rows, len(columns))) for rows in (600, 300))
    abnormal[:, 35] += 20
    entities, metrics = zip(*columns, strict=True)
    window = Window(entities, metrics, tuple(f"{s}:{m}" for s, m in columns), normal, abnormal, 1.0)
    graph = DependencyMap()
    for caller, callee, p in layered(services, 5, rng, "s"):
        graph.observe(EdgeState(caller, callee, "declared", 1.0, 0, 0, spread=p))
    found = {}
    for name, known in (("without_map", DependencyMap()), ("with_map", graph)):
        times = []
        for _ in range(REPEATS):
            began = time.process_time()
            rank(window, known, Alarm("s-0"), {})
            times.append(1000 * (time.process_time() - began))
        found[f"ms_{name}_best"], found[f"ms_{name}_median"] = round(min(times), 2), round(median(times), 2)
    return found


def storm_cost(storm: Storm) -> dict[str, float]:
    """A storm through one partition: seconds of CPU, incidents, wire bytes and state afterwards."""
    model = PartitionModel()
    for info in storm.series:
        model.series(info)
    model.event(storm.topology)
    for batch in storm.quiet:
        model.rollup(batch)
    model.drain()
    newest: dict[str, Incident] = {}
    versions = sent = 0
    began = time.process_time()
    for message in storm.messages():
        if isinstance(message, Episode):
            model.episode(message)
        else:
            model.rollup(message)
        for incident in model.drain().incidents:
            newest[incident.id] = incident
            versions, sent = versions + 1, sent + len(codec.encode(incident))
    cost_s = time.process_time() - began
    opened = [i for i in newest.values() if i.state == "open"]
    named = {i.causes[0].entity for i in opened if i.verdict == "cause"}
    return {
        "episodes": len(storm.episodes), "cpu_s": round(cost_s, 2), "true_causes": len(storm.roots), "open_incidents": len(opened),
        "true_causes_named": len(named & storm.roots), "rankings": model.tenants[storm.topology.tenant].book.rankings,
        "versions": versions, "sent_mb": round(sent / 1e6, 1), "state_mb": round(len(model.dump()) / 1e6, 1),
    }  # fmt: skip
