"""The caches are warm when people come: the overview, and the charts of a dashboard that somebody starred."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from kizashi.cache import MemoryCache
from kizashi.clock import ManualClock
from kizashi.settings import KafkaSettings, StoreSettings
from services.gateway.answers import Answers
from services.gateway.openings import KIND, Board, Openings
from services.gateway.settings import GatewaySettings
from tests.pipeline.gateway.house import House, house, unique_labels

pytestmark = pytest.mark.pipeline
BOARD = {"title": "b", "from": "now-6h", "panels": [{"id": "p", "query": {"metric": "warm.cpu", "limit": 8}}, {"id": "q", "query": {}}]}


async def asked(running: House) -> list[str]:
    running.store.command("SYSTEM FLUSH LOGS")
    said = "SELECT log_comment FROM system.query_log WHERE log_comment LIKE 'gateway/%' AND current_database = {db:String}"
    return [str(row[0]) for row in running.store.query(said, {"db": running.settings.store.database}).rows]


async def test_a_new_gateway_asks_for_what_people_will_ask(kafka: KafkaSettings, clickhouse: StoreSettings, tmp_path: Path) -> None:
    async with house(kafka, clickhouse, tmp_path) as first:
        number = first.add_series("default", "warm.cpu", unique_labels())
        first.add_samples([number], round(time.time() * 1_000) - 60_000, 1_000, 30)
        async with first.client("default/read+operate") as person:
            assert (await person.put("/api/v1/config/dashboard/b", json=BOARD)).status_code == 201
            assert (await person.put("/api/v1/config/view/likes-mika", json={"stars": ["b", "gone", 7]})).status_code == 201
        assert not any("range." in a for a in await asked(first)), "nobody has looked at a chart"
    async with house(kafka, clickhouse, tmp_path, GatewaySettings(warm=True)) as second:
        async with asyncio.timeout(30):
            while not any("range." in a for a in await asked(second)):  # noqa: ASYNC110  # the store has no event to wait for
                await asyncio.sleep(0.2)
        assert any("overview." in a for a in await asked(second))


async def test_openings_of_four_weeks_are_more_rows_than_an_answer_may_have_and_are_learned(gateway: House) -> None:
    day, hour = 86_400, 3_600
    clock = ManualClock(round(time.time()) // day * day * 1_000)
    hours = ",".join("1" if n == 7 else "0" for n in range(24))
    for body, rows in ((f'{{"board":"main","hours":[{hours}]}}', 10_050), ("{broken", 3), ('{"board":"main","hours":[9]}', 3)):
        gateway.store.command(
            "INSERT INTO analyses (tenant, kind, id, inputs, made_at, expires, cost_ms, body) "
            f"SELECT 'acme', '{KIND}', concat('{len(body)}/', toString(number)), '', now64(3), now() + 99999, 0, '{body}' "
            f"FROM numbers({rows})"
        )
    near = MemoryCache(clock)
    answers = Answers(gateway.store, near, near, GatewaySettings())
    warmed: list[Board] = []

    async def warm(board: Board) -> bool:
        warmed.append(board)
        return True

    one, other = Openings(clock, answers), Openings(clock, answers)
    await one.turn([("acme", "main")], warm)
    assert one.peak("acme", "main") == 7 and not warmed
    clock.advance(7 * hour - 60)
    await one.turn([("acme", "main"), ("acme", "late")], warm)
    assert warmed == [("acme", "main")]
    for _ in range(3):
        one.opened("acme", "late")
    await one.flush()
    await other.turn([("acme", "late")], warm)
    assert other.peak("acme", "late") == 6, "another replica reads what this one wrote"
    answers.close()
