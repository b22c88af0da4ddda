"""What a tenant's scheduled query can read on the real store: its own rows of every view, and nobody else's by any trick."""

from __future__ import annotations

import json
import time

import pytest

from kizashi.errors import ConfigurationError
from kizashi.store.client import StoreError
from services.gateway.query_samples import Reach, ScheduledQuery, admitted
from services.gateway.routes.queries import READABLE
from tests.pipeline.gateway.house import House
from tests.pipeline.gateway.test_tenants import MARK, plant

pytestmark = pytest.mark.pipeline
TRICKS = [
    "WITH 1 AS series SELECT count() AS n FROM series",
    "WITH 'x' AS config_log SELECT count() AS n FROM config_log",
    "WITH [1] AS v_config SELECT count() AS n FROM v_config",
    "WITH 1 + (SELECT 1) AS series SELECT count() AS n FROM series",
    "WITH series AS (1) SELECT count() AS n FROM series",
    "WITH 1 AS series SELECT (SELECT count() FROM series) AS n",
    "WITH 1 AS series SELECT sum(n) AS n FROM (SELECT 0 AS n UNION ALL SELECT count() AS n FROM series)",
    "WITH 1 AS series, a AS (SELECT * FROM series) SELECT count() AS n FROM a",
    "WITH series AS (SELECT 1 FROM v_series), 2 AS series SELECT count() AS n FROM series",
    "WITH 'acme' AS tenant SELECT count() AS n FROM v_series",
    "WITH 'acme' AS tenant, a AS (SELECT * FROM v_series) SELECT count() AS n FROM a",
    "WITH 1 AS v_series SELECT count() AS n FROM v_series",
    "WITH v_series AS (SELECT * FROM v_series) SELECT count() AS n FROM v_series",
    "WITH a AS (SELECT * FROM v_series) SELECT count() AS n FROM a AS v_edges, a",
    "SELECT count() AS n FROM (SELECT 'acme' AS tenant, * FROM v_series)",
    "SELECT countIf(k IN (one)) AS n FROM (SELECT arrayJoin(['MARK-a']) AS k)",
    "SELECT countIf(k NOT IN (one)) - 1 AS n FROM (SELECT arrayJoin(['MARK-a']) AS k)",
    "SELECT countIf(k IN (DATABASE.one)) AS n FROM (SELECT arrayJoin(['MARK-a']) AS k)",
    "SELECT countIf(`in`(k, one)) AS n FROM (SELECT arrayJoin(['MARK-a']) AS k)",
    "SELECT ‘a, ' FROM v_series -- ’ = '' OR count() AS n FROM one -- '",
    "SELECT countIf(k IN ((one))) AS n FROM (SELECT arrayJoin(['MARK-a']) AS k)",
]
"""Each would give more than 0 if it saw rows of another tenant. ``one`` is a table of one column with their text."""


def insert(gateway: House, table: str, **values: object) -> None:
    """A row of the tenant ``default``; texts are SQL literals, numbers and lists as they are."""
    row = {"tenant": "default"} | values
    written = ", ".join(f"'{v}'" if isinstance(v, str) and not v.startswith("now") else str(v) for v in row.values())
    gateway.store.command(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({written})")


def fill(gateway: House) -> None:
    """Rows of the tenant ``default`` in every view."""
    number, now = plant(gateway), "now64(3)"
    for metric in ("kizashi.anomaly_rate", "kizashi.alarms_per_series"):
        one = gateway.add_series("default", metric, {"service": f"{MARK}-web", "host": ""})
        gateway.add_samples([one], int(time.time() * 1_000) - 1_000, 100, 2)
    for tier in ("samples_1m", "samples_1h"):
        gateway.store.command(f"INSERT INTO {tier} (series_id, bucket, samples, made) VALUES ({number}, now(), 1, now64(3))")
    insert(gateway, "patterns", series_id=number, updated=now, written=now)
    track = json.dumps({"track": {"panel": [1.0, 2.0, 3.0]}})
    insert(
        gateway,
        "forecasts",
        series_id=number,
        made=now,
        step_ms=1000,
        mean=[1.0],
        levels=[0.1, 0.9],
        low=[0.0],
        high=[2.0],
        body=track,
        written=now,
    )
    insert(gateway, "forecast_errors", series_id=number, ts=now, step_ms=1000, made=now, actual=1, mean=1, written=now)
    for kind in ("slo", "ticket", "capacity"):
        insert(gateway, "risks", id=f"{MARK}-{kind}", kind=kind, made=now, body="{}", written=now)
    insert(gateway, "feedback", id=MARK, made=now, target=f"{MARK}-1/{MARK}", verdict="cause", body="{}", written=now)
    gateway.store.command(f"SYSTEM RELOAD DICTIONARY {gateway.settings.store.database}.series_dict")


def asked(gateway: House, sql: str, tenant: str) -> int:
    """The one number that a scheduled query of the tenant gives. Raises ConfigurationError, StoreError."""
    reach = Reach("default", READABLE, gateway.settings.store.database)
    rows = gateway.store.query(admitted(ScheduledQuery(metric="m", sql=sql), reach, tenant)).rows
    return int(rows[0][0])


async def test_every_view_shows_a_tenant_its_own_rows_alone(gateway: House) -> None:
    fill(gateway)
    for view in sorted(Reach("default", READABLE, "").views):
        sql = f"SELECT count() AS n FROM {view}"  # names of ours
        assert asked(gateway, sql, "default") > 0, f"{view}: nothing was planted, so that nothing is shown would prove nothing"
        assert asked(gateway, sql, "acme") == 0, view


async def test_no_trick_opens_rows_of_another_tenant(gateway: House) -> None:
    fill(gateway)
    database = gateway.settings.store.database
    gateway.store.command("CREATE TABLE one ENGINE = Memory AS SELECT caller FROM edges")
    assert gateway.store.query(f"SELECT count() FROM one WHERE '{MARK}-a' IN (one)").rows[0][0] > 0, (
        "the engine reads a name in IN as a table"
    )
    assert gateway.store.query("WITH 1 AS series SELECT count() FROM series").rows[0][0] > 0, "and one in FROM, whatever WITH says"
    for trick in TRICKS:
        sql = trick.replace("MARK", MARK).replace("DATABASE", database)
        try:
            found = asked(gateway, sql, "acme")
        except (ConfigurationError, StoreError):
            continue
        assert found <= 0, sql


async def test_a_common_table_expression_is_read_by_its_name(gateway: House) -> None:
    fill(gateway)
    sql = "WITH 2 AS k, a AS (SELECT * FROM v_edges), b AS (SELECT a.id FROM a) SELECT k + count() AS n FROM b JOIN a AS c ON c.id = b.id"
    assert (asked(gateway, sql, "default"), asked(gateway, sql, "acme")) == (3, 2)
    insert(gateway, "edges", tenant="acme", caller="x", callee="y", source="traced", last="now64(3)", written="now64(3)")
    assert asked(gateway, sql, "acme") == 3
    both = (
        "WITH a AS (SELECT * FROM v_edges) SELECT sum(n) AS n FROM (SELECT count() AS n FROM a UNION ALL SELECT count() AS n FROM a AS b)"
    )
    assert asked(gateway, both, "acme") == 2
