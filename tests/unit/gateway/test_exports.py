"""Lists as CSV and NDJSON: nothing a spreadsheet would calculate, nothing lost, and the cursor in a header."""

from __future__ import annotations

import csv
import io
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.exports import FORMULA, as_csv, as_ndjson, harmless, listing

CORPUS = [
    "=1+1", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0", "\t=1", "\r=1", "=HYPERLINK(\"https://x\",\"y\")", "%0A=1", "|calc", "-2+3",
]  # fmt: skip


@pytest.mark.parametrize("text", CORPUS)
def test_formulas_become_text(text: str) -> None:
    assert harmless(text) == "'" + text
    (cells,) = list(csv.reader(io.StringIO(as_csv([{"a": text}]).decode(), newline="")))[1:]
    assert cells == ["'" + text]


@given(st.lists(st.dictionaries(st.sampled_from(["a", "b", "c"]), st.text() | st.integers() | st.none() | st.lists(st.text())), max_size=5))
def test_no_cell_begins_as_a_formula_and_every_item_has_a_line(items: list[dict[str, object]]) -> None:
    lines = list(csv.reader(io.StringIO(as_csv(items).decode(), newline="")))
    for item, line in zip(items, lines[1:], strict=False):
        for name, cell in zip(lines[0], line, strict=True):
            if not isinstance(item.get(name), int):
                assert not cell.startswith(FORMULA)
    assert [json.loads(line) for line in as_ndjson(items).splitlines()] == items


def test_the_next_page_is_named_in_a_header() -> None:
    page = msgspec.json.encode({"items": [{"id": 1}], "next": "abc"})
    assert listing(page, "json", "x").body == page
    sheet = listing(page, "csv", "episodes.list")
    assert sheet.headers["x-next"] == "abc" and sheet.headers["content-type"].startswith("text/csv") and sheet.body == b"id\r\n1\r\n"
    assert listing(page, "ndjson", "x").body == b'{"id":1}\n'
