"""Every list that the route table has, as JSON, NDJSON, Arrow and CSV: the same rows, described, with the cursor in a header."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from kizashi.contracts.ids import format_series_id
from services.gateway.exports import ARROW, CSV, NDJSON
from tests.pipeline.gateway.house import House
from tests.pipeline.gateway.test_tenants import MARK, concrete, plant, readable

pytestmark = pytest.mark.pipeline
INNER = {f"/api/v1/alerts/{name}" for name in ("groups", "rules", "silences", "maintenance")}
"""Asked of alerting, which does not run here."""


async def test_every_list_comes_in_every_form(gateway: House) -> None:
    series = format_series_id(plant(gateway))
    wide: dict[str, Any] = {"from": "now-1d", "series": [series], "entity": f"{MARK}-a", "limit": 2}
    seen: dict[str, int] = {}
    async with gateway.client("default/read+operate+admin") as client:
        described = (await client.get("/api/v1/openapi.json")).json()["paths"]
        answers = {
            path: item["get"]["responses"]["200"] for path, item in described.items() if "200" in item.get("get", {}).get("responses", {})
        }
        lists = {path for path, answer in answers.items() if ARROW in answer.get("content", {})}
        for path in readable():
            if path.startswith("/alertmanager/"):
                continue
            place = concrete(path, series)
            answer = await client.get(place, params=wide)
            page = answer.json() if answer.headers["content-type"].startswith("application/json") else None
            if not isinstance(page, dict) or "items" not in page:
                continue
            assert path in lists, f"{path} gives a list and does not say so"
            items = page["items"]
            lines = await client.get(place, params=wide, headers={"Accept": NDJSON})
            assert lines.headers["content-type"].startswith(NDJSON), path
            assert len(lines.text.splitlines()) == len(items), path
            arrow = await client.get(place, params=wide, headers={"Accept": f"{ARROW}, */*;q=0.1"})
            assert arrow.headers["content-type"] == ARROW, path
            table = pa.ipc.open_stream(arrow.content).read_all()
            names = list(dict.fromkeys(name for item in items for name in item))
            assert table.column_names == names and table.num_rows == (len(items) if names else 0), path
            sheet = await client.get(place, params={**wide, "format": "csv"}, headers={"Accept": ARROW})
            assert sheet.headers["content-type"].startswith(CSV) and sheet.text.split("\r\n")[0].count(",") == max(0, len(names) - 1), path
            for answer in (lines, arrow, sheet):
                assert answer.headers.get("x-next", None) == page.get("next"), path
                assert answer.headers["cache-control"] == "no-store" and "attachment" in answer.headers["content-disposition"]
            assert (await client.get(place, params={**wide, "format": "xml"})).status_code == 400, path
            seen[path] = len(items)
        assert lists - {"/api/v1/range"} <= seen.keys() | INNER | {p for p in lists if "{kind}" in p}, "asked all that are described"
        assert sum(1 for n in seen.values() if n) >= 8 and lists >= INNER
        rows = [json.loads(line) for line in (await client.get("/api/v1/edges", headers={"Accept": NDJSON})).text.splitlines()]
        assert rows == (await client.get("/api/v1/edges")).json()["items"] != []
