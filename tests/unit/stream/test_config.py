"""The configuration fold: first change wins, a retry is harmless, unsigned changes do nothing."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizashi.contracts import codec
from kizashi.contracts.findings import ConfigChange
from kizashi.errors import ConfigurationError
from kizashi.stream.config import ConfigState, load_signing_key, sign

KEY = b"k" * 32


def change(based_on: int, change_id: str, body: dict[str, object] | None = None, key: bytes = KEY) -> bytes:
    return codec.encode(sign(ConfigChange("rule", "cpu", based_on, body, "ann", 1, change_id), key))


def test_the_first_change_on_a_version_wins() -> None:
    state = ConfigState(KEY)
    state.apply(change(0, "a", {"by": "a"}))
    state.apply(change(0, "b", {"by": "b"}))
    state.apply(change(1, "c", {"by": "c"}))
    assert [o.body for o in state.versions("rule", "cpu")] == [{"by": "a"}, {"by": "c"}]
    assert (state.outcome("a"), state.outcome("b"), state.outcome("c"), state.outcome("d")) == (True, False, True, None)


def test_a_retry_of_an_accepted_change_is_not_a_conflict() -> None:
    state = ConfigState(KEY)
    state.apply(change(0, "a", {"n": 1}))
    state.apply(change(0, "a", {"n": 1}))
    assert state.outcome("a") is True
    assert len(state.versions("rule", "cpu")) == 1


def test_deleted_objects_are_not_listed_but_keep_their_history() -> None:
    state = ConfigState(KEY)
    state.apply(change(0, "a", {"n": 1}))
    state.apply(change(1, "b", None))
    assert state.get("rule", "cpu") is None
    assert state.living("rule") == []
    assert [o.version for o in state.versions("rule", "cpu")] == [1, 2]


@pytest.mark.parametrize("spoil", [{"author": "eve"}, {"body": {"n": 2}}, {"tenant": "other"}, {"signature": ""}, {"based_on": 1}])
def test_a_changed_change_is_ignored(spoil: dict[str, object]) -> None:
    state = ConfigState(KEY)
    good = codec.decode(change(0, "a", {"n": 1}), ConfigChange)
    assert state.apply(codec.encode(msgspec.structs.replace(good, **spoil))) is None
    assert state.apply(b"{nonsense") is None
    assert state.apply(change(0, "a", {"n": 1}, key=b"x" * 32)) is None
    assert state.living("rule") == []


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from("abcdef")), max_size=30))
def test_every_replica_folds_to_the_same_state(changes: list[tuple[int, str]]) -> None:
    log = [change(based_on, id_, {"n": based_on}) for based_on, id_ in changes]
    one, two = ConfigState(KEY), ConfigState(KEY)
    for data in log:
        one.apply(data)
    for data in [*log, *log]:
        two.apply(data)
    assert one.versions("rule", "cpu") == two.versions("rule", "cpu")
    assert [o.version for o in one.versions("rule", "cpu")] == list(range(1, len(one.versions("rule", "cpu")) + 1))


def test_a_missing_or_short_key_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="kizashi up"):
        load_signing_key(tmp_path / "none")
    (tmp_path / "short").write_bytes(b"x")
    with pytest.raises(ConfigurationError, match="32 are needed"):
        load_signing_key(tmp_path / "short")


def test_a_log_in_is_told_once_and_is_no_object() -> None:
    state = ConfigState(KEY)
    entry = codec.encode(sign(ConfigChange("login", "login-1", 0, {"outcome": "failure"}, "mika", 1, "x"), KEY))
    told = [state.apply(entry), state.apply(entry)]
    assert told[0] is not None and told[0].body == {"outcome": "failure"} and told[1] is None
    assert state.outcome("x") is True and state.living("login") == [] and state.versions("login", "login-1") == []
