"""SQL from people: what passes, and what must never."""

from __future__ import annotations

import pytest

from kizashi.errors import Refused
from kizashi.store.select_gate import admit_select

TABLES = frozenset({"v_scores", "v_metrics", "v_episodes"})

GOOD = [
    "SELECT time, value FROM v_scores WHERE metric = 'file(x)' ORDER BY time DESC LIMIT 5;",
    "select count() from kizashi.v_scores",
    "SELECT count(DISTINCT (series_id, time)) FROM v_scores",
    "SELECT toStartOfInterval(time, INTERVAL 1 MINUTE) AS t, avgIf(value, score > 1) FROM v_scores GROUP BY t HAVING t > now()",
    "WITH a AS (SELECT series_id, quantile(0.99)(value) AS q FROM v_scores GROUP BY series_id), b AS (SELECT * FROM a) SELECT * FROM b",
    "SELECT labels['host'], arrayMap(x -> x + 1, [1, 2]) FROM v_scores",
    "SELECT metric FROM v_metrics UNION ALL SELECT metric FROM v_scores",
    "SELECT * FROM v_scores WHERE series_id IN (SELECT series_id FROM v_episodes) LIMIT 1 BY metric",
    "SELECT a.time FROM v_scores AS a INNER JOIN v_metrics AS b USING (time)",
    "SELECT lagInFrame(value) OVER (PARTITION BY series_id ORDER BY time) FROM v_scores",
    "SELECT * FROM v_scores WHERE metric IN ('cpu') AND (sid, metric) NOT IN ((1, 'in'), (2, 'b')) AND time IN (now() - 5) AND 1 IN [1]",
    "SELECT metric IN ((SELECT 'in (x)')), value NOT IN (-1), value GLOBAL IN (1, 2) FROM v_scores ARRAY JOIN [1] AS one",
    "WITH 1 AS n, a AS (SELECT n FROM v_scores) SELECT n FROM a UNION ALL SELECT n FROM a",
    "SELECT 'it’s “so”' AS `遅れ`, $$ ‘ $$ AS b /* ‘a’ */ FROM v_scores -- 遅れ",
    "SELECT CASE WHEN score > 1 THEN 'odd' ELSE 'ok' END, sumArrayIf([1], 1) FROM v_scores",
]

