"""What the embedded store refuses, and that it lets through what the house and Grafana need."""

from __future__ import annotations

import pytest

from kizashi.errors import Refused
from kizashi.standalone.clickhouse_gate import admit
from kizashi.standalone.clickhouse_sql import name_set, parse

TABLE_FUNCTIONS = name_set("file url s3 remote remotesecure cluster numbers values mysql python executable eval sqlite view merge input")

REFUSED = [
    "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "SELECT * FROM FILE('/etc/passwd', 'LineAsString')",
    "SELECT file('/etc/passwd')",
    "SELECT * FROM `file`('/etc/passwd')",
    "SELECT * FROM \"file\"('/etc/passwd')",
    r"SELECT * FROM `\x66ile`('/etc/passwd')",
    "SELECT * FROM file /* a comment */ ('/etc/passwd')",
    "SELECT * FROM file--\n('/etc/passwd')",
    "SELECT 1 WHERE 1 IN (SELECT line FROM url('http://127.0.0.1', 'LineAsString'))",
    "WITH x AS (SELECT * FROM s3('x')) SELECT * FROM x",
    "SELECT * FROM remote('127.0.0.1', system.one)",
    "SELECT * FROM python(x)",
    "SELECT * FROM eval('SELECT 1')",
    "SELECT aiGenerate('x')",
    "INSERT INTO FUNCTION file('/tmp/x', 'CSV') SELECT 1",
    "INSERT INTO TABLE FUNCTION s3('x') SELECT 1",
    "INSERT INTO t FROM INFILE '/etc/passwd' FORMAT CSV",
    "INSERT INTO t VALUES (file('/etc/passwd'))",
    "INSERT INTO t FORMAT Values (file('/etc/passwd'))",
    "SELECT 1 INTO OUTFILE '/tmp/x'",
    "SELECT 1 INTO/**/OUTFILE '/tmp/x'",
    "SELECT 1 FORMAT Template",
    "SELECT 1 FORMAT Protobuf SETTINGS format_schema = 'x'",
    "CREATE TABLE k (a String) ENGINE = Kafka('x', 'y', 'z', 'CSV')",
    "CREATE TABLE k (a String) ENGINE Kafka SETTINGS kafka_topic_list = 'x'",
    "CREATE TABLE k (a String) ENGINE = `URL`('http://x', 'CSV')",
    "CREATE TABLE k (a String) ENGINE = File(CSV)",
    "CREATE OR REPLACE TABLE k (a String) ENGINE = S3('x')",
    "CREATE TABLE k (a UInt8) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = local, path = '/tmp/')",
    "CREATE TABLE k AS file('/etc/passwd')",
    "CREATE MATERIALIZED VIEW v ENGINE = Kafka AS SELECT 1",
    "CREATE DATABASE x ENGINE = MySQL('h', 'd', 'u', 'p')",
    "CREATE DATABASE x ENGINE = Filesystem('/')",
    "CREATE TEMPORARY TABLE x (a UInt8)",
    "CREATE USER u IDENTIFIED BY 'x'",
    "CREATE NAMED COLLECTION c AS url = 'x'",
    "CREATE FUNCTION f LANGUAGE WASM FROM 'x'",
    "CREATE DICTIONARY d (a UInt64) PRIMARY KEY a SOURCE(HTTP(URL 'http://x' FORMAT 'CSV')) LAYOUT(FLAT()) LIFETIME(1)",
    "CREATE DICTIONARY d (a UInt64) PRIMARY KEY a SOURCE(FILE(PATH '/etc/passwd' FORMAT 'CSV')) LAYOUT(FLAT()) LIFETIME(1)",
    "CREATE DICTIONARY d (a UInt64) PRIMARY KEY a SOURCE(EXECUTABLE(COMMAND 'id' FORMAT 'CSV')) LAYOUT(FLAT()) LIFETIME(1)",
    "CREATE DICTIONARY d (a UInt64) PRIMARY KEY a SOURCE(CLICKHOUSE(HOST '10.0.0.1' TABLE 't')) LAYOUT(FLAT()) LIFETIME(1)",
    "CREATE DICTIONARY d (a UInt64) PRIMARY KEY a SOURCE(CLICKHOUSE(QUERY 'SELECT * FROM file(1)')) LAYOUT(FLAT()) LIFETIME(1)",
    "ATTACH TABLE t FROM '/tmp/x' (a UInt8) ENGINE = MergeTree ORDER BY a",
    "DETACH TABLE t",
    "ALTER TABLE t FETCH PARTITION 1 FROM '/x'",
    "ALTER TABLE t MOVE PARTITION 1 TO DISK 'x'",
    "ALTER USER default IDENTIFIED BY ''",
    "DROP DATABASE system",
    "DROP DATABASE `default`",
    "DROP USER x",
    "SYSTEM SHUTDOWN",
    "SYSTEM KILL",
    "SYSTEM RELOAD CONFIG",
    "BACKUP DATABASE d TO File('/tmp/x')",
    "BACKUP DATABASE d TO Disk('default', 'x')",
    "BACKUP DATABASE d TO Disk('backups', '../x')",
    "BACKUP DATABASE d TO Disk('backups', 'x') SETTINGS base_backup = S3('x')",
    "RESTORE DATABASE d FROM S3('x', 'y', 'z')",
    "GRANT ALL ON *.* TO x",
    "EXECUTE AS x SELECT 1",
    "SELECT 1; SELECT 2",
    "SELECT 1 PARALLEL WITH SELECT 2",
    "selec 1",
    "1",
    "",
    ";",
    "SELECT $$x$$",
    "SELECT ‘x’",
    "SELECT 1 # x",
    "SELECT 1 /* a /* b */",
    "SELECT 'open",
]

