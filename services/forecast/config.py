"""What the forecast models are built with. One configuration serves every series; nothing is set per data set."""

from __future__ import annotations

from dataclasses import dataclass

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000

WINDOW = 840
"""Values kept of a series and tier: five weeks of hours. Two weekly seasons, and three to compare them with."""

LEVELS: tuple[float, ...] = (0.025, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.975)
"""Quantiles of every forecast: the 95 % band and the deciles that pinball losses are averaged over."""


@dataclass(frozen=True)
class Tier:
    """One bucket width and what is forecast on it. ``season`` and ``horizon`` count buckets."""

    bucket_ms: int
    season: int
    horizon: int = 48
    every: int = 4
    """Buckets between two forecasts of a series; series take turns so that they do not all come at once."""

    @property
    def week(self) -> int:
        """Buckets in seven seasons; longer than the window for fine tiers, which then know no week."""
        return 7 * self.season


@dataclass(frozen=True)
class ForecastConfig:
    """Tiers from fine to coarse (each width a multiple of the finer one) and limits that hold for all series."""

    tiers: tuple[Tier, ...] = (Tier(5 * MINUTE_MS, 288, 48, 6), Tier(HOUR_MS, 24, 48, 3))
    minimum_history: int = 24
    """Buckets before a series is forecast at all."""
    maximum_series: int = 200_000
    """Beyond it new series are counted as refused, not learned: memory stays bounded."""
    expire_ms: int = 14 * DAY_MS
    """A series silent for longer loses its slot when room is needed."""

    def __post_init__(self) -> None:
        for fine, coarse in zip(self.tiers, self.tiers[1:], strict=False):
            if coarse.bucket_ms % fine.bucket_ms:
                raise ValueError(f"bucket {coarse.bucket_ms} ms is no multiple of {fine.bucket_ms} ms")
