"""People on the gateway of a house while samples flow: clicks, WebSockets, and the overview alone, which is answered from the cache."""

from __future__ import annotations

import time
from typing import Any

from services.demo.load import Order
from services.gateway.bench import load, overview_only, run, watch_only
from services.roof.bench_house import bench_house
from services.roof.bench_pipeline import start_load

SERIES = 1_000
WARM_S = 5.0


def measure(people: int, seconds: float, rate: int) -> dict[str, Any]:
    """Three runs of ``seconds`` each with ``people`` clients; delays in ms, and the gateway's share of one core in each."""
    with bench_house() as house:
        key = house.kizashi("token", "create", "bench", "--scope", "read", "--scope", "operate", "--scope", "admin")["key"]
        flow = start_load(Order(house.settings.kafka.bootstrap, series=SERIES, rate=rate or 1, seconds=4 * seconds + WARM_S))
        time.sleep(WARM_S)
        url, report = f"http://127.0.0.1:{house.settings.port}", {}
        for name, crowd in (("people", load), ("overview", overview_only), ("watching", watch_only)):
            before = house.cpu_s()["gateway"]
            found = run(crowd(url, key, people, seconds))
            report[name] = found | {"gateway_cores": round((house.cpu_s()["gateway"] - before) / seconds, 2)}
        flow.process.terminate()
        flow.process.wait(10)
    return report
