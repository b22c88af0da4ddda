"""A tenant's SELECT reads the tenant's rows alone, whatever it is made of; what cannot be confined is refused."""

from __future__ import annotations

import pytest
import sqlglot
from sqlglot import exp

from kizashi.errors import Refused
from kizashi.store.select_confine import confine

VIEWS = {"v_risk", "v_scores"}
EVIL = "o'hara\\' OR 1=1 --"


@pytest.mark.parametrize(
    ("sql", "reads"),
    [
        ("SELECT count() FROM v_risk", 1),
        ("SELECT a.metric, count() FROM v_scores AS a JOIN v_risk b ON a.series_id = b.series_id GROUP BY a.metric", 2),
        ("WITH x AS (SELECT * FROM v_risk) SELECT count() FROM x", 1),
        ("WITH v_risk AS (SELECT * FROM v_risk) SELECT count() FROM v_risk", 1),
        ("WITH 1 AS v_risk SELECT count() FROM v_risk", 1),
        ("WITH x AS (SELECT 1 FROM v_risk), y AS (SELECT * FROM x, v_scores) SELECT * FROM y, x UNION ALL SELECT * FROM x, v_risk", 3),
        ("WITH 1 + (SELECT max(value) FROM v_scores) AS x SELECT x FROM v_risk", 2),
        ("SELECT (SELECT max(value) FROM v_scores) AS m, 1 IN (SELECT 1 FROM kizashi.v_risk) AS n", 2),
        ("SELECT metric FROM v_scores UNION ALL SELECT title FROM `v_risk`", 2),
        ("SELECT count() FROM v_scores AS v_risk, v_risk AS v_scores", 2),
        ("SELECT count() FROM (SELECT 1 FROM v_risk WHERE tenant = 'other') AS t", 1),
    ],
)
def test_every_view_is_behind_the_filter(sql: str, reads: int) -> None:
    tree = sqlglot.parse_one(confine(sql, VIEWS, "kizashi", EVIL), dialect="clickhouse")
    read = [t for t in tree.find_all(exp.Table) if t.db == "kizashi"]
    assert len(read) == reads and all(t.name in VIEWS for t in read)
    for table in read:
        own = table.find_ancestor(exp.Select)
        assert own is not None and own.args["where"].this == exp.column("tenant").eq(exp.Literal.string(EVIL))
    loose = [t for t in tree.find_all(exp.Table) if t.db != "kizashi"]
    assert all(t.name in {"cte_x", "cte_y", "cte_v_risk"} and "WITH" in sql for t in loose), "what the engine could take for a real table"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count() FROM v_scores FINAL", "SELECT count() FROM v_scores SAMPLE 0.1", "SELECT * FROM samples",
        "SELECT * FROM other.v_risk",
        "SELECT * FROM numbers(10)", "SELECT 1 IN v_risk", "SELECT 1; SELECT 2", "SELECT dictGet('series_dict', 'tenant', 1)",
        "SELECT * FROM merge('v_.*')", "DROP TABLE samples",
        "WITH 1 AS series SELECT * FROM series", "WITH 'a' AS config_log SELECT body FROM config_log",
        "WITH (SELECT 1) AS series SELECT * FROM series", "WITH 1 + (SELECT 1) AS series SELECT * FROM series",
        "WITH a AS (SELECT 1), 2 AS series SELECT * FROM a, series", "WITH 1 AS series, a AS (SELECT * FROM series) SELECT * FROM a",
        "WITH 1 AS series SELECT (SELECT count() FROM series)", "WITH 1 AS series SELECT 1 UNION ALL SELECT count() FROM series",
        "WITH 1 AS series SELECT * FROM (SELECT * FROM series)", "SELECT * FROM (WITH 1 AS series SELECT * FROM series)",
        "SELECT 1 UNION ALL (WITH 1 AS series SELECT * FROM series)", "WITH x -> 1 AS series SELECT * FROM series",
        "WITH series AS (1) SELECT * FROM series", "WITH series AS (SELECT 1), 2 AS series SELECT * FROM series",
        "WITH x AS (SELECT 1) SELECT * FROM cte_x", "WITH x AS (SELECT 1) SELECT * FROM kizashi.x",
        "SELECT ('default', 1) IN (series) FROM v_risk", "SELECT 1 FROM v_risk WHERE in(tenant, series)",
    ],
)  # fmt: skip
def test_what_cannot_be_confined_is_refused(sql: str) -> None:
    with pytest.raises(Refused):
        confine(sql, VIEWS, "kizashi", "acme")


def test_comments_stay_here_and_texts_are_written_anew() -> None:
    sent = confine(r"SELECT 'a\\' AS x, 'it\'s' /* ' */ FROM v_risk -- '", VIEWS, "kizashi", "acme")
    assert sent == r"SELECT 'a\\' AS x, 'it''s' FROM (SELECT * FROM kizashi.v_risk WHERE tenant = 'acme') AS v_risk"
