"""Silences: matchers, always with an end, an owner and a reason. They hold notifications back, never alerts and never resolutions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from kizashi.contracts.checked import converted
from kizashi.errors import ConfigurationError
from services.alerting.matchers import all_match, matcher, matchers

LONGEST_MS = 90 * 86_400_000
"""What should be silent for longer is a rule that should be changed."""
MAX_HIDDEN = 1_000


class Silence(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Times in ms since the epoch; active from ``starts_ms`` until just before ``ends_ms``."""

    match: list[str]
    starts_ms: int = 0
    ends_ms: int
    owner: str
    reason: str

    def active(self, at_ms: int) -> bool:
        """Whether it holds at this time."""
        return self.starts_ms <= at_ms < self.ends_ms

    def hides(self, labels: Mapping[str, str], at_ms: int) -> bool:
        """Whether it holds back an alert with these labels at this time."""
        return self.active(at_ms) and all_match(self.match, labels)


class Hidden(msgspec.Struct):
    """What a silence has held back so far: the report after it ended."""

    alerts: dict[str, int] = {}
    """Alert id → when it was first held back."""
    more: int = 0
    """Alerts beyond the ``MAX_HIDDEN`` that are listed."""

    def note(self, alert_id: str, at_ms: int) -> None:
        """Count an alert once."""
        if alert_id in self.alerts:
            return
        if len(self.alerts) < MAX_HIDDEN:
            self.alerts[alert_id] = at_ms
        else:
            self.more += 1


def silence_from(body: dict[str, Any], made_at_ms: int) -> Silence:
    """A checked silence. Raises ConfigurationError with the field and the reason."""
    silence = converted(body, Silence)
    for k, text in enumerate(silence.match):
        try:
            matchers([text])
        except ConfigurationError as x:
            raise ConfigurationError(f"{x} - at `$.match[{k}]`") from x
    if not silence.match or all(matcher(t).matches({}) for t in silence.match):
        raise ConfigurationError("a silence must not match an alert without labels, it would hide everything - at `$.match`")
    start = silence.starts_ms or made_at_ms
    if silence.ends_ms <= start:
        raise ConfigurationError("a silence ends after it starts - at `$.ends_ms`")
    if silence.ends_ms - start > LONGEST_MS:
        raise ConfigurationError("a silence lasts 90 days at most; change the rule instead - at `$.ends_ms`")
    for name in ("owner", "reason"):
        if not getattr(silence, name).strip():
            raise ConfigurationError(f"say who and why: '{name}' is empty - at `$.{name}`")
    return silence


def hiding(silences: Mapping[str, Silence], labels: Mapping[str, str], at_ms: int) -> list[str]:
    """Ids of the silences that hold an alert back, in order."""
    return [i for i, s in silences.items() if s.hides(labels, at_ms)]


def preview(match: list[str], alerts: Iterable[tuple[str, Mapping[str, str]]]) -> list[str]:
    """Ids of (id, labels) that a silence with these matchers would hold back. Raises ConfigurationError."""
    matchers(match)
    return [i for i, labels in alerts if all_match(match, labels)]
