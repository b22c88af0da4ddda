"""The limits of ingest; see docs/reference/settings.md. Every one is there so that memory is bounded under any input."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1_048_576


@dataclass(frozen=True)
class IngestLimits:
    """Limits a tenant or a request meets, with the defaults of the house."""

    body_bytes: int = 8 * MIB
    """A request body as it arrives."""
    decoded_bytes: int = 32 * MIB
    """The same after decompression."""
    ratio: int = 100
    """Decoded bytes for one compressed byte: honest metrics compress 5-20 times."""
    held_bytes: int = 128 * MIB
    """Bodies of all requests that are being answered; behind that the answer is 503."""
    waiting_samples: int = 400_000
    """Samples of requests that wait for the lane, about 100 MB; behind that the answer is 503."""
    request_samples: int = 10_000
    labels: int = 30
    name_bytes: int = 128
    label_value_bytes: int = 1_024
    unit_bytes: int = 64
    active_series: int = 100_000
    """Series of a tenant seen within ``idle_ms``."""
    new_series_per_s: float = 1_000.0
    new_series_burst: int = 20_000
    """A fleet that is connected for the first time arrives at once."""
    idle_ms: int = 6 * 3_600_000
    json_depth: int = 16
    future_ms: int = 5 * 60_000
    """Clocks of honest senders are off by seconds; a sample further ahead would hide all real ones behind it."""


@dataclass(frozen=True)
class Pace:
    """When a batch is cut."""

    linger_s: float = 0.03
    linger_waiting_s: float = 0.005
    """While an HTTP request waits for its acknowledgement."""
    rows_a_cut: int = 24_000
    """Twelve partitions of 2,000 rows: 32 kB a message, where the cost of a message no longer shows."""
    rows_a_message: int = 4_000
    cut_bytes: int = 8 * MIB
    """Producers' bytes taken at once, which bounds the memory of one turn."""
    cuts_in_flight: int = 16
    tick_ms: int = 1_000
    commit_ms: int = 1_000
    acknowledge_s: float = 10.0
    """An HTTP request waits this long for Kafka, then it is 503."""
