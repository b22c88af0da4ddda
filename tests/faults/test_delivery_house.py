"""kill -9 of alerting in a running house: from samples in Kafka to a receiver, each state is told, in order, repeats under one key."""

from __future__ import annotations

import base64
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from kizashi.settings import KafkaSettings
from kizashi.stream.producer import Producer, Record
from tests.running_house import RunningHouse, until

pytestmark = [pytest.mark.faults, pytest.mark.soak]

SERVICES = 20
ROUNDS = 2
PHASE_S = 30.0
TOLD_WITHIN_S = 120.0
BACK_WITHIN_S = 60.0
ALERTING = """
channels:
  - {{id: hook, type: webhook, url: "http://127.0.0.1:{port}/in", secret_file: whsec}}
rules:
  - {{id: queue-long, kind: threshold, metric: delivery.queue, above: 500, clear: 300, severity: critical, reason: "the test's own"}}
route:
  channels: [hook]
"""


class Receiver:
    """Plain HTTP on this machine, which development allows where the operator opened it; keeps (key, data) of every message."""

    def __init__(self) -> None:
        taken: list[tuple[str, dict[str, Any]]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                taken.append((self.headers["webhook-id"], body["data"]))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *words: object) -> None:
                """Quiet."""

        self.taken = taken
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def told(self) -> dict[str, list[str]]:
        """Service → kinds in the order in which a receiver that honours keys saw them."""
        seen: set[str] = set()
        lines: dict[str, list[str]] = {}
        for key, data in list(self.taken):
            if key not in seen and data["alerts"][0]["rule"] == "queue-long":
                seen.add(key)
                lines.setdefault(data["alerts"][0]["labels"]["service"], []).append(data["kind"])
        return lines


@pytest.fixture
def hook() -> Iterator[Receiver]:
    running = Receiver()
    yield running
    running.close()


@pytest.fixture
def told_house(tmp_path: Path, hook: Receiver) -> Iterator[RunningHouse]:
    """A house of its own, in which the operator opened the receiver."""
    home = tmp_path / "home"
    (home / "secrets" / "channels").mkdir(parents=True)
    (home / "secrets" / "channels" / "whsec").write_text("whsec_" + base64.b64encode(bytes(32)).decode())
    (home / "kizashi.toml").write_text(f'alerting_hosts = "127.0.0.1:{hook.port}"\n')
    running = RunningHouse(home)
    running.start()
    yield running
    running.stop()


def test_kills_of_alerting_lose_no_state(told_house: RunningHouse, hook: Receiver, capsys: pytest.CaptureFixture[str]) -> None:
    told_house.kizashi("rules", "apply", "-", input=ALERTING.format(port=hook.port))
    producer = Producer(KafkaSettings(bootstrap=told_house.addresses()["kafka.bootstrap"]), "kizashi-test", give_up_s=60)
    rng, kills = random.Random(7), 0
    for turn in range(ROUNDS):
        for value, states in ((900.0, 2 * turn + 1), (10.0, 2 * turn + 2)):
            kills += feed(told_house, producer, value, rng.uniform(4.0, 14.0))
            until(lambda n=states: all_told(hook, n), TOLD_WITHIN_S, 0.5, f"missing: {hook.told()}\n{told_house.log('alerting')}")  # type: ignore[misc]
    producer.flush(30)
    lines, keys = hook.told(), Counter(key for key, _ in hook.taken)
    assert all(line == ["firing", "resolved"] * ROUNDS for line in lines.values()), "in order, nothing between"
    with capsys.disabled():
        states, repeats = sum(map(len, lines.values())), keys.total() - len(keys)
        print(f"\n{kills} kills of alerting: {states} states told, {repeats} repeats under their own key")


def all_told(hook: Receiver, states: int) -> bool:
    lines = hook.told()
    return len(lines) == SERVICES and all(len(line) >= states for line in lines.values())


def feed(house: RunningHouse, producer: Producer, value: float, kill_after_s: float) -> int:
    """Send one value of every service twice a second for a phase, and kill alerting in the middle; how many kills."""
    began, killed = time.monotonic(), 0
    while time.monotonic() - began < PHASE_S:
        batch = [{"metric": "delivery.queue", "value": value, "labels": {"service": f"s{i}"}} for i in range(SERVICES)]
        producer.send_waiting(Record("kizashi.metrics.v1", json.dumps(batch).encode()), lambda error: None)
        threading.Event().wait(0.5)
        if not killed and time.monotonic() - began > kill_after_s:
            before = until(lambda: house.child("alerting"), BACK_WITHIN_S)
            assert before is not None
            before.kill()
            killed = 1
    return killed
