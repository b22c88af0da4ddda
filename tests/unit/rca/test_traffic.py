"""What traffic explains is no fault; what it does not explain still is, and it never accuses."""

from __future__ import annotations

import numpy as np
import pytest

from services.rca.shift import shifts
from services.rca.traffic import without_traffic
from services.rca.ways import traffic_share
from services.rca.window import F64, Window

NAMES = ("requests", "cpu", "memory")


def window(requests: F64, cpu: F64, memory: F64, before: int = 200) -> Window:
    """One shop: the columns before and during."""
    x = np.column_stack([requests, cpu, memory])
    return Window(("shop",) * 3, NAMES, tuple(f"shop:{n}" for n in NAMES), x[:before], x[before:], 1.0)


def landscape(seed: int = 0, gaps: float = 0.0) -> tuple[F64, F64, F64]:
    """Requests that wander, a processor that follows them, memory that does not; twice the traffic at the end."""
    rng = np.random.default_rng(seed)
    requests = 100 + np.cumsum(rng.normal(0, 1, 260)) + rng.normal(0, 3, 260)
    requests[200:] = requests[:200].mean() * 1.6 + rng.normal(0, 3, 60)
    cpu = 0.3 * requests + rng.normal(0, 0.5, 260)
    memory = 500 + rng.normal(0, 2, 260)
    for x in (requests, cpu, memory):
        x[rng.random(260) < gaps] = np.nan
    return requests, cpu, memory


@pytest.mark.parametrize("gaps", [0.0, 0.05])
def test_more_requests_acquit_the_processor(gaps: float) -> None:
    requests, cpu, memory = landscape(gaps=gaps)
    alone = Window(("shop",), ("cpu",), ("shop:cpu",), cpu[:200, None], cpu[200:, None], 1.0)
    assert shifts(alone).up[0] > 4
    assert shifts(window(requests, cpu, memory)).up[1] < 2


def test_a_busier_processor_than_the_traffic_explains_is_odd() -> None:
    requests, cpu, memory = landscape()
    cpu[200:] += 30
    assert shifts(window(requests, cpu, memory)).up[1] > 4


def test_traffic_never_accuses() -> None:
    requests, cpu, memory = landscape()
    cpu[200:] = np.median(cpu[:200])  # far less than the traffic would explain: it stands still, and that is no shift
    assert shifts(window(requests, cpu, memory)).down[1] < 1


def test_what_does_not_follow_the_traffic_is_left_alone() -> None:
    found = without_traffic(window(*landscape()))
    assert found.columns.tolist() == [1]
    assert found.normal.shape == (200, 1) and found.abnormal.shape == (60, 1)


def test_few_rows_or_constant_traffic_explain_nothing() -> None:
    requests, cpu, memory = landscape()
    assert not len(without_traffic(window(requests[-70:], cpu[-70:], memory[-70:], before=10)).columns)
    assert not len(without_traffic(window(np.full(260, 7.0), cpu, memory)).columns)
    assert not len(without_traffic(window(np.full(260, np.nan), cpu, memory)).columns)


def test_the_share_of_an_edge_is_that_of_the_medians_of_what_is_known() -> None:
    nan = np.nan
    normal = np.array([[100.0, 10.0, nan], [110.0, nan, nan], [nan, 30.0, nan], [120.0, 20.0, nan]])
    during = np.array([[90.0, 44.0, nan]])
    w = Window(("shop", "cart", "mail"), ("requests",) * 3, ("shop:r", "cart:r", "mail:r"), normal, during, 1.0)
    share = traffic_share(w)
    assert share("shop", "cart") == pytest.approx(44 / 110)  # the larger of before (20) and during
    assert share("cart", "shop") == 1.0
    assert share("mail", "cart") == 1.0  # nothing is known of its requests
    assert share("shop", "mail") == 0.0
    assert traffic_share(Window(("a",), ("cpu",), ("a:cpu",), normal[:0, :1], during[:, :1], 1.0))("a", "b") == 1.0
