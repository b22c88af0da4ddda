"""How long a start takes and what the house takes at rest: first start in an empty folder, then again on the same folder."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from kizashi.errors import Recoverable
from services.roof.bench_house import BenchHouse, bench_house

REST_S = 30.0
"""After the demo's history is in: start-up work has ended, merges have settled."""
OWN_METRIC = "system.cpu.utilization"
HISTORY_WITHIN_S = 300.0


def measure() -> dict[str, Any]:
    """Seconds to ready and to the first own metric, first start and second; resident and proportional memory by part at rest."""
    with tempfile.TemporaryDirectory(prefix="kizashi-bench-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        with bench_house("--demo", home=home) as house:
            first = {"first_ready_s": round(house.ready_s, 1), "first_own_metric_s": _own_metric_s(house, HISTORY_WITHIN_S)}
        with bench_house("--demo", home=home) as house:
            cpu = {name: round(used, 1) for name, used in house.cpu_s().items()}
            again = {"again_ready_s": round(house.ready_s, 1), "again_own_metric_s": _own_metric_s(house, 60.0)}
            time.sleep(REST_S)
            before, began = house.cpu_s(), time.monotonic()
            time.sleep(10.0)
            used = sum(house.cpu_s().values()) - sum(before.values())
            cores = round(used / (time.monotonic() - began), 2)
            rss, pss = house.rss_mb(), house.pss_mb()
    total = {"rss_mb_total": round(sum(rss.values())), "pss_mb_total": round(sum(pss.values())), "cores_at_rest": cores}
    starting = {"ready_cpu_s_total": round(sum(cpu.values()), 1), "ready_cpu_s": cpu}
    return first | again | total | starting | {"rss_mb": rss, "pss_mb": pss}


def _own_metric_s(house: BenchHouse, within_s: float) -> float:
    """Seconds from ready to a stored value of this machine that was read after ready."""
    began, wall = time.monotonic(), time.time()
    sql = "SELECT count() FROM v_current WHERE metric = {metric:String} AND time > fromUnixTimestamp64Milli({since:Int64})"
    while not house.store.query(sql, {"metric": OWN_METRIC, "since": int(wall * 1_000)}).rows[0][0]:
        if time.monotonic() - began > within_s:
            raise Recoverable(f"no value of {OWN_METRIC} within {within_s:g} s of the start")
        time.sleep(0.1)
    return round(time.monotonic() - began, 1)
