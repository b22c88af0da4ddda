"""Naive Faust with River, and Quix Streams, on the same broker and the same kind of messages as the house that was just measured.

They do the scoring part alone: decode lists of samples, score each by a model of its series, send the scores on. The house's share of
the same work is ingest and anomaly, which also register, validate, keep state and open episodes.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import services
from kizashi.contracts.topics import DAY_MS, HOT_PARTITIONS, Topic
from kizashi.errors import Recoverable, Refused
from kizashi.settings import KafkaSettings
from kizashi.stream.admin import BusAdmin
from kizashi.stream.producer import Producer, Record
from services.demo.load import Order, lists

ROOT = Path(services.__file__).parents[1]
PYTHON = ROOT / ".venv-peers" / "bin" / "python"
SCRIPTS = ROOT / "deploy" / "peers"
PEERS = {"faust + river": "faust_river.py", "quix streams + river": "quix_streams.py"}
LISTS = 2_000
SECONDS = 30.0
"""A peer is measured for so long at most: its figures are steady from the first seconds on."""
WITHIN_S = SECONDS + 90.0
"""With its start and the group's first assignment, on a busy machine."""


def refuse_without() -> None:
    """Raises Refused when the peers are not installed."""
    if not PYTHON.is_file() or not SCRIPTS.is_dir():
        raise Refused("the peers are not installed: run `make bench-peers` in a checkout of the source")


def peers(kafka: KafkaSettings, series: int) -> dict[str, dict[str, Any]]:
    """Samples a second and CPU-seconds a million of each peer, one after the other on an otherwise idle broker."""
    found = {}
    for name, script in PEERS.items():
        source, target = (f"bench.peer.{script.partition('_')[0]}.{way}" for way in ("in", "out"))
        samples = _fill(kafka, source, target, series)
        command = [str(PYTHON), str(SCRIPTS / script), kafka.bootstrap, source, target, str(samples), str(SECONDS)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=WITHIN_S)
        except subprocess.TimeoutExpired as x:
            raise Recoverable(f"{name} did not end within {WITHIN_S:g} s: is the machine busy?") from x
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        if done.returncode != 0 or not lines:
            raise Refused(f"{name} ended with exit code {done.returncode}: {done.stderr[-1_000:]}")
        found[name] = json.loads(lines[-1])
    return found


def side_by_side(house: Mapping[str, float], found: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """CPU-seconds a million samples: the processes of the house that do what peers do, the peers, and the whole house, which does more.

    ``house`` is CPU-seconds a million by process, ``found`` what ``peers`` gave; the broker's are in the last one alone.
    """
    share = round(house["ingest"] + house["anomaly"], 2)
    others = {name: figures["cpu_s_per_million"] for name, figures in found.items()}
    return {"ingest + anomaly": share, **others, "whole house": round(sum(house.values()), 2)}


def _fill(kafka: KafkaSettings, source: str, target: str, series: int) -> int:
    """Make both topics and put the load's own lists on the first; how many samples they hold."""
    topics = [Topic(name, "any", "lists of samples as JSON", "any", DAY_MS, hot=False) for name in (source, target)]
    BusAdmin(kafka.model_copy(update={"partitions": HOT_PARTITIONS})).ensure(topics)
    producer, samples = Producer(kafka, "kizashi-bench"), 0
    for n, message in islice(lists(Order(kafka.bootstrap, series=series)), LISTS):
        producer.send_waiting(Record(source, message))
        samples += n
    producer.flush(60.0)
    return samples
