"""Whose and what a column of a recorded case is, read from its header, and when its rows were taken.

Section 6 of the interface has ``service:metric``. Recorded sets of others have ``service|metric``, ``service_metric`` or
``service-metric``, and names that hold the separator themselves (``front-end_latency-90``): there the words that ``kinds`` knows say
where the metric begins.
"""

from __future__ import annotations

import re

import numpy as np

from services.rca.kinds import OTHER, kind_of
from services.rca.window import F64

SURE = ":|/"
"""Separators that stand in no name: the first of them splits, in this order."""
_TOKEN = re.compile(r"[_\-.]")
MOST_SECONDS = 1e11
"""Later than the year 5138: stamps from here on count milliseconds, microseconds or nanoseconds."""


def split_column(name: str) -> tuple[str, str]:
    """Service and metric of a column; a name without any separator is a service's with an empty metric.

    >>> split_column("cart:cpu:user"), split_column("front-end_latency-90"), split_column("carts-db-mem")
    (('cart', 'cpu:user'), ('front-end', 'latency-90'), ('carts-db', 'mem'))
    >>> split_column("message-queue_cpu"), split_column("ts_order_service_socket"), split_column("router_widgets")
    (('message-queue', 'cpu'), ('ts_order_service', 'socket'), ('router', 'widgets'))
    """
    for separator in SURE:
        if separator in name:
            return name.partition(separator)[::2]
    for separators in ("_", "-", "."):
        at = [i for i, c in enumerate(name) if c in separators and 0 < i < len(name) - 1]
        known = next((i for i in at if kind_of(_TOKEN.split(name[i + 1 :])[0]) is not OTHER), None)
        if known is not None:
            return name[:known], name[known + 1 :]
    last = max(name.rfind(c) for c in "_-.")
    return (name[:last], name[last + 1 :]) if 0 < last < len(name) - 1 else (name, "")


def seconds(stamps: F64) -> F64:
    """Stamps (rows,) in seconds, whatever fraction of a second they count; NaN stays NaN.

    >>> seconds(np.array([1.7e12, 1.7e12 + 1000.0])).tolist()
    [1700000000.0, 1700000001.0]
    """
    largest = float(np.nanmax(np.abs(stamps), initial=0.0)) if len(stamps) else 0.0
    unit = 1.0
    while largest / unit > MOST_SECONDS:
        unit *= 1000.0
    return stamps / unit
