"""Scheduled queries: what is refused, which samples rows become, and that nothing a query does stops the others."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import msgspec
import pytest

from kizashi.clock import ManualClock
from kizashi.contracts import codec, topics
from kizashi.contracts.findings import ConfigChange
from kizashi.contracts.inputs import SampleIn
from kizashi.errors import BusUnavailable, ConfigurationError, InvalidMessage, StoreUnavailable
from kizashi.store.client import StoreError
from kizashi.stream.config import ConfigState, sign
from services.gateway.problems import Problem
from services.gateway.queries import Statement
from services.gateway.query_samples import MOST, MOST_ROWS, Reach, admitted, check_room, query_from, samples_of
from services.gateway.routes.queries import READABLE
from services.gateway.scheduled_queries import REPEAT_ERROR_MS, ScheduledQueries, Turn
from services.ingest.decode import decode

T0 = 1_772_000_040_000
"""A whole minute."""
KEY = b"k" * 32
SQL = "SELECT entity AS queue, count() AS n FROM v_tickets_at_risk WHERE p_late > 0.8 GROUP BY queue"
REACH = Reach("default", READABLE, "kizashi")
BODY: dict[str, Any] = {"metric": "tickets.late", "sql": SQL}


def table(*rows: list[Any], kinds: tuple[str, ...] = ("LowCardinality(String)", "UInt64")) -> bytes:
    names = ("queue", "n", "more")
    return msgspec.json.encode({"meta": [{"name": n, "type": k} for n, k in zip(names, kinds, strict=False)], "data": list(rows)})


class Store:
    """Answers what it was told to, or raises it."""

    def __init__(self, answers: dict[str, bytes | Exception]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str, str, int, str]] = []

    async def raw(self, tenant: str, statement: Statement, values: None, form: str, asker: str = "") -> bytes:
        assert values is None
        self.asked.append((tenant, statement.sql, form, statement.most_rows, asker))
        found = self.answers[asker.removeprefix("query ")]
        if isinstance(found, Exception):
            raise found
        return found


class Bus:
    """Keeps what was sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, int, bytes | None, bytes]] = []
        self.away = False

    async def send(self, topic: str, partition: int, key: bytes | None, value: bytes) -> int:
        if self.away:
            raise BusUnavailable("Kafka is away")
        self.sent.append((topic, partition, key, value))
        return len(self.sent)


class House:
    """A runner with its doors."""

    def __init__(self, answers: dict[str, bytes | Exception]) -> None:
        self.store, self.bus, self.clock, self.config = Store(answers), Bus(), ManualClock(T0), ConfigState(KEY)
        self.runner = ScheduledQueries(self.config, self.store, self.bus, self.clock, REACH, 12)

    def put(self, id_: str, body: dict[str, Any] | None, tenant: str = "default") -> None:
        based_on = len(self.config.versions("query", id_, tenant))
        change = ConfigChange("query", id_, based_on, body, "mika", T0, f"{tenant}-{id_}-{based_on}", tenant=tenant)
        assert self.config.apply(codec.encode(sign(change, KEY))) is not None

    def problems(self) -> dict[str, str]:
        return {id_: turn.problem for (_, id_), turn in self.runner.last.items() if turn.problem}

    def turn(self, seconds: float = 60.0) -> None:
        self.clock.advance(seconds)
        asyncio.run(self.lanes())

    async def lanes(self) -> None:
        """What ``begin`` started, to its end."""
        await asyncio.gather(*self.runner.begin())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"metric": ""}, r"\$.metric"), ({"metric": "a b"}, r"\$.metric"), ({"every_s": 5}, r"\$.every_s"), ({"every_s": True}, "every_s"),
        ({"sq": ""}, "sq"), ({"sql": "DROP TABLE samples"}, r"\$.sql"), ({"sql": "SELECT 1 FROM system.users"}, r"\$.sql"),
        ({"sql": "SELECT * FROM url('http://x')"}, r"\$.sql"), ({"sql": f"{SQL} SETTINGS max_rows_to_read = 0"}, r"\$.sql"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        admitted(query_from(BODY | change), REACH, "default")


def test_rows_become_samples_of_the_turn() -> None:
    kinds = ("LowCardinality(Nullable(String))", "Nullable(Decimal(9, 2))")
    data = table(["first line", 3], [None, "4.5"], ["none", None], ["odd", "nan"], kinds=kinds)
    found = samples_of(query_from(BODY | {"unit": "tickets"}), data, T0)
    assert found == [
        SampleIn("tickets.late", 3.0, T0, {"queue": "first line"}, "tickets"), SampleIn("tickets.late", 4.5, T0, {}, "tickets"),
    ]  # fmt: skip
    assert samples_of(query_from(BODY), table(), T0) == []


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{", "cannot be read"), (table(["a", "b"], kinds=("String", "String")), "0 columns of numbers"),
        (table(["a", 1, 2], kinds=("String", "UInt8", "Float64")), "2 columns of numbers"),
        (table(["a", 1, "2026-01-01"], kinds=("String", "UInt8", "Date")), "column more is Date"),
        (table(["a", 1], ["a", 2]), "two rows"), (table(*([f"{k}", 1] for k in range(MOST_ROWS + 1))), "up to 1000"),
    ],
)  # fmt: skip
def test_answers_that_are_no_samples(data: bytes, said: str) -> None:
    with pytest.raises(InvalidMessage, match=said):
        samples_of(query_from(BODY), data, T0)


