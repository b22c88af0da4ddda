"""The operations pages: every YAML in them is taken, and both languages say the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.alerting.as_code import read_alerting, running_set

PAGES = Path(__file__).parents[4] / "docs" / "operations"
NAMES = ("alert-configuration", "escalation")
NOW_MS = 1_772_000_000_000


def text(name: str, language: str) -> str:
    return (PAGES / f"{name}{'.ja' if language == 'ja' else ''}.md").read_text(encoding="utf-8")


def blocks(page: str, mark: str = "yaml") -> list[str]:
    fences = re.findall(r"^```(\w*)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return [body for kind, body in fences if kind == mark]


def without_words(value: Any) -> Any:
    """The same document without what is written for people."""
    if isinstance(value, dict):
        return {k: without_words(v) for k, v in value.items() if k not in ("reason", "title", "language")}
    return [without_words(v) for v in value] if isinstance(value, list) else value


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("name", NAMES)
def test_every_example_can_be_applied(name: str, language: str) -> None:
    found = [read_alerting(block, name, NOW_MS) for block in blocks(text(name, language))]
    assert found and all(found)
    together = running_set([w for objects in found for w in objects], NOW_MS)
    assert together.dangling() == []


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_say_the_same(name: str) -> None:
    one, two = text(name, "en"), text(name, "ja")
    assert [without_words(yaml.safe_load(b)) for b in blocks(one)] == [without_words(yaml.safe_load(b)) for b in blocks(two)]
    assert blocks(one, "") == blocks(two, "")
    for shape in (r"^#+ ", r"^\| ", r"^\* ", r"^\d\. "):
        assert len(re.findall(shape, one, re.MULTILINE)) == len(re.findall(shape, two, re.MULTILINE)), shape
