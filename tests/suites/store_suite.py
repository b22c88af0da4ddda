"""What every ClickHouse behind our door must do. Run by tests/suites/test_store.py on the embedded server and on a real one."""

from __future__ import annotations

import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import clickhouse_connect
import numpy as np
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from kizashi.errors import NotFound, Refused, StoreUnavailable
from kizashi.settings import StoreSettings
from kizashi.store import watermarks
from kizashi.store.blocks import Block
from kizashi.store.client import Store, StoreError, connect
from kizashi.store.migrate import migrate
from kizashi.store.watermarks import Watermark

MS = "DateTime64(3, 'UTC')"


class StoreSuite:
    """Subclasses give ``clickhouse``: settings with an empty database name of the test's own."""

    @pytest.fixture
    def store(self, clickhouse: StoreSettings) -> Iterator[Store]:
        migrate(clickhouse)
        door = connect(clickhouse)
        yield door
        door.close()

    @pytest.fixture(params=[True, "zstd", "gzip", False], ids=["lz4", "zstd", "gzip", "plain"])
    def client(self, clickhouse: StoreSettings, request: pytest.FixtureRequest) -> Iterator[Client]:
        """The stock client with its own defaults, packed in each way."""
        first = connect(clickhouse, "default")
        first.command(f"CREATE DATABASE {clickhouse.database}")
        first.close()
        client = clickhouse_connect.get_client(
            host=clickhouse.host, port=clickhouse.port, username=clickhouse.user, password=clickhouse.password.get_secret_value(),
            database=clickhouse.database, compress=request.param,
        )  # fmt: skip
        yield client
        client.close()

    def test_stock_client_defaults(self, client: Client) -> None:
        client.command("CREATE TABLE t (id UInt64, s String, l LowCardinality(String), a Array(Float64)) ENGINE = MergeTree ORDER BY id")
        rows = [[1, "it's", "x", [1.5]], [2, "a\tb\\", "x", []], [3, "兆し", "y", [2.0, 3.0]]]
        assert client.insert("t", rows, column_names=["id", "s", "l", "a"]).written_rows == 3
        assert client.raw_insert("t", ["id", "s"], b"9\tnine\n", fmt="TabSeparated").written_rows == 1
        found = client.query("SELECT id, s, l, a FROM t WHERE id < {m:UInt64} ORDER BY id", parameters={"m": 9})
        assert [list(r) for r in found.result_rows] == rows
        for row in rows:
            assert client.query("SELECT id FROM t WHERE s = {s:String}", parameters={"s": row[1]}).result_rows == [(row[0],)]
        assert client.query_arrow("SELECT id FROM t ORDER BY id").column("id").to_pylist() == [1, 2, 3, 9]
        assert int(found.summary["read_rows"]) >= 3
        assert found.summary["query_id"]
        assert client.ping()

    def test_stock_client_streams(self, client: Client) -> None:
        with client.query_row_block_stream("SELECT number FROM numbers(300000)") as blocks:
            assert sum(len(block) for block in blocks) == 300_000
        with (
            pytest.raises(DatabaseError, match="395"),
            client.query_row_block_stream("SELECT throwIf(number = 2900000) FROM numbers(3000000)") as blocks,
        ):
            for _ in blocks:
                pass

    def test_stock_client_errors_have_clickhouse_codes(self, client: Client) -> None:
        for sql, code in (("SELECT * FROM nothing_here", 60), ("SELECT nope", 47), ("SELECT 1 2 3", 62), ("SELECT throwIf(1)", 395)):
            with pytest.raises(DatabaseError) as caught:
                client.query(sql)
            assert caught.value.code == code

    def test_settings_reach_one_query_only(self, client: Client) -> None:
        sql = "SELECT getSetting('max_block_size')"
        assert client.query(sql, settings={"max_block_size": 777}).result_rows == [(777,)]
        assert client.query(sql).result_rows != [(777,)]
        with pytest.raises(DatabaseError) as caught:
            client.query("SELECT sum(number) FROM numbers(1000000000)", settings={"max_rows_to_read": 1000})
        assert caught.value.code == 158

    def test_many_threads_do_not_mix(self, store: Store) -> None:
        def ask(k: int) -> bool:
            return store.query("SELECT {k:UInt64} * 2, {s:String}", {"k": k, "s": f"'{k}"}).rows == [(2 * k, f"'{k}")]

        with ThreadPoolExecutor(12) as pool:
            assert all(pool.map(ask, range(300)))

    def test_every_kind_of_column(self, store: Store) -> None:
        store.command(
            "CREATE TABLE k (u8 UInt8, u16 UInt16, u64 UInt64, f32 Float32, f64 Float64, ts DateTime64(3, 'UTC'), at DateTime('UTC'),"
            " day Date, s String, l LowCardinality(String), c LowCardinality(String), n Nullable(Float64), a Array(Float64),"
            " w Array(String), m Map(LowCardinality(String), String)) ENGINE = MergeTree ORDER BY u64"
        )
        block = (
            Block(3)
            .fixed("u8", "UInt8", np.array([0, 1, 255]))
            .constant("u16", "UInt16", 65_535)
            .fixed("u64", "UInt64", np.array([0, 1, 2**64 - 1], np.uint64))
            .fixed("f32", "Float32", np.array([0.5, np.nan, np.inf]))
            .fixed("f64", "Float64", np.array([1e308, -0.0, 5e-324]))
            .fixed("ts", MS, np.array([0, 1_700_000_000_123, -1]))
            .fixed("at", "DateTime('UTC')", np.array([0, 1, 4_000_000_000]))
            .fixed("day", "Date", np.array([0, 1, 20_000]))
            .text("s", ["", "兆し", "x" * 300])
            .text("l", ["a", "b", "a"])
            .repeated("c", "same")
            .nullable("n", "Float64", [None, 1.5, None])
            .arrays("a", "Float64", [[], [1.0], [2.0, 3.0]])
            .text_arrays("w", [["x"], [], ["y", "z"]])
            .maps("m", [{}, {"b": "2", "a": "1"}, {"k": "v"}])
        )
        assert store.insert_block("k", block) == 3
        row = store.query("SELECT * FROM k WHERE u64 = 1").dicts()[0]
        assert (row["ts"].timestamp() if row["ts"].tzinfo else row["ts"].isoformat()) == "2023-11-14T22:13:20.123000"
        assert (row["s"], row["l"], row["c"], row["n"], row["a"], row["w"]) == ("兆し", "b", "same", 1.5, [1.0], [])
        assert row["m"] == {"a": "1", "b": "2"}
        assert np.isnan(row["f32"]) and row["f64"] == 0.0
        assert store.query("SELECT max(u64), max(length(s)), min(n) FROM k").rows == [(2**64 - 1, 300, 1.5)]

    def test_errors_mean_what_they_say(self, store: Store, clickhouse: StoreSettings) -> None:
        with pytest.raises(NotFound):
            store.query("SELECT * FROM nothing_here")
        with pytest.raises(StoreError) as caught:
            store.query("SELECT nope")
        assert caught.value.code == 47
        with pytest.raises(StoreUnavailable):
            connect(clickhouse.model_copy(update={"port": 1}))
        with pytest.raises(Refused):
            connect(clickhouse.model_copy(update={"user": "nobody"}))

    def test_credentials_are_required(self, clickhouse: StoreSettings) -> None:
        base = f"http://{clickhouse.host}:{clickhouse.port}/"
        with urllib.request.urlopen(f"{base}ping", timeout=10) as answer:
            assert answer.read() == b"Ok.\n"
        wrong = {"Authorization": "Basic " + b64encode(f"{clickhouse.user}:wrong".encode()).decode()}
        for headers in ({}, wrong, {"X-ClickHouse-User": clickhouse.user, "X-ClickHouse-Key": "wrong"}):
            with pytest.raises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(urllib.request.Request(f"{base}?user=x&query=SELECT%201", headers=headers), timeout=10)
            with caught.value:
                assert caught.value.code in (401, 403)
                assert caught.value.headers["X-ClickHouse-Exception-Code"] in ("516", "194", "193")

    def test_the_log_of_queries_says_who_asked(self, store: Store, clickhouse: StoreSettings) -> None:
        me, other, agent = (f"{word}-{clickhouse.database}" for word in ("me", "other", "agent"))
        door = connect(clickhouse, asker=me)
        door.command("CREATE TABLE asked (a UInt8) ENGINE = MergeTree ORDER BY a")
        assert door.insert_block("asked", Block(1).constant("a", "UInt8", 1)) == 1
        assert door.query("SELECT count() FROM asked").rows == [(1,)]
        assert door.query_bytes("SELECT 1 FROM asked", "TSV", settings={"log_comment": other}) == b"1\n"
        door.close()
        basic = b64encode(f"{clickhouse.user}:{clickhouse.password.get_secret_value()}".encode()).decode()
        headers = {"Authorization": f"Basic {basic}", "User-Agent": agent}
        url = f"http://{clickhouse.host}:{clickhouse.port}/?database={clickhouse.database}&query=SELECT%20a%20FROM%20asked"
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
            assert answer.read() == b"1\n"
        store.command("SYSTEM FLUSH LOGS")
        asked = "SELECT DISTINCT if(log_comment != '', log_comment, http_user_agent) AS who, query_kind FROM system.query_log"
        found = store.query(
            f"{asked} WHERE type = 'QueryFinish' AND query_kind != 'Set' AND endsWith(who, {{d:String}})", {"d": clickhouse.database}
        ).rows
        wanted = {(me, "Create"), (me, "Insert"), (me, "Select"), (other, "Select"), (agent, "Select")}
        assert set(found) == wanted, found
        connecting = store.query(f"{asked} WHERE startsWith(who, {{w:String}})", {"w": f"{me} clickhouse-connect/"}).rows
        assert [kind for _who, kind in connecting if kind == "Select"] == ["Select"], "what a client asks to connect is named too"

    def test_migrations_run_once(self, clickhouse: StoreSettings) -> None:
        assert migrate(clickhouse) != []
        assert migrate(clickhouse) == []

    def test_views_hold_the_contract(self, store: Store) -> None:
        wanted = {
            "v_metrics": "time service metric value tenant",
            "v_scores": "tenant series_id time metric labels value score expected lower upper state",
            "v_episodes": "time timeEnd tenant id series_id metric state kind severity peak_score",
            "v_forecast": "time series_id metric mean lower upper",
            "v_risk": "time entity kind probability eta",
            "v_slo": "time entity title objective good budget_left probability eta burn_1h burn_3d firing",
            "v_tickets_at_risk": "time entity title promise p_late share_used due because firing",
            "v_runs_out": "time entity title value threshold eta eta_low eta_high probability growth_a_day series_id",
            "v_forecast_errors": "time series_id made ahead actual mean error inside pinball",
            "v_forecast_track": "made series_id metric model steps_ahead step_ms mean_absolute_error",
            "v_incidents": "time id state severity title cause blast",
            "v_annotations": "time timeEnd title text tags",
            "v_edges": "id source target mainstat",
            "v_changes": "time timeEnd entity title kind outcome incident probability",
            "v_cause_accuracy": "time incident cause place top1 top3",
            "v_nodes": "id title mainstat",
            "v_alerts": "time id state rule severity title",
            "v_patterns": "series_id season_s trend slope_per_day",
        }
        for view, columns in wanted.items():
            names = {row[0] for row in store.query(f"DESCRIBE TABLE {view}").rows}
            assert set(columns.split()) <= names
            store.query(f"SELECT * FROM {view} LIMIT 1")

    def test_a_change_has_an_outcome_and_a_verdict_a_place(self, store: Store) -> None:
        def event(kind: str, id: str, source: str, body: str) -> None:
            store.command(
                "INSERT INTO events (tenant, ts, id, type, entity, title, source, body, written) VALUES "
                "('default', toDateTime64(60, 3), {id:String}, {kind:String}, 'db', 'db 8.4', {source:String}, {body:String}, now64(3))",
                {"id": id, "kind": kind, "source": source, "body": body},
            )

        event("change", "deploy-1", "", '{"attributes": {"kind": "deploy", "author": "mika"}}')
        event("change", "deploy-2", "", '{"attributes": {"kind": "flag"}}')
        said = '{"attributes": {"change": "deploy-1", "outcome": "suspected", "incident": "incident-1", "probability": 0.75}}'
        event("annotation", "outcome-deploy-1", "rca", said)
        found = store.query("SELECT id, kind, author, outcome, incident, probability FROM v_changes ORDER BY id").rows
        assert found == [("deploy-1", "deploy", "mika", "suspected", "incident-1", 0.75), ("deploy-2", "flag", "", "pending", "", 0.0)]

        store.command(
            "INSERT INTO incidents (tenant, opened, id, version, state, body) VALUES ('default', toDateTime64(70, 3), 'incident-1', 2, "
            "'open', {body:String})",
            {"body": '{"said": ["cart", "deploy-1"]}'},
        )
        for second, target, verdict, undo in ((1, "deploy-1", "cause", 0), (2, "cart", "cause", 0), (3, "cart", "cause", 1)):
            store.command(
                "INSERT INTO feedback (tenant, made, id, target, verdict, author, undo, body) VALUES "
                "('default', toDateTime64({at:UInt32}, 3), {id:String}, {target:String}, {verdict:String}, 'mika', {undo:UInt8}, '{}')",
                {"at": 80 + second, "id": f"f{second}", "target": f"incident-1/{target}", "verdict": verdict, "undo": undo},
            )
        judged = store.query("SELECT incident, cause, place, top1, top3 FROM v_cause_accuracy").rows
        assert judged == [("incident-1", "deploy-1", 2, 0, 1)]

    def test_notes_are_annotations_in_the_version_that_stands(self, store: Store) -> None:
        def change(id: str, offset: int, based_on: int, title: str, deleted: int = 0) -> None:
            body = "null" if deleted else f'{{"at_ms": 60000, "until_ms": 90000, "title": "{title}", "tags": ["sale"]}}'
            store.command(
                "INSERT INTO config_log (tenant, kind, id, src_offset, based_on, deleted, author, made, change_id, body, written) VALUES "
                "('noted', 'annotation', {id:String}, {offset:UInt64}, {based_on:UInt32}, {deleted:UInt8}, 'mika', now64(3), '', "
                "{body:String}, now64(3))",
                {"id": id, "offset": offset, "based_on": based_on, "deleted": deleted, "body": body},
            )

        change("a", 1, 0, "first")
        change("a", 2, 1, "second")
        change("a", 3, 1, "came too late")
        change("b", 4, 0, "gone")
        change("b", 5, 1, "", deleted=1)
        asked = "SELECT toUnixTimestamp(time), toUnixTimestamp(timeEnd), title, tags FROM v_annotations WHERE tenant = 'noted'"
        assert store.query(asked).rows == [(60, 90, "second", ["note", "mika", "sale"])]

    def test_repeats_do_not_count_and_the_first_wins(self, store: Store) -> None:
        store.insert_block("series", _series(7, "cpu"))
        store.command("SYSTEM RELOAD DICTIONARY series_dict")
        for version, value in ((9, 1.0), (5, 2.0), (0, 3.0)):
            store.insert_block("samples", _samples(7, [1_000, 2_000], value, version))
        found = store.query("SELECT series_id, metric, tenant, value FROM v_scores ORDER BY time").rows
        assert found == [("0000000000000007", "cpu", "default", 1.0)] * 2
        assert store.query("SELECT count() FROM v_metrics WHERE metric = 'cpu' AND service = 'shop'").rows == [(2,)]
        assert store.query("SELECT count() FROM v_scores WHERE sid = 7").rows == [(2,)]

    def test_the_same_block_again_is_written_once(self, store: Store) -> None:
        block = _samples(1, [1, 2, 3], 1.0, 1)
        for _ in range(3):
            store.insert_block("samples", block, token="block-1")
        assert store.query("SELECT count() FROM samples").rows == [(3,)]

    def test_watermarks_and_what_landed_above_them(self, store: Store) -> None:
        marks = [
            Watermark("t", 2, "samples", "2026-01-01", 5),
            Watermark("t", 2, "samples", "2026-01-01", 9),
            Watermark("u", 2, "samples", "2026-01-01", 3),
        ]
        for mark in marks:
            watermarks.write(store, [mark])
        known = watermarks.read(store, "samples", 2)
        assert {t: m.next_offset for t, m in known.items()} == {"t": 9, "u": 3}
        assert watermarks.read(store, "samples", 3) == {}
        assert watermarks.landed(store, 2, known) == {}
        store.insert_block("samples", _samples(1, [1, 2], 1.0, 1, offset=11, partition=2))
        assert watermarks.landed(store, 2, known) == {"topic": 12}

    def test_a_cut_block_lands_nothing(self, store: Store) -> None:
        whole = _samples(1, list(range(1000)), 1.0, 1).encode()

        class Half(Block):
            def encode(self, statement: bytes = b"") -> bytes:
                return statement + whole[: len(whole) // 2]

        half = Half(1000, _samples(1, [1], 1.0, 1).names)
        with pytest.raises((StoreError, StoreUnavailable)):
            store.insert_block("samples", half)
        assert store.query("SELECT count() FROM samples").rows == [(0,)]

    def test_readers_do_not_wait_for_a_slow_one(self, store: Store, clickhouse: StoreSettings) -> None:
        token = b64encode(f"{clickhouse.user}:{clickhouse.password.get_secret_value()}".encode()).decode()
        query = "SELECT%20number,%20repeat('x',1000)%20FROM%20numbers(200000)%20FORMAT%20TSV"
        slow = [
            urllib.request.urlopen(
                urllib.request.Request(
                    f"http://{clickhouse.host}:{clickhouse.port}/?query={query}", headers={"Authorization": f"Basic {token}"}
                ),
                timeout=30,
            )
            for _ in range(16)
        ]
        try:
            with ThreadPoolExecutor(1) as pool:
                assert pool.submit(store.query, "SELECT 1").result(timeout=10).rows == [(1,)]
            assert slow[0].read(10) == b"0\txxxxxxxx"
        finally:
            for answer in slow:
                answer.close()


def _series(series: int, metric: str) -> Block:
    return (
        Block(1)
        .fixed("series_id", "UInt64", np.array([series]))
        .text("tenant", ["default"]).text("metric", [metric]).maps("labels", [{"service": "shop"}])
        .text("service", ["shop"]).text("host", [""]).text("unit", ["%"]).text("kind", ["gauge"])
        .constant("seen", MS, 1_000)
    )  # fmt: skip


def _samples(series: int, ts: list[int], value: float, version: int, offset: int = 0, partition: int = 0) -> Block:
    n = len(ts)
    return (
        Block(n)
        .constant("series_id", "UInt64", series).fixed("ts", MS, np.array(ts)).constant("value", "Float64", value)
        .constant("version", "UInt64", version).repeated("src_topic", "topic").constant("src_partition", "UInt16", partition)
        .constant("src_offset", "UInt64", offset).constant("landed_at", "DateTime('UTC')", 1_800_000_000)
    )  # fmt: skip
