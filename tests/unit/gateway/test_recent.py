from __future__ import annotations

from services.gateway.live.recent import Recent


def test_the_oldest_go_first_by_age_and_by_size() -> None:
    recent = Recent[bytes](5.0, most=8)
    for offset, now in enumerate((1.0, 2.0, 3.0)):
        recent.add(offset, b"%04d" % offset, 4, now)
    assert recent.values(3.0) == [b"0001", b"0002"]
    assert recent.values(7.5) == [b"0002"]
    assert recent.values(9.0) == []


def test_a_partition_that_is_read_again_gives_nothing_twice() -> None:
    recent = Recent[bytes](5.0, most=100)
    for offset in (4, 5, 6, 5, 6, 7):
        recent.add(offset, b"%d" % offset, 1, 1.0)
    assert recent.values(1.0) == [b"5", b"6", b"7"]


def test_a_message_larger_than_the_limit_is_not_kept() -> None:
    recent = Recent[bytes](5.0, most=3)
    recent.add(1, b"large", 5, 1.0)
    assert recent.values(1.0) == []
    recent.add(2, b"ok", 2, 1.0)
    assert recent.values(1.0) == [b"ok"]
