"""Escalation: who is told next while nobody has acknowledged."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec

from kizashi.contracts.checked import converted
from kizashi.errors import ConfigurationError

MAX_STEPS = 20


class Step(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """``after_s`` from the first message of the page; ``schedule`` names whose turn decides the recipients."""

    after_s: float
    channels: list[str] = []
    schedule: str = ""


class Escalation(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Steps in order; ``rounds`` goes through them so often, ``round_s`` apart."""

    steps: list[Step]
    rounds: int = 1
    round_s: float = 3_600.0
    title: str = ""


def escalation_from(body: dict[str, Any]) -> Escalation:
    """Checked. Raises ConfigurationError with the field and the reason."""
    e = converted(body, Escalation)
    if not 1 <= len(e.steps) <= MAX_STEPS:
        raise ConfigurationError(f"an escalation has 1 to {MAX_STEPS} steps - at `$.steps`")
    if e.steps[0].after_s != 0:
        raise ConfigurationError("the first step comes at once: after_s is 0 - at `$.steps[0].after_s`")
    for k, (one, two) in enumerate(pairwise(e.steps)):
        if two.after_s <= one.after_s:
            raise ConfigurationError(f"each step comes later than the one before - at `$.steps[{k + 1}].after_s`")
    if not 1 <= e.rounds <= 10:
        raise ConfigurationError("1 to 10 rounds - at `$.rounds`")
    if e.rounds > 1 and e.round_s <= e.steps[-1].after_s:
        raise ConfigurationError("a round lasts longer than its last step - at `$.round_s`")
    return e


def step_at(e: Escalation, since_ms: int, now_ms: int) -> int:
    """Number of the latest step whose time has come, counted through the rounds; step 0 comes at ``since_ms``.

    >>> two = Escalation(steps=[Step(after_s=0), Step(after_s=900)])
    >>> step_at(two, 0, 899_999), step_at(two, 0, 900_000)
    (0, 1)
    """
    elapsed_s = max(0, now_ms - since_ms) / 1000
    round_ = min(int(elapsed_s // e.round_s), e.rounds - 1) if e.rounds > 1 else 0
    within = elapsed_s - round_ * e.round_s
    reached = max(k for k, s in enumerate(e.steps) if s.after_s <= within or k == 0)
    return round_ * len(e.steps) + reached


def step_of(e: Escalation, number: int) -> Step:
    """The step behind a number that counts through the rounds."""
    return e.steps[number % len(e.steps)]