def test_a_query_is_asked_once_a_turn_and_two_replicas_say_the_same() -> None:
    one, two = House({"late": table(["a", 3])}), House({"late": table(["a", 3])})
    for house, lag_s in ((one, 0.5), (two, 20.0)):
        house.put("late", BODY)
        house.turn(0.0)
        assert house.store.asked == [], "seen for the first time it waits for its next turn"
        house.turn(60.0 + lag_s)
        house.turn(1.0)
    assert one.store.asked == [("default", SQL, "JSONCompact", MOST_ROWS, "query late")]
    assert one.bus.sent == two.bus.sent and len(one.bus.sent) == 1, "the second replica's are repeats"
    topic, partition, _key, value = one.bus.sent[0]
    (sample,), bad = decode(value)
    assert (topic, sample.metric, sample.value, sample.ts, bad) == (topics.METRICS.name, "tickets.late", 3.0, T0 + 60_000, [])
    assert 0 <= partition < 12
    one.turn(180.0)
    assert len(one.bus.sent) == 2, "turns that were missed are not made up for"


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Problem(422, "the question is too big"), "too big"), (StoreUnavailable("ClickHouse is away"), "away"),
        (StoreError("no such column", 47), "no such column"), (ZeroDivisionError("a bug"), "a bug"),
        (table(["a", 1], ["a", 2]), "two rows"),
    ],
)  # fmt: skip
def test_a_query_that_fails_is_told_and_stops_nobody(error: Any, outcome: str) -> None:
    house = House({"a-bad": error, "good": table(["a", 3])})
    for id_ in ("a-bad", "good"):
        house.put(id_, BODY)
    house.turn(0.0)
    house.turn()
    assert [key for _t, _p, key, _v in house.bus.sent] == [b"good"] and outcome in house.problems()["a-bad"]
    house.store.answers["a-bad"] = table(["a", 1])
    house.turn()
    assert house.problems() == {} and len(house.bus.sent) == 3


