"""Dead letters say where they came from, and too many stop the reader."""

from __future__ import annotations

import pytest

from kizashi.contracts.topics import BY_NAME, EVENTS, METRICS
from kizashi.errors import InvalidMessage
from kizashi.stream.dead_letter_box import DEAD_LETTER_TOPICS
from kizashi.stream.dead_letters import DeadLetter, DeadLetterLimit, dead_letter, dead_letter_topic, from_headers, headers, to_record


def test_headers_round_trip() -> None:
    letter = dead_letter(METRICS, 3, 17, InvalidMessage("no metric ✗", "schema"), 5, item=2)
    assert letter == DeadLetter(METRICS.name, 3, 17, "InvalidMessage", "schema", "no metric ✗", 5, 2)
    as_bytes: list[tuple[str, str | bytes | None]] = [(k, v.encode() if isinstance(v, str) else v) for k, v in headers(letter)]
    assert from_headers(as_bytes) == letter


def test_a_stranger_and_long_texts() -> None:
    letter = dead_letter(EVENTS.name, 0, 0, ValueError("x" * 10_000), 5)
    assert (letter.reason, letter.error, len(letter.text)) == ("unexpected", "ValueError", 500)
    for strange in (None, [], [("topic", b"t")], [(k, "x") for k, _ in headers(letter)]):
        with pytest.raises(InvalidMessage):
            from_headers(strange)


@pytest.mark.parametrize("name", [METRICS.name, f"{METRICS.name}.acme", EVENTS.name])
def test_a_letter_goes_to_a_topic_that_exists(name: str) -> None:
    record = to_record(dead_letter(name, 1, 2, InvalidMessage("x"), 3), b"raw", b"key")
    assert record.topic == dead_letter_topic(name)
    assert record.topic in DEAD_LETTER_TOPICS
    assert record.topic in BY_NAME
    assert (record.value, record.key) == (b"raw", b"key")


def test_the_limit_needs_a_full_window_and_forgets() -> None:
    limit = DeadLetterLimit(window=100, share=0.5)
    assert not limit.passed(good=0, bad=99)
    assert limit.passed(good=0, bad=1)
    assert not limit.passed(good=100, bad=0)
    assert not limit.passed(good=50, bad=50)
    assert limit.passed(good=0, bad=20)


def test_forty_bad_among_three_hundred_good_do_not_reach_the_limit() -> None:
    limit = DeadLetterLimit()
    assert not any(limit.passed(good=1, bad=int(k % 7 == 0)) for k in range(10_000))
