"""Taking back what an incident or maintenance has taught: a copy of what it would spoil is kept from before its first odd sample.

Day, week and squares are not learned inside an episode anyway (quarantine). What still follows the values - the ranges of the novelty
head, the boundary of the point head, the largest spike - is copied into the series' own record while all is calm, and put back when people
say that the episode was an incident, or when maintenance ends. A restore and replay from the log would be exact, but needs the log of
that stretch, seconds of work and a second model; the copy costs 112 bytes and a few nanoseconds (docs/decisions/0011).
"""

from __future__ import annotations

from typing import Any

from kizashi.online.compile import kernel
from services.anomaly.state import RING, SCALES, SIGNALS

LABEL_MS = 86_400_000
"""How long after its end an incident can be labelled; until then the copy is not renewed."""


@kernel
def keep_calm(s: Any, ts: int) -> None:
    """Copy what an incident would spoil, unless one has begun, or was there lately and may still be labelled."""
    if s.open or s.candidate > 0 or ts < s.quiet_until_ms or ts < s.kept_until_ms:
        return
    for k in range(SIGNALS):
        s.kept_low[k] = s.low[k]
        s.kept_high[k] = s.high[k]
        s.kept_middle[k] = s.middle[k]
        s.kept_step[k] = s.step[k]
    s.kept_squares[0] = s.square_rest
    s.kept_squares[1] = s.square_surprise
    s.kept_squares[2] = s.weight
    s.kept_boundary = s.point_boundary
    s.kept_spike = s.spike
    s.kept_slow = s.slow
    s.kept_offset = s.offset


@kernel
def take_back(s: Any) -> None:
    """Put the copy back; without one (a series that was never calm) nothing happens."""
    s.unlearn = 0
    if s.kept_boundary <= 0.0:
        return
    for k in range(SIGNALS):
        s.low[k] = s.kept_low[k]
        s.high[k] = s.kept_high[k]
        s.middle[k] = s.kept_middle[k]
        s.step[k] = s.kept_step[k]
    s.square_rest = s.kept_squares[0]
    s.square_surprise = s.kept_squares[1]
    s.weight = s.kept_squares[2]
    s.point_boundary = s.kept_boundary
    s.spike = s.kept_spike
    s.kept_until_ms = 0


@kernel
def resume(s: Any) -> None:
    """At the end of what is taken back the short memory goes on from before it, so that coming back is no surprise."""
    take_back(s)
    s.slow = s.last = s.kept_slow
    s.offset = s.kept_offset
    for j in range(RING):
        s.ring[j] = s.kept_slow
    s.ring_sum = RING * s.slow
    for k in range(SCALES):
        s.sums[k] = 0.0


@kernel
def end_of_quiet(s: Any, ts: int) -> None:
    """At the first sample after maintenance what it taught is taken back."""
    if ts < s.quiet_until_ms:
        s.in_quiet = 1
    elif s.in_quiet:
        s.in_quiet = 0
        resume(s)
