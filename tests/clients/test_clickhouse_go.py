"""clickhouse-go over HTTP, the client inside Grafana's ClickHouse plugin, against the store. Needs Go and its module proxy."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from kizashi.contracts.ids import series_id
from kizashi.settings import StoreSettings
from kizashi.store.client import connect
from kizashi.store.migrate import migrate
from tests.pipeline.gateway.house import CURRENT, SAMPLES, SERIES

pytestmark = [pytest.mark.pipeline, pytest.mark.soak]  # the first run compiles for minutes
FOLDER = Path(__file__).parent / "clickhouse_go"
COMPILED_WITHIN_S = 900
"""The first run compiles the driver; later ones take a second."""


def test_the_suite_of_the_plugins_client_passes(clickhouse: StoreSettings) -> None:
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if go is None:
        pytest.skip("Go is not installed: the client inside Grafana's plugin was not run (install Go 1.25 or later)")
    environ = {**os.environ, "GOFLAGS": "-mod=mod -buildvcs=false"}
    fetched = subprocess.run([go, "mod", "download"], cwd=FOLDER, env=environ, capture_output=True, text=True, timeout=200, check=False)
    if fetched.returncode:
        pytest.skip(f"the Go module proxy does not answer: the client inside Grafana's plugin was not run ({fetched.stderr[-200:]})")
    migrate(clickhouse)
    store = connect(clickhouse)
    number = series_id("default", "cpu", {"service": "web", "host": "h1"})
    store.command(SERIES, {"id": number, "tenant": "default", "metric": "cpu", "service": "web", "host": "h1"})
    store.command(SAMPLES, {"ids": [number], "start": round(time.time() * 1_000) - 300_000, "step": 1_000, "count": 200})
    store.command(CURRENT, {"ids": [number]})
    store.command("SYSTEM RELOAD DICTIONARY series_dict")
    store.close()
    environ |= {
        "STORE_ADDRESS": f"{clickhouse.host}:{clickhouse.port}", "STORE_DATABASE": clickhouse.database, "STORE_USER": clickhouse.user,
        "STORE_PASSWORD": clickhouse.password.get_secret_value(),
    }  # fmt: skip
    command = [go, "test", "-count=1", "-p=1", "-v", "./..."]
    done = subprocess.run(command, cwd=FOLDER, env=environ, capture_output=True, text=True, timeout=COMPILED_WITHIN_S, check=False)
    assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-1_000:]
    assert done.stdout.count("--- PASS") == 10, done.stdout[-3_000:]
