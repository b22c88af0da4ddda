"""The reference pages are those that the code writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.roof.reference import pages

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"


@pytest.mark.parametrize("name", ["topics", "settings", "metrics", "cli", "api"])
def test_page_is_not_stale(name: str) -> None:
    page = REFERENCE / f"{name}.md"
    assert page.read_text(encoding="utf-8") == pages()[name], f"{page.name} is stale: run `make docs`"


def test_every_command_has_an_example() -> None:
    sections = pages()["cli"].split("### ")[1:]
    assert len(sections) > 15
    silent = [section.splitlines()[0] for section in sections if "```" not in section and "`kizashi eval" not in section]
    assert not silent
