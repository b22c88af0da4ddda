"""Candidates for a query: from what it filters by, with statements that only our own names can get into."""

from __future__ import annotations

import pytest

from kizashi.errors import Refused
from services.gateway.advice import Candidate, candidates, reading

LOW = "LowCardinality(String)"
COLUMNS = {
    "samples": {"series_id": "UInt64", "ts": "DateTime64(3, 'UTC')", "value": "Float64", "score": "UInt32", "src_topic": LOW},
    "episodes": {"tenant": LOW, "severity": LOW, "opened": "DateTime64(3, 'UTC')", "peak": "Float64"},
}  # fmt: skip
KEYS = {"samples": ["series_id", "ts"], "episodes": ["tenant", "opened", "id"]}


def names(sql: str) -> list[str]:
    return [f"{c.table}.{c.kind}.{c.column}" for c in candidates(reading(sql), COLUMNS, KEYS)]


def test_filters_become_candidates_of_their_kind() -> None:
    assert names("SELECT count() FROM v_scores WHERE score > 1 AND value < 3") == ["samples.minmax.score", "samples.minmax.value"]
    assert names("SELECT count() FROM v_episodes WHERE severity = 'critical'") == ["episodes.bloom_filter.severity"]
    assert names("SELECT count() FROM episodes WHERE severity IN ('a', 'b')") == [
        "episodes.bloom_filter.severity", "episodes.projection.severity",
    ]  # fmt: skip
    assert names("SELECT count() FROM v_scores WHERE time > now() - 60") == ["samples.minmax.ts"]


def test_no_candidate_where_none_can_help() -> None:
    assert names("SELECT count() FROM v_scores WHERE sid = 7") == [], "the table is sorted by it"
    assert names("SELECT count() FROM v_episodes WHERE startsWith(severity, 'c')") == []
    assert names("SELECT count() FROM v_scores") == []
    assert names("SELECT count() FROM v_scores WHERE unheard_of = 1") == []


def test_statements_undo_one_another() -> None:
    c = Candidate("episodes", "bloom_filter", "severity")
    assert (
        c.apply[0]
        == "ALTER TABLE episodes ADD INDEX IF NOT EXISTS advice_bloom_filter_severity severity TYPE bloom_filter(0.01) GRANULARITY 1"
    )
    assert c.undo == "ALTER TABLE episodes DROP INDEX IF EXISTS advice_bloom_filter_severity"
    for hostile in ("a; DROP TABLE x", "a b", "`a`", "", "a)"):
        with pytest.raises(Refused):
            Candidate("episodes", "minmax", hostile)
        with pytest.raises(Refused):
            Candidate(hostile, "minmax", "a")
