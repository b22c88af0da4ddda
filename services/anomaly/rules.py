"""What a person may say about one series: which deviations count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from kizashi.errors import ConfigurationError

DIRECTIONS = {"both": 0, "up": 1, "down": -1}


@dataclass(frozen=True)
class SeriesRule:
    """Deviations from the expected value below both minima, or in the other direction, stay under the boundary.

    ``min_deviation`` is in the series' unit, ``min_relative`` a share of the expected value.
    """

    min_deviation: float = 0.0
    min_relative: float = 0.0
    direction: Literal["both", "up", "down"] = "both"

    def check(self) -> SeriesRule:
        """Itself; raises ConfigurationError that names the field."""
        for name in ("min_deviation", "min_relative"):
            value = getattr(self, name)
            if not 0.0 <= value < 1e300:
                raise ConfigurationError(f"{name}: {value} is not a number from 0 up")
        if self.direction not in DIRECTIONS:
            raise ConfigurationError(f"direction: {self.direction!r} is none of {', '.join(DIRECTIONS)}")
        return self


def rule_from(mapping: dict[str, Any]) -> SeriesRule:
    """A checked rule from key-values; unknown keys are refused."""
    unknown = sorted(set(mapping) - {"min_deviation", "min_relative", "direction"})
    if unknown:
        raise ConfigurationError(f"{unknown[0]}: no such field of a series rule; there are min_deviation, min_relative, direction")
    return SeriesRule(**mapping).check()
