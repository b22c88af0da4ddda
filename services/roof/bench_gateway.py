"""People on the gateway of a house while samples flow: pages and WebSockets, and the overview alone, which is answered from the cache.

The house has a day behind it (``bench_past``), so that charts read as much as they would. The clients run on the same processors as the
house; their own waiting is not counted (``gateway.bench_http``), their CPU is, as ``driver``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import httpx

from services.demo.load import Order
from services.gateway.bench import cost, load, overview_only, run, watch_only
from services.roof.bench_house import BenchHouse, bench_house
from services.roof.bench_past import fill
from services.roof.bench_pipeline import Load, flowing

SERIES = 10_000
"""Of one tenant; 50,000 samples a second are five a second of each."""
WARM_S = 15.0
"""Until the readers have caught up with what came while the load process started."""
ANSWER_KEPT_S = 3.0
"""The health page is computed once in two seconds."""
BEHIND = 3_000
"""Messages. The flow brings 400 a second, and a reader in no hurry commits its place every five seconds; the past is 12,720 messages."""
DIGEST_S = 120.0


def measure(people: int, seconds: float, rate: int) -> dict[str, Any]:
    """Three runs of ``seconds`` each with ``people`` clients: delays in ms, and every part's cores; then what a request costs by route.

    The flow begins as soon as the past has landed: ten thousand series that wait for it would be silent, and an outage is another test.
    """
    with bench_house() as house:
        key = house.kizashi("token", "create", "bench", "--scope", "read", "--scope", "operate", "--scope", "admin")["key"]
        url = f"http://127.0.0.1:{house.settings.port}"
        order = Order(house.settings.kafka.bootstrap, series=SERIES, rate=rate)
        report: dict[str, Any] = {"series": SERIES, "past_samples": fill(house, order)}
        with flowing(order) if rate else nullcontext() as flow:
            time.sleep(WARM_S)
            report |= digested(lambda: lag(url, key)) | {"lag_before": lag(url, key)}
            for name, crowd in (("people", load), ("overview", overview_only), ("watching", watch_only)):
                report[name] = _during(house, flow, lambda crowd=crowd: run(crowd(url, key, people, seconds)))  # type: ignore[misc]  # a default binds the crowd of now
                report[name]["lag_after"] = lag(url, key)
            report["cost_ms"] = run(cost(url, key, house.cpu_s))
    return report


def _during(house: BenchHouse, flow: Load | None, work: Callable[[], dict[str, object]]) -> dict[str, Any]:
    """What the work reports, with the cores that every part took meanwhile and the samples that were sent a second."""
    before, sent, began = house.cpu_s(), flow.sent if flow else 0, time.monotonic()
    found: dict[str, Any] = work()
    took_s = time.monotonic() - began
    after = house.cpu_s()
    found["cores"] = {name: round((used - before.get(name, 0.0)) / took_s, 2) for name, used in after.items()}
    found["samples_per_s"] = round(((flow.sent if flow else 0) - sent) / took_s)
    return found


def lag(url: str, key: str) -> dict[str, int]:
    """Messages that each reader is behind now, by group and topic; those who are not behind are left out."""
    for pause_s in (ANSWER_KEPT_S, 0.0):  # the first answer may be a kept one, and has a newer one made
        answer = httpx.get(f"{url}/api/v1/health", headers={"Authorization": f"Bearer {key}"}, timeout=30.0, trust_env=False)
        answer.raise_for_status()
        time.sleep(pause_s)
    return {f"{row['group']} {row['topic']}": int(row["lag"]) for row in answer.json()["topics"] if row["lag"]}


def digested(behind: Callable[[], dict[str, int]]) -> dict[str, Any]:
    """Wait until every reader has caught up with the past, for DIGEST_S at most. When ``digested`` is false, its work is in the figures."""
    began = time.monotonic()
    while not (done := max(behind().values(), default=0) <= BEHIND) and time.monotonic() - began < DIGEST_S:
        time.sleep(1.0)
    return {"digested": done, "digested_s": round(time.monotonic() - began, 1)}
