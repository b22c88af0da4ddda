"""Pure pieces between the store and the client."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from kizashi.contracts.batches import ANOMALOUS, LEARNING
from kizashi.contracts.findings import Cause, Incident
from kizashi.errors import ConfigurationError
from kizashi.stream.config import ConfigObject
from services.gateway.assets import Assets
from services.gateway.configuration import accepted, check_place, check_shape, shown
from services.gateway.explain import explain
from services.gateway.paging import BadPage, format_page, parse_page
from services.gateway.state import state_word
from services.gateway.vitals import History, read_parts, totals
from services.gateway.whole import whole


@given(st.lists(st.one_of(st.text(max_size=20), st.integers(0, 2**63)), min_size=2, max_size=2))
def test_pages_come_back(last: list[str | int]) -> None:
    assert parse_page(format_page(*last), 2) == last


@pytest.mark.parametrize("text", ["x", "W10", "bnVsbA", "🙂", "WyJhIl0"])
def test_bad_pages_are_refused(text: str) -> None:
    with pytest.raises(BadPage):
        parse_page(text, 2)


def test_explain_names_the_first_closed_gate() -> None:
    row = {"ts_ms": 1, "value": 5.0, "score": 1.4, "point": 1.4, "novelty": 0.2, "expected": 1.0, "lower": 0.0, "upper": 2.0, "flags": 0}
    assert explain([row], {"id": "e"}, None)["verdict"] == "odd"
    assert explain([row], None, None)["verdict"] == "episode"
    assert explain([{**row, "flags": LEARNING}], None, None)["verdict"] == "learning"
    low = explain([{**row, "score": 0.4, "value": 1.5}], None, None)
    assert (low["verdict"], low["inside_band"], low["head"]) == ("score", True, "point")
    assert explain([{**row, "score": 0.0, "flags": ANOMALOUS}], {"id": "e"}, None)["verdict"] == "odd"
    assert explain([], None, None)["verdict"] == "no_data"
    ruled = explain([{**row, "score": 0.99, "src_topic": "t", "src_partition": 3, "src_offset": 7}], None, None)
    assert (ruled["verdict"], ruled["place"]) == ("rule", {"topic_id": "t", "partition": 3, "offset": 7})


def test_whole_writes_defaults_out() -> None:
    incident = Incident("i", 1, "a", "open", "t", "info", 1, 2, causes=[Cause("db", 0.5, {"x": 1.0})])
    got = whole(incident)
    assert got["closed_ms"] is None and got["causes"][0]["indicators"] == [] and got["verdict"] == "inconclusive"


@pytest.mark.parametrize(
    ("flags", "age", "word"),
    [(0, 0, "ok"), (1, 0, "learning"), (2, 0, "odd"), (3, 0, "learning"), (128, 0, "unscored"), (2, 600_001, "stale")],
)
def test_state_words(flags: int, age: int, word: str) -> None:
    assert state_word(flags, 1_000, 1_000 + age) == word


def test_configuration_hides_hashes_and_hashes_passwords() -> None:
    kept = accepted("user", {"role": "viewer", "password": "a long enough one", "junk": 1}, None)
    assert kept["password"].startswith("$argon2id$") and "junk" not in kept
    obj = ConfigObject("user", "m", "a", 1, kept, "root", 0)
    assert "password" not in shown(obj)["body"]
    again = accepted("user", {"role": "admin"}, obj)
    assert again["password"] == kept["password"] and again["role"] == "admin"
    for bad in ({"role": "viewer"}, {"role": "king", "password": "a long enough one"}, {"role": "viewer", "password": "short"}):
        with pytest.raises(ConfigurationError):
            accepted("user", bad, None)
    with pytest.raises(ConfigurationError, match="tokens"):
        accepted("key", {"scopes": ["read"]}, None)
    with pytest.raises(ConfigurationError, match="list"):
        accepted("dashboard", {"panels": {}}, None)


def test_configuration_limits() -> None:
    deep: list[Any] = []
    for _ in range(40):
        deep = [deep]
    for body in (deep, [0] * 30_000):
        with pytest.raises(ConfigurationError):
            check_shape(body)
    for kind, name in (("spaceship", "a"), ("rule", ""), ("rule", "a/b"), ("rule", "x" * 200), ("rule", "a\n")):
        with pytest.raises(ConfigurationError):
            check_place(kind, name)


def test_prometheus_text_is_summed() -> None:
    reasons = "".join(f'kizashi_rejected_samples_total{{reason="{r}"}} {n}\n' for r, n in (("a", "2.0"), ("b", "3")))
    text = f"# HELP x y\n{reasons}other_total 9\nkizashi_lag 1e3\n"
    assert totals(text) == {"kizashi_rejected_samples": 5.0, "kizashi_lag": 1_000.0}


def test_parts_of_a_dead_house_are_not_shown(tmp_path: Path) -> None:
    assert read_parts(tmp_path, 0) == []
    (tmp_path / "run").mkdir()
    state = tmp_path / "run" / "state.json"
    state.write_text('{"written_ms": 1000, "children": [{"name": "kafka", "ready": true, "state": "ready", "pid": 7}]}')
    assert [p.name for p in read_parts(tmp_path, 2_000)] == ["kafka"]
    assert read_parts(tmp_path, 20_000) == []
    state.write_text("{")
    assert read_parts(tmp_path, 2_000) == []


def test_history_quantiles() -> None:
    history = History()
    assert history.quantile(0.5) is None
    history.delays_ms.extend(range(101))
    assert (history.quantile(0.5), history.quantile(0.99)) == (50, 99)


def request(encoding: str = "") -> Request:
    return cast("Request", SimpleNamespace(headers={"accept-encoding": encoding}))


def test_assets(tmp_path: Path) -> None:
    root = tmp_path / "dist"
    assert Assets(root).answer("", request()).status_code == 503
    (root / "assets").mkdir(parents=True)
    (root / "index.html").write_text("<p>page</p>")
    (root / "assets" / "a-1.js").write_text("x")
    (root / "assets" / "a-1.js.br").write_bytes(b"br")
    (root / "painter").mkdir()
    (root / "painter" / "main.mjs").write_text("a program of the server")
    (tmp_path / "secret.txt").write_text("no")
    assets = Assets(root)
    plain, packed = assets.answer("assets/a-1.js", request()), assets.answer("assets/a-1.js", request("gzip, br"))
    assert "immutable" in plain.headers["cache-control"] and plain.headers["content-type"].startswith("text/javascript")
    assert packed.headers["content-encoding"] == "br"
    for page in ("", "explore", "dashboards/a/b", "shared/share-1f.a-b_c", "dashboards/v1.2"):
        answer = assets.answer(page, request())
        assert answer.status_code == 200 and answer.headers["cache-control"] == "no-cache"
    for missing in ("assets/b.js", "../secret.txt", "x/../../secret.txt", "logo.png", "/etc/passwd.txt", "painter/main.mjs", "painter/x"):
        assert assets.answer(missing, request()).status_code == 404
