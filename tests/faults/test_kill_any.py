"""kill -9 of any process of a running house under load: unique samples in, exactly those out, back within 30 s."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator

import pytest

from kizashi.settings import KafkaSettings
from kizashi.stream.producer import Producer, Record
from tests.running_house import RunningHouse, until

pytestmark = pytest.mark.faults

VICTIMS = ("kafka", "clickhouse", "ingest", "anomaly", "sink", "gateway", "alerting")
SERIES = 40
ROUND_S = 0.05
RECOVERED_WITHIN_S = 30.0
COMPLETE_WITHIN_S = 60.0


class Sender(threading.Thread):
    """Sends one sample of each series every 50 ms until told to stop; a message is tried for ever, as a careful producer does."""

    def __init__(self, kafka: KafkaSettings, metric: str) -> None:
        super().__init__(daemon=True)
        self._producer = Producer(kafka, "kizashi-test", give_up_s=None)
        self._metric = metric
        self._halt = threading.Event()
        self._start_ms = (time.time_ns() // 1_000_000 - 3 * 3_600_000) // 1_000 * 1_000
        self.rounds = 0
        self.failed: list[str] = []

    def run(self) -> None:
        while not self._halt.wait(ROUND_S):
            ts = self._start_ms + self.rounds * 1_000
            batch = [
                {"metric": self._metric, "value": self.rounds * SERIES + k, "ts": ts, "labels": {"service": "faults", "n": str(k)}}
                for k in range(SERIES)
            ]
            self._producer.send_waiting(Record("kizashi.metrics.v1", json.dumps(batch).encode()), self._result)
            self.rounds += 1
        self._producer.flush(60)

    def _result(self, error: str | None) -> None:
        if error is not None:
            self.failed.append(error)

    @property
    def sent(self) -> int:
        """Samples sent."""
        return self.rounds * SERIES

    def finish(self) -> None:
        """Stop and wait until all is acknowledged."""
        self._halt.set()
        self.join(90)
        assert not self.is_alive() and not self.failed, f"not acknowledged: {self.failed[:3]}"


@pytest.fixture
def load(house: RunningHouse, unique: str) -> Iterator[Sender]:
    sender = Sender(KafkaSettings(bootstrap=house.addresses()["kafka.bootstrap"]), unique)
    sender.start()
    yield sender
    sender.finish()


def landed(house: RunningHouse, metric: str) -> dict[str, float]:
    """Rows, distinct (series, time) pairs and sum of values, as a reader sees them; empty while the store is away."""
    sql = f"SELECT count() AS n, uniqExact(series_id, time) AS pairs, sum(value) AS total FROM v_scores WHERE metric = '{metric}'"
    done = house.kizashi("query", sql, "--json", check=False)
    rows: list[dict[str, float]] = json.loads(done.stdout) if done.returncode == 0 else [{}]
    return rows[0]


def strike(house: RunningHouse, victim: str, seed: int) -> float:
    """Kill at a random moment; seconds until the supervisor calls every part ready again with another process."""
    wait = random.Random(seed).uniform(0.5, 2.0)
    threading.Event().wait(wait)  # the moment itself is what is random here
    before = house.child(victim)
    assert before is not None
    before.kill()
    began = time.monotonic()

    def back() -> bool:
        now = house.child(victim)
        return bool(house.state()["ready"]) and now is not None and now.pid != before.pid

    try:
        until(back, RECOVERED_WITHIN_S, 0.2, f"{victim} was not back")
    except AssertionError as x:
        late = {child["name"]: f"{child['state']} {child['detail']}" for child in house.state()["children"] if not child["ready"]}
        logs = "\n".join(f"--- {name}\n{house.log(name, 12)}" for name in {victim, *late})
        raise AssertionError(f"{x}; not ready: {late}\n{logs}") from x
    return time.monotonic() - began


def check(house: RunningHouse, load: Sender, metric: str) -> None:
    """Exactly what was sent: no gap, no duplicate, every value."""
    load.finish()
    n = load.sent
    wanted = {"n": n, "pairs": n, "total": n * (n - 1) / 2}
    until(lambda: landed(house, metric) == wanted, COMPLETE_WITHIN_S, 1.0, f"wanted {wanted}, found {landed(house, metric)}")


@pytest.mark.parametrize("victim", VICTIMS)
def test_one_kill_loses_nothing(victim: str, house: RunningHouse, load: Sender, unique: str) -> None:
    until(lambda: landed(house, unique).get("n", 0) > 0, 30, 0.5)
    seconds = strike(house, victim, seed=VICTIMS.index(victim))
    print(f"{victim}: ready again after {seconds:.1f} s")
    check(house, load, unique)


@pytest.mark.soak
@pytest.mark.parametrize("victim", VICTIMS)
def test_five_kills_lose_nothing(victim: str, house: RunningHouse, load: Sender, unique: str) -> None:
    until(lambda: landed(house, unique).get("n", 0) > 0, 30, 0.5)
    for turn in range(5):
        print(f"{victim}, kill {turn + 1}: ready again after {strike(house, victim, seed=100 + turn):.1f} s")
    check(house, load, unique)


@pytest.mark.soak
def test_kills_of_everything_in_turn_lose_nothing(house: RunningHouse, load: Sender, unique: str) -> None:
    until(lambda: landed(house, unique).get("n", 0) > 0, 30, 0.5)
    order = list(VICTIMS) * 2
    random.Random(7).shuffle(order)
    for turn, victim in enumerate(order):
        strike(house, victim, seed=turn)
    check(house, load, unique)
