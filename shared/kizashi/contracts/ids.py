"""Names for things, computed from the things themselves, so that no registry has to be asked and a replay gives the same ids."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

_UNIT = "\x1f"  # ASCII unit separator: it cannot be typed into a metric or label by accident, so joins are unambiguous


def _digest(*parts: str) -> bytes:
    return hashlib.blake2b(_UNIT.join(parts).encode(), digest_size=8).digest()


def series_id(tenant: str, metric: str, labels: Mapping[str, str]) -> int:
    """64-bit id of a series: BLAKE2b of tenant, metric and its labels sorted by name.

    >>> series_id("default", "cpu", {"host": "a", "core": "0"}) == series_id("default", "cpu", {"core": "0", "host": "a"})
    True
    """
    pairs = [f"{k}={v}" for k, v in sorted(labels.items())]
    return int.from_bytes(_digest(tenant, metric, *pairs), "little")


def series_partition(series: int, partitions: int) -> int:
    """Partition of every hot topic that holds this series."""
    return series % partitions


def tenant_partition(tenant: str, partitions: int) -> int:
    """Partition of every findings topic that holds this tenant."""
    return int.from_bytes(_digest("tenant", tenant), "little") % partitions


def finding_id(kind: str, *parts: str | int) -> str:
    """Deterministic id of a finding (episode, risk, incident, alert): the same input gives the same id after a replay.

    >>> finding_id("episode", 7, 1_700_000_000_000)
    'episode-f8dc359457c30cba'
    """
    return f"{kind}-{_digest(kind, *map(str, parts)).hex()}"


def format_series_id(series: int) -> str:
    """Sixteen hexadecimal digits: JSON's numbers cannot hold 64 bits."""
    return f"{series:016x}"


def parse_series_id(text: str) -> int:
    """Inverse of ``format_series_id``; raises ValueError for anything else."""
    if len(text) != 16:
        raise ValueError(f"a series id has 16 hexadecimal digits, {text!r} has {len(text)}")
    return int(text, 16)
