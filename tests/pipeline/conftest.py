from __future__ import annotations

from collections.abc import Iterator

import pytest

from kizashi.settings import StoreSettings
from kizashi.store.client import Store, connect
from kizashi.store.migrate import migrate


@pytest.fixture
def store(clickhouse: StoreSettings) -> Iterator[Store]:
    """A door to a database of the test's own, with every table."""
    migrate(clickhouse)
    door = connect(clickhouse)
    yield door
    door.close()
