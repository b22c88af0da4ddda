"""Promises as YAML: what a file says, and every mistake with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from kizashi.errors import ConfigurationError
from services.forecast.as_code import read_promises

GOOD = """\
objectives:
  - id: fast
    name: Checkout answers fast
    entity: checkout
    kind: latency
    metric: {metric: latency_p95_ms, labels: {service: checkout}}
    threshold: 300
    objective: 0.99
    window: 28d
calendars:
  - {id: office, zone: Europe/Berlin, hours: {mon-thu: ["09:00-12:00", "13:00-17:00"], fri: "09:00-15:00"}, holidays: [2026-12-25]}
promises:
  - {id: p1, priority: P1, respond: 30m, resolve: 4h, calendar: office}
limits:
  - {id: disk, metric: disk.used, threshold: 90}
"""


def test_a_file_becomes_objects_with_the_calendar_before_the_promise() -> None:
    found = read_promises(GOOD)
    assert [(w.kind, w.id) for w in found] == [("calendar", "office"), ("promise", "p1"), ("slo", "fast"), ("limit", "disk")]
    assert found[0].body["hours"] == [[[540, 720], [780, 1020]]] * 4 + [[[540, 900]], [], []]
    assert found[0].body["holidays"] == ["2026-12-25"]
    assert found[1].body == {"priority": "P1", "calendar": "office", "respond_s": 1800.0, "resolve_s": 14_400.0}


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("objective: 0.99", "objective: 99", 8, "between 0 and 1"),
        ("objective: 0.99", "objective: high", 8, "Expected `float`"),
        ("threshold: 300", "treshold: 300", 2, "unknown field"),
        ("labels: {service: checkout}", "labels: {service: 3}", 6, "Expected `str`"),
        ("window: 28d", "window: soon", 9, "no window"),
        ("id: fast", "idd: fast", 2, "has an id"),
        ("resolve: 4h", "resolve: never", 13, "no time to resolve"),
        ("calendar: office", "calendar: beach", 12, "does not have"),
        ("mon-thu", "moon", 11, "no days"),
        ("09:00-15:00", "15:00-09:00", 11, "no hours"),
        ("zone: Europe/Berlin", "zone: Mars/Base", 11, "no time zone"),
        ("limits:", "limit:", 14, "no section"),
        ("  - {id: disk", "  - {id: disk, metric: m, threshold: 1}\n  - {id: disk", 16, "twice"),
        ("limits:\n", "limits: [\n", 15, "not YAML"),
    ],
)
def test_mistakes_are_named_with_their_line(old: str, new: str, line: int, says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_promises(GOOD.replace(old, new), "p.yaml")
    text = str(caught.value)
    assert f"p.yaml:{line}: " in text
    assert says in text


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_promises(GOOD.replace("0.99", "2").replace("resolve: 4h", "resolve: x"))
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize("text", ["", "[]", "3", "objectives: 3"])
def test_files_without_promises_are_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        read_promises(text)


@pytest.mark.parametrize("page", ["promises.md", "promises.ja.md"])
def test_the_file_in_the_documentation_is_taken(page: str) -> None:
    text = (Path(__file__).parents[3] / "docs" / "operations" / page).read_text(encoding="utf-8")
    example = text.partition("```yaml\n")[2].partition("```")[0]
    assert {w.kind for w in read_promises(example)} == {"slo", "calendar", "promise", "limit"}
    with pytest.raises(ConfigurationError) as caught:
        read_promises(example.replace("objective: 0.99\n", "objective: 99.0\n"))
    said = text.partition("promises.yaml:")[2].partition("\n")[0]
    assert said == str(caught.value).partition("yaml:")[2]
