"""What the gateway's process does once its caches are warm."""

from __future__ import annotations

import asyncio
import gc
import weakref
from types import SimpleNamespace
from typing import Any, cast

import pytest

from services.gateway import app
from services.gateway.doors import Doors


class Knot:
    """Garbage that only the collector finds."""

    def __init__(self) -> None:
        self.me = self


async def test_no_garbage_is_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[weakref.ref[Knot]] = []

    async def warm(parts: Any) -> None:
        seen.append(weakref.ref(Knot()))

    async def nothing(parts: Any) -> None:
        return None

    monkeypatch.setattr(app, "warm", warm)
    monkeypatch.setattr(app, "warm_for_peaks", nothing)
    parts = SimpleNamespace(
        limits=SimpleNamespace(warm=True), config=SimpleNamespace(state=SimpleNamespace(living=lambda _: [])), pictures=None
    )
    stop = asyncio.Event()
    stop.set()
    gc.disable()
    try:
        await app._warm(cast(Doors, parts), stop)
        assert seen[0]() is None, "frozen before it was collected"
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
        gc.enable()
