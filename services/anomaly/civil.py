"""A tenant's calendar for kernels: civil time with daylight saving, and holidays on which the week runs as on a Sunday."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kizashi.contracts.batches import I64
from kizashi.errors import ConfigurationError
from services.anomaly.local_time import LocalTime

DAY_MS = 86_400_000
YEARS = range(2015, 2041)
"""Public holidays are tabled for these years."""
SUNDAY = 3
"""Of the epoch's week, which began on a Thursday."""
EPOCH = date(1970, 1, 1).toordinal()


class Calendar:
    """Local time of ``zone``, and the days on which people do not work.

    >>> day = Calendar("UTC", ("2026-11-25",))  # a Wednesday
    >>> at = np.array([(date(2026, 11, 25).toordinal() - EPOCH) * DAY_MS + 5])
    >>> int(day.civil(day.local(at))[0] // DAY_MS - at[0] // DAY_MS)
    -3
    """

    def __init__(self, zone: str, days: tuple[str, ...] = (), country: str = "") -> None:
        self._time = LocalTime(zone)
        own = np.array([date.fromisoformat(d).toordinal() - EPOCH for d in days], np.int64)
        self._days = np.unique(np.concatenate([own, public_holidays(country)]))

    def local(self, ts_ms: I64) -> I64:
        """Local milliseconds (n,) of UTC milliseconds (n,)."""
        return self._time.local(ts_ms)

    def civil(self, local_ms: I64) -> I64:
        """Local milliseconds (n,), those of a holiday moved to the Sunday before it."""
        if not len(self._days):
            return local_ms
        day = local_ms // DAY_MS
        back = np.where(np.isin(day, self._days), (day - SUNDAY) % 7, 0)
        moved: I64 = local_ms - back * DAY_MS
        return moved


@lru_cache(maxsize=64)
def public_holidays(country: str) -> NDArray[np.int64]:
    """Days since the epoch (k,); none for an empty code. Raises ConfigurationError for a country nobody knows."""
    if not country:
        return np.zeros(0, np.int64)
    import holidays  # 7 MB, for tenants that name a country

    code, _, part = country.partition("-")
    try:
        known = holidays.country_holidays(code, subdiv=part or None, years=YEARS)
    except NotImplementedError as x:
        raise ConfigurationError(f"country: no public holidays are known of {country!r}") from x
    return np.array(sorted(d.toordinal() - EPOCH for d in known), np.int64)
