"""The sink's commands."""

from __future__ import annotations

import msgspec

from kizashi.settings import StoreSettings
from services.sink.bench import Load, bench


def bench_sink(store: StoreSettings, messages: int = 60) -> dict[str, float]:
    """Rows a second that the sink lands on the running store, for ``kizashi bench sink``."""
    result: dict[str, float] = msgspec.to_builtins(bench(store, Load(messages=messages)))
    return result
