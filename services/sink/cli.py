"""The sink's commands."""

from __future__ import annotations

import msgspec

from kizashi.settings import Settings
from services.sink.bench import Load, bench


def bench_sink(settings: Settings, messages: int = 60) -> dict[str, float]:
    """Rows a second that the sink lands on the running store, for ``kizashi bench sink``."""
    result: dict[str, float] = msgspec.to_builtins(bench(settings.store, Load(messages=messages)))
    return result
