from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from kizashi.cache import MemoryCache
from kizashi.clock import ManualClock
from kizashi.stream.config import ConfigObject
from services.gateway import credentials, login_link, tickets
from services.gateway.credentials import KeyRecord
from services.gateway.directory import Directory
from services.gateway.principal import Principal
from services.gateway.roles import Scope
from services.gateway.sessions import Sessions
from services.gateway.throttle import TokenBuckets

HASHED = credentials.hash_password("correct horse battery")


def record(**change: object) -> KeyRecord:
    _, prefix, sha = credentials.new_key()
    return KeyRecord(**{"prefix": prefix, "sha256": sha, "tenant": "a", "scopes": frozenset({Scope.READ}), **change})  # type: ignore[arg-type]


def test_a_key_opens_only_with_its_secret_and_only_in_time() -> None:
    text, prefix, sha = credentials.new_key()
    found_prefix, secret = credentials.split_key(text)
    kept = record(prefix=prefix, sha256=sha, expires_ms=100)
    assert found_prefix == prefix and secret not in str(kept)
    assert credentials.key_opens(kept, secret, 99)
    assert not credentials.key_opens(kept, secret, 100)
    assert not credentials.key_opens(kept, secret + "x", 99)
    assert not credentials.key_opens(None, secret, 0)


@pytest.mark.parametrize("text", ["", ".", "a.", ".b", "nodot", "a." + "b" * 300])
def test_what_is_no_key(text: str) -> None:
    assert credentials.split_key(text) == ("", "")


def test_passwords() -> None:
    assert HASHED.startswith("$argon2id$")
    assert credentials.password_opens(HASHED, "correct horse battery")
    assert not credentials.password_opens(HASHED, "correct horse batterz")
    assert not credentials.password_opens(None, "correct horse battery")
    assert not credentials.password_opens("not a hash", "x")
    for bad in ("short", "x" * 1000):
        with pytest.raises(ValueError, match="characters"):
            credentials.hash_password(bad)


def test_the_login_link_works_once(tmp_path: Path) -> None:
    token = login_link.issue(tmp_path)
    file = login_link.path(tmp_path)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not login_link.redeem(tmp_path, token + "x", 60)
    assert not login_link.redeem(tmp_path, "", 60)
    assert file.exists()
    assert login_link.redeem(tmp_path, token, 60)
    assert not login_link.redeem(tmp_path, token, 60)
    assert list(file.parent.iterdir()) == []


def test_an_old_login_link_is_used_up_but_opens_nothing(tmp_path: Path) -> None:
    token = login_link.issue(tmp_path)
    assert not login_link.redeem(tmp_path, token, -1)
    assert not login_link.redeem(tmp_path, token, 60)


class TestSessions:
    clock = ManualClock(1_000_000)

    def sessions(self) -> Sessions:
        return Sessions(MemoryCache(self.clock), self.clock, idle_s=1_800, longest_s=43_200)

    async def test_idle_and_absolute_end(self) -> None:
        sessions = self.sessions()
        name, _ = await sessions.open("mika", "viewer", "a")
        for _ in range(24):
            self.clock.advance(1_790)
            assert await sessions.find(name)
        self.clock.advance(1_790)
        assert await sessions.find(name) is None
        other, _ = await sessions.open("mika", "viewer", "a")
        self.clock.advance(1_801)
        assert await sessions.find(other) is None

    async def test_each_login_has_its_own_name_and_csrf(self) -> None:
        sessions = self.sessions()
        (a, one), (b, two) = await sessions.open("m", "viewer", "a"), await sessions.open("m", "viewer", "a")
        assert a != b and one.csrf != two.csrf
        await sessions.end(a)
        assert await sessions.find(a) is None and await sessions.find(b) == two
        assert await sessions.find("guess") is None

    async def test_a_ticket_works_once_and_shortly(self) -> None:
        cache = MemoryCache(self.clock)
        who = Principal("mika", "a", "viewer", frozenset({Scope.READ}))
        ticket = await tickets.issue(cache, who, 30)
        assert await tickets.redeem(cache, ticket) == who
        assert await tickets.redeem(cache, ticket) is None
        late = await tickets.issue(cache, who, 30)
        self.clock.advance(31)
        assert await tickets.redeem(cache, late) is None
        assert await tickets.redeem(cache, "") is None


def change(kind: str, id_: str, body: dict[str, object] | None, tenant: str = "a", version: int = 1) -> ConfigObject:
    return ConfigObject(kind, id_, tenant, version, body, "root", 0)


def test_directory_folds_users_and_keys(tmp_path: Path) -> None:
    directory = Directory(tmp_path / "api_keys.json")
    directory.apply(change("user", "mika", {"role": "viewer", "password": HASHED}))
    directory.apply(change("user", "mika", {"role": "admin", "password": HASHED}, tenant="b"))
    mika = directory.users["mika"]
    assert (mika.tenant, mika.role) == ("a", "viewer")
    directory.apply(change("user", "mika", {"role": "operator", "password": HASHED}, version=2))
    assert directory.users["mika"].proof != mika.proof
    gone_bodies: list[dict[str, object] | None] = [
        None, {"role": "king", "password": HASHED}, {"role": "viewer", "password": HASHED, "disabled": True}, {"role": "viewer"},
    ]  # fmt: skip
    for gone in gone_bodies:
        directory.apply(change("user", "mika", {"role": "viewer", "password": HASHED}))
        directory.apply(change("user", "mika", gone))
        assert "mika" not in directory.users
    directory.apply(change("key", "kz1", {"sha256": "x", "scopes": ["read", "fly"]}))
    assert directory.key("kz1") == KeyRecord("kz1", "x", "a", frozenset({Scope.READ}))
    directory.apply(change("key", "kz1", None, version=2))
    assert directory.key("kz1") is None
    directory.apply(change("dashboard", "d", {"panels": []}))
    directory.apply(change("dashboard", "d", None, version=2))
    assert [o.id for o in directory.deleted("dashboard", "a")] == ["d"] and directory.deleted("dashboard", "b") == []


def test_directory_reads_the_key_file_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "api_keys.json"
    directory = Directory(file)
    assert directory.key("p") is None
    file.write_text(json.dumps([{"prefix": "p", "sha256": "s", "tenant": "a", "scopes": ["ingest"]}, {"prefix": "broken"}, 3]))
    assert directory.key("p") == KeyRecord("p", "s", "a", frozenset({Scope.INGEST}))
    file.write_text("[{")
    assert directory.key("p") is not None
    file.unlink()
    assert directory.key("p") is None


def test_buckets_allow_a_burst_and_then_the_rate() -> None:
    buckets = TokenBuckets(rate=10.0, burst=20)
    allowed = sum(buckets.spend("a", t / 100) == 0.0 for t in range(1_000))
    assert 115 <= allowed <= 120
    assert buckets.spend("b", 9.99) == 0.0
    assert buckets.spend("a", 9.99) > 0.0
