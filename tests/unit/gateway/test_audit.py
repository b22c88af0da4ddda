"""The audit trail: a chain a tenant that shows any change of the past, and nothing of another tenant."""

from __future__ import annotations

import dataclasses

import pytest

from kizashi.stream.config import LOGIN_KIND, ConfigObject
from services.gateway import audit
from services.gateway.audit import GENESIS, Trail, link


def change(n: int, tenant: str = "a") -> ConfigObject:
    return ConfigObject("dashboard", f"d{n}", tenant, 1, {"panels": [n]}, "mika", n)


def filled(count: int) -> Trail:
    trail = Trail()
    for n in range(count):
        trail.add(change(n))
        trail.add(change(n, "b"))
    return trail


def test_the_chain_is_the_same_on_every_replica_and_counts_by_tenant() -> None:
    one, two = list(filled(5).newest("a")), list(filled(5).newest("a"))
    assert [e.hash for e in one] == [e.hash for e in two] and [e.number for e in one] == [5, 4, 3, 2, 1]
    assert one[-1].hash == link(GENESIS, change(0))
    assert [e.number for e in filled(5).newest("a", before=3)] == [2, 1]
    assert list(filled(5).newest("nobody")) == []


def test_any_change_of_the_past_is_seen() -> None:
    trail = filled(5)
    noted = next(trail.newest("a"))
    assert trail.stands("a", noted.number, noted.hash)
    assert not trail.stands("a", noted.number - 1, noted.hash)
    assert not trail.stands("a", 6, noted.hash) and not trail.stands("a", 0, noted.hash) and not trail.stands("b", 5, noted.hash)
    for altered in (
        dataclasses.replace(change(1), body={"panels": [9]}), dataclasses.replace(change(1), author="eve"),
        dataclasses.replace(change(1), made_at_ms=2), dataclasses.replace(change(1), body=None),
    ):  # fmt: skip
        forged = Trail()
        for n in range(5):
            forged.add(altered if n == 1 else change(n))
        assert not forged.stands("a", noted.number, noted.hash)


def test_log_ins_without_end_take_little_memory_and_push_no_change_out(monkeypatch: pytest.MonkeyPatch) -> None:
    trail, whole = filled(3), filled(3)
    logins = [ConfigObject(LOGIN_KIND, f"login-{n}", "a", 1, {"outcome": "failure"}, "mika", n) for n in range(50)]
    for login in logins:
        whole.add(login)
    monkeypatch.setattr(audit, "MOST_LOGINS", 5)
    for login in logins:
        trail.add(login)
    trail.add(change(9))
    whole.add(change(9))
    assert [e.number for e in trail.newest("a")] == [54, 53, 52, 51, 50, 49, 3, 2, 1]
    assert [e.number for e in trail.newest("a", before=50)] == [49, 3, 2, 1]
    assert [o.id for o in trail.changes("a") if o.kind != LOGIN_KIND] == ["d0", "d1", "d2", "d9"]
    assert all(trail.stands("a", e.number, e.hash) for e in whole.newest("a")), "what is no longer in memory is still proved"
    assert not trail.stands("a", 20, next(whole.newest("a")).hash)