ALLOWED = [
    "SELECT 1",
    "SELECT 1;",
    "(SELECT 1) UNION ALL (SELECT 2)",
    "SELECT 'file(1)', `file` FROM t -- file(\n",
    "SELECT * FROM numbers(10) FORMAT JSON",
    "SELECT format('{}', 1), toStartOfMinute(ts) FROM k.samples FINAL WHERE x IN (1, 2) FORMAT Native SETTINGS max_threads = 1",
    "SELECT {x:Array(UInt64)}, a ? b : c, a::String, x -> x + 1, [1,2][1] FROM t",
    "WITH 1 AS x SELECT x FORMAT JSONEachRow",
    "EXPLAIN indexes = 1 SELECT 1",
    "DESCRIBE TABLE t",
    "SHOW CREATE TABLE t",
    "INSERT INTO t (`a`, b) FORMAT Native\n\x00\x01file(",
    "INSERT INTO `k`.`t` (`a`) VALUES (1)",
    "INSERT INTO t SELECT * FROM u",
    "CREATE TABLE IF NOT EXISTS t (a UInt8, b LowCardinality(String)) ENGINE = ReplacingMergeTree(a) ORDER BY a TTL b + INTERVAL 1 DAY",
    "CREATE OR REPLACE VIEW v AS SELECT engine FROM system.tables",
    "CREATE DICTIONARY d (a UInt64) PRIMARY KEY a SOURCE(CLICKHOUSE(DATABASE 'k' TABLE 'series')) LAYOUT(HASHED()) LIFETIME(MIN 1 MAX 3)",
    "CREATE DATABASE k ENGINE = Atomic",
    "ALTER TABLE t ADD COLUMN c UInt8",
    "ALTER TABLE t DELETE WHERE a = 1",
    "DROP TABLE IF EXISTS t SYNC",
    "DROP DATABASE k",
    "TRUNCATE TABLE t",
    "OPTIMIZE TABLE t FINAL",
    "SYSTEM RELOAD DICTIONARY series_dict",
    "SYSTEM FLUSH LOGS",
    "KILL QUERY WHERE query_id = 'x'",
    "SET max_threads = 1",
    "BACKUP DATABASE k TO Disk('backups', '2026-01-01.full') SETTINGS base_backup = Disk('backups', 'a')",
    "RESTORE TABLE k.t AS k.u FROM Disk('backups', 'x')",
]


@pytest.mark.parametrize("sql", REFUSED)
def test_refused(sql: str) -> None:
    with pytest.raises(Refused):
        admit(parse(sql.encode()), TABLE_FUNCTIONS)


@pytest.mark.parametrize("sql", ALLOWED)
def test_allowed(sql: str) -> None:
    admit(parse(sql.encode()), TABLE_FUNCTIONS)


@pytest.mark.parametrize("sql", [s for s in ALLOWED if not s.lstrip("(").startswith(("SELECT", "WITH", "EXPLAIN", "DESCRIBE", "SHOW"))])
def test_readers_only_read(sql: str) -> None:
    with pytest.raises(Refused):
        admit(parse(sql.encode()), TABLE_FUNCTIONS, reader=True)


def test_a_function_nobody_has_looked_at_is_refused() -> None:
    with pytest.raises(Refused, match="newThing"):
        admit(parse(b"SELECT * FROM newThing(1)"), TABLE_FUNCTIONS | {"newthing"})
