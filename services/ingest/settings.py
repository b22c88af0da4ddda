"""The pace of ingest. Its limits can be set, so they are in ``kizashi.settings``."""

from __future__ import annotations

from dataclasses import dataclass

from kizashi.settings import MIB, IngestLimits

__all__ = ["MIB", "IngestLimits", "Pace"]


@dataclass(frozen=True)
class Pace:
    """When a batch is cut."""

    linger_s: float = 0.03
    """The broker has gathered for 100 ms before (``stream.consumer``): this is only for what a second broker answers meanwhile, and the
    longest that an HTTP request waits for a turn to end."""
    linger_waiting_s: float = 0.005
    """While an HTTP request waits for its acknowledgement."""
    rows_a_cut: int = 24_000
    """At least 2,000 rows a message with twelve partitions: 32 kB, where the cost of a message no longer shows."""
    rows_a_message: int = 4_000
    cut_bytes: int = 8 * MIB
    """Producers' bytes taken at once, which bounds the memory of one turn."""
    cuts_in_flight: int = 16
    tick_ms: int = 1_000
    commit_ms: int = 1_000
    acknowledge_s: float = 10.0
    """An HTTP request waits this long for Kafka, then it is 503."""
