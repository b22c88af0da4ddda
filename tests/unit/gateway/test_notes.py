"""Notes on charts: what is taken, what is refused, and which are in a range."""

from __future__ import annotations

from typing import Any

import pytest

from kizashi.errors import ConfigurationError
from kizashi.stream.config import ConfigObject
from services.gateway import notes

SERIES = "00000000000000ff"


def stored(id_: str, **body: Any) -> ConfigObject:
    return ConfigObject("annotation", id_, "default", 3, {"title": id_, **body}, "mika", 9)


def test_a_note_is_shown_with_its_end_author_and_version() -> None:
    moment, stretch = stored("a", at_ms=1_000, tags=["x"], series=[SERIES]), stored("b", at_ms=500, until_ms=2_000)
    assert notes.noted(moment) == {
        "at_ms": 1_000, "end_ms": 1_000, "kind": "note", "entity": "", "title": "a", "text": "", "id": "a", "tags": ["x"],
        "series": [SERIES], "author": "mika", "version": 3, "made_at_ms": 9,
    }  # fmt: skip
    assert notes.noted(stretch)["end_ms"] == 2_000


def test_those_that_touch_the_range_are_found_newest_first() -> None:
    kept = [
        stored("moment", at_ms=1_000),
        stored("stretch", at_ms=100, until_ms=1_500),
        stored("before", at_ms=10),
        stored("after", at_ms=2_000),
    ]
    assert [n["id"] for n in notes.within(kept, 1_000, 2_000)] == ["moment", "stretch"]
    assert [n["id"] for n in notes.within([*kept, stored("broken", at_ms="x")], 0, 1 << 45)] == ["after", "moment", "stretch", "before"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"at_ms": -1}, "at_ms"), ({"at_ms": 1 << 50}, "at_ms"), ({"at_ms": "now"}, "at_ms"), ({"until_ms": 9}, "until_ms"),
        ({"until_ms": 10 + notes.LONGEST_MS + 1}, "until_ms"), ({"title": "  "}, "title"), ({"title": "x" * 201}, "title"),
        ({"text": "x" * 4_001}, "text"), ({"entity": "x" * 129}, "entity"), ({"tags": [""]}, "tags"), ({"tags": ["x"] * 21}, "tags"),
        ({"tags": "x"}, "tags"), ({"series": ["no"]}, "series"), ({"series": [SERIES] * 51}, "series"), ({"colour": "red"}, "colour"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_note_is_refused_with_its_field(change: dict[str, Any], field: str) -> None:
    assert notes.annotation_from({"at_ms": 10, "title": "x"}).until_ms is None
    with pytest.raises(ConfigurationError, match=field):
        notes.annotation_from({"at_ms": 10, "title": "x", **change})


def test_there_is_an_end_to_new_notes_but_not_to_changes() -> None:
    notes.check_room(notes.MOST - 1, None)
    notes.check_room(notes.MOST, stored("a", at_ms=1))
    with pytest.raises(ConfigurationError, match="delete some"):
        notes.check_room(notes.MOST, None)