BAD = [
    "",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE samples",
    "DROP TABLE samples",
    "INSERT INTO samples SELECT 1",
    "CREATE TABLE x (a Int8) ENGINE = Kafka",
    "SYSTEM SHUTDOWN",
    "SELECT * FROM system.tables",
    "SELECT * FROM `system`.`tables`",
    "SELECT * FROM other.v_scores",
    "SELECT * FROM hidden",
    "SELECT * FROM file('/etc/passwd')",
    "SELECT file('/etc/passwd')",
    "SELECT `file`('/etc/passwd')",
    "SELECT \"file\"('/etc/passwd')",
    "SELECT file /* here */ ('/etc/passwd')",
    "SELECT * FROM url('http://x', 'CSV', 'a Int8')",
    "SELECT * FROM remote('x', 'a', 'b')",
    "SELECT * FROM (SELECT * FROM s3('x'))",
    "SELECT * FROM v_scores JOIN numbers(10) USING time",
    "SELECT 1 INTO OUTFILE '/tmp/x'",
    "SELECT 1 SETTINGS readonly = 0",
    "SELECT * FROM (SELECT 1 SETTINGS max_memory_usage = 0)",
    "SELECT 1 FORMAT CSV",
    "SELECT dictGet('hidden', 'a', 1)",
    "SELECT joinGet('hidden', 'a', 1)",
    "SELECT sleep(3)",
    "SELECT getSetting('x')",
    "SELECT 1 IN hidden",
    "SELECT * FROM v_scores WHERE series_id GLOBAL IN hidden",
    "SELECT 1 IN (hidden)",
    "SELECT 1 IN (`hidden`)",
    "SELECT 1 IN ((hidden))",
    "SELECT 1 IN (hidden /* here */)",
    "SELECT 1 IN (hidden,)",
    "SELECT 1 IN [hidden]",
    "SELECT 1 IN tuple(hidden)",
    "SELECT 1 IN (kizashi.hidden)",
    "SELECT 1 IN (other.kizashi.hidden)",
    "SELECT 1 IN (hidden AS x)",
    "SELECT (1, 2) IN (hidden)",
    "SELECT 1 NOT IN (hidden)",
    "SELECT 1 GLOBAL IN (hidden)",
    "SELECT 1 GLOBAL NOT IN (hidden)",
    "SELECT arrayMap(x -> x IN (hidden), [1])",
    "SELECT (1 IN (hidden)) IN (1)",
    "SELECT 1 FROM v_scores WHERE metric = 'a' AND value IN (hidden)",
    "SELECT in(1, hidden)",
    "SELECT `in`(1, hidden)",
    'SELECT "IN"(1, hidden)',
    "SELECT 1 FROM v_scores WHERE in(value, hidden)",
    "SELECT and(1, in(1, hidden))",
    "WITH v_scores AS (SELECT 1) SELECT 1 IN (v_scores)",
    "WITH 1 AS hidden SELECT * FROM hidden",
    "WITH 'a' AS hidden SELECT * FROM hidden",
    "WITH (SELECT 1) AS hidden SELECT * FROM hidden",
    "WITH (SELECT 1 UNION ALL SELECT 2) AS hidden SELECT * FROM hidden",
    "WITH 1 + (SELECT 1) AS hidden SELECT * FROM hidden",
    "WITH [1, 2] AS hidden SELECT * FROM hidden",
    "WITH hidden AS (1) SELECT * FROM hidden",
    "WITH x -> x AS hidden SELECT * FROM hidden",
    "WITH a AS (SELECT 1), 2 AS hidden SELECT * FROM a, hidden",
    "WITH 1 AS hidden, a AS (SELECT * FROM hidden) SELECT * FROM a",
    "WITH hidden AS (SELECT 1), 2 AS hidden SELECT * FROM hidden",
    "WITH 1 AS hidden SELECT 1 UNION ALL SELECT * FROM hidden",
    "WITH 1 AS hidden SELECT (SELECT count() FROM hidden)",
    "WITH 1 AS hidden SELECT 1 IN (SELECT x FROM hidden)",
    "SELECT * FROM (WITH 1 AS hidden SELECT * FROM hidden)",
    "SELECT 1 UNION ALL (WITH 1 AS hidden SELECT * FROM hidden)",
    "SELECT 1 FROM v_scores CROSS JOIN LATERAL hidden",
    "SELECT ‘a, ' FROM v_scores -- ’, count() FROM hidden -- '",
    "SELECT “a, ' FROM v_scores -- ”, count() FROM hidden -- '",
    "SELECT 1 AS `a\\`, ' ` FROM hidden -- ' FROM v_scores",
    "SELECT 1 AS `a\\\\` FROM v_scores",
    'SELECT 1 AS "a\\\\" FROM v_scores',
    "SELECT 1 /* /* */ FROM hidden -- */ */ FROM v_scores",
    "SELECT 1 {# ' #} FROM v_scores",
    "SELECT 1 AS `a\x00` FROM v_scores",
    "SELECT * FROM {t:Identifier}",
    "SELECT {t:String}",
    "WITH hidden AS (SELECT * FROM hidden) SELECT * FROM hidden",
    "WITH a AS (SELECT * FROM hidden), hidden AS (SELECT 1) SELECT * FROM a",
    "SELECT * FROM hidden, (WITH hidden AS (SELECT 1) SELECT * FROM hidden)",
    "WITH hidden AS (SELECT 1) SELECT * FROM kizashi.hidden",
    "EXPLAIN SELECT 1",
    "SELECT (SELECT count() FROM hidden)",
    "SELECT evalMLMethod(x, 1) FROM v_scores",
    "SELECT hostName(), currentUser()",
    "SELECT 1 " + "-" * 30_000,
    "SELECT " + "(" * 3_000 + "1" + ")" * 3_000,
    "SELECT 'unclosed",
]


@pytest.mark.parametrize("sql", GOOD)
def test_a_plain_question_passes_unchanged(sql: str) -> None:
    assert admit_select(sql, TABLES, "kizashi") == sql.rstrip(";")


@pytest.mark.parametrize("sql", BAD, ids=lambda sql: sql[:60])
def test_everything_else_is_refused_with_a_sentence(sql: str) -> None:
    with pytest.raises(Refused) as said:
        admit_select(sql, TABLES, "kizashi")
    assert len(str(said.value)) > 10
