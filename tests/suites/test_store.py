"""The store suite on the embedded server, and on a real one when KIZASHI_TEST_CLICKHOUSE names it (http://user:password@host:port)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from urllib.parse import urlparse

import pytest
from pydantic import SecretStr

from kizashi.settings import StoreSettings
from kizashi.store.client import connect
from tests.suites.store_suite import StoreSuite

REAL = os.environ.get("KIZASHI_TEST_CLICKHOUSE", "")


class TestEmbedded(StoreSuite):
    """Our own server over the embedded engine; ``clickhouse`` comes from conftest."""


@pytest.mark.skipif(not REAL, reason="KIZASHI_TEST_CLICKHOUSE names no server")
class TestServer(StoreSuite):
    """A ClickHouse server."""

    @pytest.fixture
    def clickhouse(self, unique: str) -> Iterator[StoreSettings]:
        url = urlparse(REAL)
        settings = StoreSettings(
            host=url.hostname or "127.0.0.1", port=url.port or 8123, secure=url.scheme == "https", user=url.username or "default",
            password=SecretStr(url.password or ""), database=unique,
        )  # fmt: skip
        yield settings
        door = connect(settings, "default")
        door.command(f"DROP DATABASE IF EXISTS {unique} SYNC")
        door.close()
