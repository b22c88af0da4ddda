"""What kind of thing an indicator measures, read from its name: which direction is bad, and how near to a cause it speaks.

A saturated resource, failures and slow answers are what a fault looks like at its source; traffic mostly follows what others do, and
an improvement is no fault. The words are the ones that Prometheus exporters, OpenTelemetry and cloud monitoring use.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class Kind:
    """``up`` and ``down``: weight (0-1) of the evidence when the indicator rises or falls. ``near``: how near to a cause it speaks
    among the indicators of one entity: a full processor explains slow answers, and slow answers explain less traffic. ``inherited``:
    chance that it moves at an entity that is not broken while another one is: callers inherit slowness and failures, never a full disk."""

    name: str
    up: float
    down: float
    near: float
    inherited: float


HEALTH = Kind("health", 0.0, 1.0, 0.8, 0.2)
FAILURE = Kind("failure", 1.0, 0.0, 0.9, 0.2)
RESOURCE = Kind("resource", 1.0, 0.5, 1.0, 0.05)
LATENCY = Kind("latency", 1.0, 0.0, 0.7, 0.3)
TRAFFIC = Kind("traffic", 0.4, 0.4, 0.6, 0.3)
OTHER = Kind("other", 0.8, 0.8, 0.8, 0.1)


def _known(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WORDS: tuple[tuple[Kind, frozenset[str]], ...] = (
    (HEALTH, _known("availability available success successrate uptime up healthy ready hit hitrate sla slo apdex")),
    (FAILURE, _known("error errors err fail failed failure failures fault faults exception exceptions timeout timeouts retry retries "
                        "restart restarts dropped drops rejected 5xx 4xx oom throttled throttle lost retransmit")),
    (RESOURCE, _known("cpu mem memory heap rss disk diskio io iops iowait gc thread threads queue backlog lag saturation fd fds file "
                         "sockets socket connections pool swap inode inodes load1 load5 load15 usage utilization utilisation syscall "
                         "node")),
    (LATENCY, _known("latency lat duration delay response rt p50 p75 p90 p95 p99 p999 ms seconds time elapsed wait")),
    (TRAFFIC, _known("request requests req reqs ops workload load throughput rate qps rps tps bytes packets rx tx receive transmit "
                        "network calls count total invocations messages in out traffic sessions")),
)  # fmt: skip
_SPLIT = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Za-z])(?=\d+xx)")


@lru_cache(maxsize=65_536)
def kind_of(name: str, entity: str = "") -> Kind:
    """Kind of an indicator by the words of its name, but for those of its entity's name; the first kind of the table that has one.

    >>> kind_of("carts_cpu").name, kind_of("PodServerLatencyP90(s)").name, kind_of("http_requests_total").name
    ('resource', 'latency', 'traffic')
    >>> kind_of("work-queue latency", entity="work-queue").name, kind_of("PodSuccessRate(%)").name
    ('latency', 'health')
    """
    words = _words(name) - _words(entity)
    if "success" in words and words & _SHARE:
        return HEALTH
    return next((kind for kind, known in _WORDS if words & known), OTHER)


_SHARE = _known("rate ratio share percent pct")
_REQUESTS = _known("request requests req reqs ops workload load qps rps tps calls invocations")


@lru_cache(maxsize=65_536)
def request_count(name: str, entity: str = "") -> str:
    """What the indicator counts when it counts requests (the same text for the same count of two entities), else empty.

    >>> request_count("shop|requests", "shop"), request_count("shop|latency", "shop")
    ('requests', '')
    """
    words = _words(name) - _words(entity)
    return " ".join(sorted(words)) if words & _REQUESTS and kind_of(name, entity) is TRAFFIC else ""


def _words(text: str) -> set[str]:
    return {w.lower() for w in _SPLIT.split(text) if w}
