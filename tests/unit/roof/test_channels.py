"""``kizashi channels``: what it lists, shows and sends, with a configuration that is held still."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from kizashi.errors import NotFound
from services.roof import channels, recording

BODIES: dict[str, dict[str, Any]] = {
    "chat": {"type": "slack", "url_file": "chat", "fallback": "mail"},
    "mail": {"type": "email", "host": "relay.example", "sender": "a@b.example", "to": ["c@d.example"], "note": "the last resort"},
}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("KIZASHI_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(recording, "running_now", lambda _settings: SimpleNamespace(channels=BODIES))
    return lambda *words: CliRunner().invoke(channels.app, list(words))


def test_the_list_says_which_secrets_are_missing(run: Any, tmp_path: Path) -> None:
    rows = {r["channel"]: r for r in json.loads(run("list", "--json").stdout)}
    assert set(rows) == {"chat", "mail", "topic"} and "cannot be read" in rows["chat"]["secrets"]
    assert rows["mail"]["secrets"] == "in place" and rows["chat"]["fallback"] == "mail"
    (tmp_path / "secrets" / "channels").mkdir(parents=True)
    (tmp_path / "secrets" / "channels" / "chat").write_text("https://hooks.example/T0K3N")
    shown = run("list", "--json").stdout
    assert json.loads(shown)[0]["secrets"] == "in place" and "T0K3N" not in shown


def test_a_preview_sends_nothing_and_shows_the_page(run: Any) -> None:
    made = json.loads(run("preview", "chat", "--json").stdout)
    assert "deploy 2.14" in made["text"] and made["payload"]["attachments"]
    assert "deploy 2.14" in run("preview", "mail").stdout
    assert isinstance(run("preview", "gone").exception, NotFound)


def test_the_test_button_says_what_became_of_it(run: Any) -> None:
    assert run("test", "topic").stdout == "sent: on the alert topic\n"
    refused = run("test", "chat", "--json")
    assert refused.exit_code == 1 and json.loads(refused.stdout)["state"] == "failed"
