"""What can be chosen about the anomaly model. One configuration serves every series; nothing is tuned by data set."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kizashi.errors import ConfigurationError


@dataclass(frozen=True)
class ModelConfig:
    """Knobs of scoring and of episodes; see ``check`` for their ranges."""

    time_zone: str = "UTC"
    """Civil time by which days and weeks are counted."""
    warm_up: int = 100
    """Samples of a series before it is judged."""
    refractory: int = 100
    """Samples after a spoken novelty during which only a larger one speaks: one change, one alarm."""
    open_n: int = 1
    """An episode opens when ``open_n`` of the last ``open_m`` scores reached 1.0."""
    open_m: int = 5
    close_score: float = 0.6
    """Scores below this count as normal again (hysteresis)."""
    close_after: int = 10
    """An episode closes after so many normal samples in a row."""
    close_after_s: float = 300.0
    """… and not before so many seconds."""
    flap_count: int = 4
    """So many episodes within ``flap_s`` make a series flapping: its next episodes are marked."""
    flap_s: float = 3600.0
    missing_after: float = 10.0
    """A series is missing after so many of its usual intervals without a sample …"""
    missing_min_s: float = 60.0
    """… and not before so many seconds."""
    expire_s: float = 7 * 86400.0
    """A series silent for so long is forgotten and its row is used again."""
    alarm_days: float = 14.0
    """The score 1.0 is placed so that a series opens one episode in so many days of its own normal life."""
    late_ms: int = 600_000
    """Late samples up to this age are scored in event time; older ones are only stored."""
    model: str = ""
    """A River anomaly model as a further head, by import path: ``river.anomaly.GaussianScorer``."""

    def check(self) -> ModelConfig:
        """Itself; raises ConfigurationError that names the field, what it holds and what it may hold."""
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as x:
            raise ConfigurationError(f"time_zone: {self.time_zone!r} is not an IANA time zone such as Asia/Tokyo") from x
        for name, low, high in _RANGES:
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigurationError(f"{name}: {value} is not between {low:g} and {high:g}")
        if self.open_n > self.open_m:
            raise ConfigurationError(f"open_n: {self.open_n} of the last open_m={self.open_m} samples can never happen")
        return self


_RANGES: tuple[tuple[str, float, float], ...] = (
    ("warm_up", 20, 100_000),
    ("refractory", 0, 100_000),
    ("open_n", 1, 64),
    ("open_m", 1, 64),
    ("close_score", 0.0, 1.0),
    ("close_after", 1, 10_000),
    ("close_after_s", 0.0, 86400.0),
    ("flap_count", 2, 1000),
    ("flap_s", 1.0, 30 * 86400.0),
    ("missing_after", 2.0, 10_000.0),
    ("missing_min_s", 1.0, 86400.0),
    ("expire_s", 60.0, 400 * 86400.0),
    ("alarm_days", 0.01, 400.0),
    ("late_ms", 0, 86_400_000),
)


def config_from(mapping: dict[str, Any]) -> ModelConfig:
    """A checked configuration from key-values, as they come from a settings file; unknown keys are refused."""
    known = {f.name: f.type for f in fields(ModelConfig)}
    for key in mapping:
        if key not in known:
            raise ConfigurationError(f"{key}: no such knob of the anomaly model; there are {', '.join(sorted(known))}")
    try:
        return ModelConfig(**mapping).check()
    except TypeError as x:
        raise ConfigurationError(f"anomaly model: {x}") from x