def test_the_same_reason_is_logged_again_only_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    class Log:
        def warning(self, _event: str, **what: Any) -> None:
            said.append(what["error"])

    monkeypatch.setattr("services.gateway.scheduled_queries.logger", Log)
    house = House({"late": table(["a", 3])})
    house.put("late", BODY)
    house.turn(0.0)
    house.bus.away = True
    for _ in range(REPEAT_ERROR_MS // 60_000 + 1):
        house.turn()
    assert len(said) == 2 and "Kafka is away" in said[0]
    house.bus.away = False
    house.turn()
    assert house.problems() == {}


def test_what_the_last_turn_gave_is_kept() -> None:
    house = House({"late": table(["a", 3], ["b", 4]), "none": table()})
    house.put("late", BODY)
    house.put("none", BODY)
    house.turn(0.0)
    assert house.runner.last == {}
    house.turn()
    kept = {id_: turn for (_, id_), turn in house.runner.last.items()}
    assert kept == {"late": Turn(T0 + 60_000, "published", 2), "none": Turn(T0 + 60_000, "empty")}


def test_a_tenant_reads_its_own_rows_and_fills_its_own_topic() -> None:
    house = House({"late": table(["a", 3])})
    house.put("late", BODY, tenant="acme")
    house.put("spy", {**BODY, "sql": "SELECT max(value) AS v FROM samples"}, tenant="acme")
    house.put("hashes", {**BODY, "sql": "SELECT count() AS n FROM v_config"}, tenant="acme")
    house.turn(0.0)
    house.turn()
    ((tenant, sql, *_),) = house.store.asked
    assert tenant == "acme" and "FROM (SELECT * FROM kizashi.v_tickets_at_risk WHERE tenant = 'acme') AS v_tickets_at_risk" in sql
    assert [topic for topic, *_ in house.bus.sent] == [f"{topics.METRICS.name}.acme"]
    assert set(house.problems()) == {"spy", "hashes"}, "tables hold every tenant's rows, configuration holds hashes"


def test_disabled_deleted_and_broken_queries_are_not_asked() -> None:
    house = House({"late": table(["a", 3])})
    house.put("late", BODY | {"enabled": False})
    house.put("broken", {"metric": 7, "every_s": "often"})
    house.turn(0.0)
    house.turn()
    assert house.store.asked == [] and list(house.problems()) == ["broken"]
    house.put("late", BODY)
    house.put("broken", None)
    house.turn()
    assert len(house.store.asked) == 1 and house.problems() == {}
    house.put("late", None)
    house.turn()
    assert len(house.store.asked) == 1


class Slow(Store):
    """Answers one tenant only after a while, which may be never."""

    def __init__(self, answers: dict[str, bytes | Exception], slow: str) -> None:
        super().__init__(answers)
        self.slow, self.reached, self.go = slow, asyncio.Event(), asyncio.Event()

    async def raw(self, tenant: str, statement: Statement, values: None, form: str, asker: str = "") -> bytes:
        found = await super().raw(tenant, statement, values, form, asker)
        if tenant == self.slow:
            self.reached.set()
            await self.go.wait()
        return found


async def test_a_tenant_whose_queries_hang_holds_up_nobody_else() -> None:
    house = House({})
    slow = house.runner.answers = Slow({"late": table(["a", 3])}, "a-hangs")
    for tenant in ("a-hangs", "b-works"):
        house.put("late", BODY, tenant)
    await house.lanes()
    house.clock.advance(60.0)
    hanging, working = house.runner.begin()
    await asyncio.wait_for(asyncio.gather(working, slow.reached.wait()), 30.0)
    assert [topic for topic, *_ in house.bus.sent] == [f"{topics.METRICS.name}.b-works"] and not hanging.done()
    house.clock.advance(60.0)
    await asyncio.wait_for(house.lanes(), 5.0)
    assert len(house.bus.sent) == 2 and not hanging.done()
    assert [tenant for tenant, *_ in slow.asked].count("a-hangs") == 1, "its next turn starts when its last is done"
    slow.go.set()
    await hanging
    await house.lanes()
    assert [topic for topic, *_ in house.bus.sent].count(f"{topics.METRICS.name}.a-hangs") == 2


async def test_the_lanes_end_with_their_runner() -> None:
    house = House({})
    slow = house.runner.answers = Slow({"late": table(["a", 3])}, "a")
    house.put("late", BODY, "a")
    await house.lanes()
    house.clock.advance(60.0)
    running = asyncio.create_task(house.runner.run())
    await asyncio.wait_for(slow.reached.wait(), 5.0)
    before = {task for task in asyncio.all_tasks() if task.get_name() == "queries of a"}
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert before and all(task.cancelled() for task in before)


def test_the_sql_of_a_version_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def reading(query: Any, reach: Reach, tenant: str) -> str:
        assert threading.current_thread() is not threading.main_thread(), "the loop is for everybody"
        read.append(query.sql)
        return admitted(query, reach, tenant)

    monkeypatch.setattr("services.gateway.scheduled_queries.admitted", reading)
    house, bad = House({"late": table(["a", 3])}), {**BODY, "sql": "SELECT 1 FROM system.users"}
    house.put("late", BODY)
    house.put("spy", bad)
    for _ in range(4):
        house.turn()
    assert read == [SQL, bad["sql"]] and len(house.bus.sent) == 3 and "spy" in house.problems()
    house.put("late", BODY | {"sql": f"{SQL} LIMIT 3"})
    house.put("spy", BODY)
    house.store.answers["spy"] = table(["a", 3])
    house.turn()
    assert read[2:] == [f"{SQL} LIMIT 3", SQL] and house.problems() == {}


def test_a_tenant_keeps_so_many_queries() -> None:
    house = House({})
    house.put("late", BODY)
    check_room(MOST - 1, None)
    check_room(MOST, house.config.get("query", "late", "default"))
    with pytest.raises(ConfigurationError, match=str(MOST)):
        check_room(MOST, None)
