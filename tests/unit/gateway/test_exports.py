"""Lists as CSV, NDJSON and Arrow: nothing a spreadsheet would calculate, nothing lost, and the cursor in a header."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.gateway.exports import (
    ARROW,
    CSV,
    FORMULA,
    JSON,
    NDJSON,
    Listing,
    as_arrow,
    as_csv,
    as_ndjson,
    harmless,
    rendered,
    wanted,
)
from services.gateway.problems import Problem

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
    assert Listing(page, "x").body == page
    sheet = rendered(page, CSV, "episodes")
    assert sheet.headers["x-next"] == "abc" and sheet.headers["content-type"].startswith("text/csv") and sheet.body == b"id\r\n1\r\n"
    assert 'filename="kizashi-episodes.csv"' in sheet.headers["content-disposition"]
    assert rendered(page, NDJSON, "x").body == b'{"id":1}\n'


@pytest.mark.parametrize(
    ("accept", "named", "form"),
    [
        ("", "", JSON), ("*/*", "", JSON), ("text/html,*/*;q=0.8", "", JSON), ("application/json, text/csv", "", JSON),
        ("TEXT/CSV", "", CSV),
        ("text/csv;q=0, application/x-ndjson", "", NDJSON), (f"{ARROW}; q=1", "json", JSON), (JSON, "arrow", ARROW), (";;,,", "", JSON),
    ],
)  # fmt: skip
def test_the_form_is_the_named_one_or_the_first_that_is_accepted(accept: str, named: str, form: str) -> None:
    assert wanted(accept, named) == form


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(Problem, match="json, csv, ndjson, arrow"):
        wanted("", "xml")


def read(items: list[dict[str, Any]]) -> pa.Table:
    return pa.ipc.open_stream(as_arrow(items)).read_all()


def test_arrow_columns_have_the_type_of_their_values() -> None:
    items: list[dict[str, Any]] = [
        {"a": 1, "b": 1, "c": "x", "d": True, "e": [1], "f": 1 << 63, "g": None},
        {"a": None, "b": 0.5, "d": None, "e": {"k": "v"}, "f": 1},
    ]
    table = read(items)
    assert [str(f.type) for f in table.schema] == ["int64", "double", "string", "bool", "string", "string", "bool"]
    assert table["e"].to_pylist() == ["[1]", '{"k":"v"}'] and table["f"].to_pylist() == [str(1 << 63), "1"]
    assert table["a"].to_pylist() == [1, None] and table["c"].to_pylist() == ["x", None]
    assert read([]).num_rows == 0


VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()


@settings(deadline=None)  # the first one imports pyarrow
@given(st.lists(st.dictionaries(st.sampled_from("ab"), VALUES, min_size=1), max_size=4))
def test_any_list_becomes_arrow_with_a_row_an_item(items: list[dict[str, Any]]) -> None:
    assert read(items).num_rows == len(items)


@pytest.mark.parametrize("page", [b"{}", b"no JSON", b'{"items":3}'])
async def test_what_is_no_list_is_a_problem_and_not_a_crash(page: bytes) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("nothing is read")

    scope = {"type": "http", "headers": [(b"accept", CSV.encode())], "query_string": b""}
    await Listing(page, "x")(scope, receive, send)
    assert sent[0]["status"] == 503 and b"cannot be read" in sent[1]["body"]
