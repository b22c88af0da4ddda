"""Measured advice on the real engine: what helps is offered with figures, what does not is not; apply and roll back."""

from __future__ import annotations

import pytest

from kizashi.settings import StoreSettings
from kizashi.store.client import connect
from kizashi.store.migrate import migrate
from services.gateway.advice import Candidate
from services.gateway.adviser import Adviser

pytestmark = pytest.mark.pipeline
FILL = """
INSERT INTO samples
    (series_id, ts, value, score, expected, lower, upper, flags, point, novelty, version, src_topic, src_partition, src_offset, landed_at)
SELECT number % 50, toDateTime64('2026-01-01 00:00:00', 3) + intDiv(number, 50), number, if(number > 299000, 1500, 10), 0, 0, 0, 0, 0, 0, 2,
    't', 0, number, now()
FROM numbers(300000)
"""


def test_an_index_is_offered_with_what_it_saved_and_can_be_taken_back(clickhouse: StoreSettings) -> None:
    migrate(clickhouse)
    store = connect(clickhouse)
    try:
        store.command(FILL)
        adviser = Adviser(clickhouse, store)
        found = adviser.advise("SELECT count() FROM samples WHERE src_offset > 299990 AND value > 299990")
        assert found["before"]["read_rows"] == 300_000 and found["sample_share"] == {"samples": 1.0}
        tried = {(c["kind"], c["column"]): c for c in found["candidates"]}
        assert ("projection", "src_offset") in tried or ("minmax", "src_offset") in tried
        best = min(found["advice"], key=lambda c: c["after"]["read_rows"])
        assert best["after"]["read_rows"] <= 0.7 * 300_000
        none = adviser.advise("SELECT count() FROM v_scores WHERE score >= 0")
        assert none["advice"] == [], "everything matches: nothing can help"
        assert not store.query("SELECT name FROM system.databases WHERE startsWith(name, 'advice_')").rows
        chosen = Candidate("samples", "minmax", "src_offset")
        adviser.apply(chosen)
        listed = "SELECT count() FROM system.data_skipping_indices WHERE database = currentDatabase() AND name = 'advice_minmax_src_offset'"
        assert store.query(listed).rows[0][0] == 1
        adviser.undo(chosen)
        assert store.query(listed).rows[0][0] == 0
    finally:
        store.close()
