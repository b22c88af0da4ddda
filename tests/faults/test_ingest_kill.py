"""kill -9 of ingest at random moments under load: nothing that Kafka or an HTTP answer acknowledged is missing afterwards."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from kizashi.settings import KafkaSettings
from kizashi.standalone.kafka import KafkaProcess
from kizashi.standalone.probe import free_port
from kizashi.stream.producer import Producer, Record
from tests.pipeline.ingest_lane import await_values, stored, tenant_topic, told, until

pytestmark = [pytest.mark.faults, pytest.mark.pipeline]
SEED = 20_260_131
T0 = 1_700_000_000_000
KEY = "kzfault.secret"


@dataclass
class Process:
    """``kizashi run ingest`` on ports of its own."""

    kafka: KafkaSettings
    home: Path
    http: int
    observe: int
    child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = {
            **os.environ, "KIZASHI_KAFKA": self.kafka.bootstrap, "KIZASHI_HOME": str(self.home), "KIZASHI_INGEST_PORT": str(self.http),
            "KIZASHI_OBSERVE_PORT": str(self.observe), "KIZASHI_LOG_LEVEL": "warning", "PYTHONPATH": os.pathsep.join(sys.path),
        }  # fmt: skip
        with (self.home / "ingest.log").open("ab") as log:
            self.child = subprocess.Popen([sys.executable, "-m", "services", "run", "ingest"], env=environment, stderr=log)

    def ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.observe}/readyz", timeout=2.0) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def end(self, how: signal.Signals) -> None:
        assert self.child is not None
        self.child.send_signal(how)
        self.child.wait(20.0)


class Sender:
    """Sends unique samples over Kafka and HTTP and remembers those that were acknowledged."""

    def __init__(self, process: Process, topic: str) -> None:
        self._process, self._topic = process, topic
        self.kafka_acknowledged: list[int] = []
        self.http_acknowledged: list[int] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._to_kafka, self._to_http)]

    @contextmanager
    def sending(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join(30.0)

    def _to_kafka(self) -> None:
        producer, number = Producer(self._process.kafka, "fault"), 0
        while not self._stop.is_set():
            block = list(range(number, number + 20))
            body = [{"metric": "kafka", "value": k, "ts": T0 + k, "labels": {"n": str(k % 5)}} for k in block]
            producer.send(Record(self._topic, json.dumps(body).encode(), b"k"))
            producer.flush(30.0)
            self.kafka_acknowledged += block
            number += 20
            self._stop.wait(0.005)

    def _to_http(self) -> None:
        number = 0
        while not self._stop.is_set():
            body = json.dumps({"metric": "http", "value": number, "ts": T0 + number}).encode()
            address = f"http://127.0.0.1:{self._process.http}/api/v1/metrics"
            request = urllib.request.Request(address, body, {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"})
            try:
                with urllib.request.urlopen(request, timeout=10.0) as answer:
                    if answer.status == 202:
                        self.http_acknowledged.append(number)
            except (OSError, urllib.error.HTTPError):
                self._stop.wait(0.05)
            number += 1


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.soak)])
def test_what_was_acknowledged_survives_kill_9(broker: KafkaProcess, unique: str, tmp_path: Path, kills: int) -> None:
    kafka = KafkaSettings(bootstrap=broker.bootstrap)
    (tmp_path / "secrets").mkdir()
    record = {"prefix": "kzfault", "sha256": hashlib.sha256(b"secret").hexdigest(), "tenant": unique, "scopes": ["ingest"]}
    (tmp_path / "secrets" / "api_keys.json").write_text(json.dumps([record]))
    process = Process(kafka, tmp_path, free_port(), free_port())
    dice, pause = random.Random(SEED), threading.Event()
    sender = Sender(process, tenant_topic(kafka, unique))
    process.start()
    recovered: list[float] = []
    try:
        until(process.ready, "ingest")
        with sender.sending():
            for _ in range(kills):
                pause.wait(dice.uniform(0.5, 2.0))
                process.end(signal.SIGKILL)
                began = time.monotonic()
                process.start()
                until(process.ready, "ingest after a kill")
                recovered.append(time.monotonic() - began)
            pause.wait(0.5)
        sent = set(map(float, sender.kafka_acknowledged))
        await_values(kafka, unique, sent, "kafka")
        await_values(kafka, unique, set(map(float, sender.http_acknowledged)), "http")
    finally:
        process.end(signal.SIGTERM)
    print(f"seed {SEED}: {len(sent)} over Kafka, {len(sender.http_acknowledged)} over HTTP, ready again after {max(recovered):.1f} s")
    too_many = _values(kafka, unique, "kafka") - sent
    assert not too_many, f"values that nobody was told had arrived: {told(too_many)}"
    assert sender.http_acknowledged
    assert process.child is not None
    assert process.child.returncode == 0
    assert max(recovered) < 30.0


def _values(kafka: KafkaSettings, tenant: str, metric: str) -> set[float]:
    return set(stored(kafka, tenant).values(metric))
