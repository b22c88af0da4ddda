"""Dead letters: messages that will never be valid, kept with their original bytes, place and reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kizashi.contracts.topics import Topic
from kizashi.errors import InvalidMessage
from kizashi.stream.producer import Headers, Record

LIMIT_WINDOW = 1_000
"""Messages looked back on when deciding whether the topic itself is wrong."""
LIMIT_SHARE = 0.5
"""Share of the window: one bad producer among several is below it, a wrong topic or decoder is above."""
_TEXT_LIMIT = 500


@dataclass(frozen=True)
class DeadLetter:
    """Where a dead letter came from and why. ``at_ms`` is when it was set aside, ``item`` its place in a list or -1."""

    topic: str
    partition: int
    offset: int
    error: str
    reason: str
    text: str
    at_ms: int
    item: int = -1


def dead_letter(topic: Topic | str, partition: int, offset: int, error: Exception, at_ms: int, item: int = -1) -> DeadLetter:
    """Description of one failure; ``reason`` is InvalidMessage's, else ``unexpected``."""
    name = topic if isinstance(topic, str) else topic.name
    reason = error.reason if isinstance(error, InvalidMessage) else "unexpected"
    return DeadLetter(name, partition, offset, type(error).__name__, reason, str(error)[:_TEXT_LIMIT], at_ms, item)


def dead_letter_topic(name: str) -> str:
    """Dead-letter topic of a topic; a tenant's metrics topic shares that of ``kizashi.metrics.v1``."""
    if name.startswith("kizashi.metrics.v1"):
        return "kizashi.metrics.dlq.v1"
    return f"{name.removesuffix('.v1')}.dlq.v1"


def headers(letter: DeadLetter) -> Headers:
    """Kafka headers that say where a dead letter came from."""
    return [
        ("topic", letter.topic),
        ("partition", str(letter.partition)),
        ("offset", str(letter.offset)),
        ("error", letter.error),
        ("reason", letter.reason),
        ("text", letter.text),
        ("at_ms", str(letter.at_ms)),
        ("item", str(letter.item)),
    ]


def to_record(letter: DeadLetter, value: bytes | None, key: bytes | None = None) -> Record:
    """The message to produce: original bytes, place and reason in the headers."""
    return Record(dead_letter_topic(letter.topic), value, key, headers=headers(letter))


def from_headers(pairs: Sequence[tuple[str, str | bytes | None]] | None) -> DeadLetter:
    """Inverse of ``headers``; raises InvalidMessage when they are not ours."""
    found = {name: value.decode() if isinstance(value, bytes) else (value or "") for name, value in pairs or ()}
    try:
        return DeadLetter(
            found["topic"],
            int(found["partition"]),
            int(found["offset"]),
            found["error"],
            found["reason"],
            found["text"],
            int(found["at_ms"]),
            int(found.get("item", "-1")),
        )
    except (KeyError, ValueError) as x:
        raise InvalidMessage(f"not the headers of a dead letter: {x}", "schema") from x


class DeadLetterLimit:
    """Says when so many of the latest messages are invalid that the consumer must stop instead of draining its topic.

    >>> limit = DeadLetterLimit(window=4, share=0.5)
    >>> [limit.passed(good=0, bad=1) for _ in range(4)]
    [False, False, False, True]
    """

    def __init__(self, window: int = LIMIT_WINDOW, share: float = LIMIT_SHARE) -> None:
        self._window, self._share = window, share
        self._blocks: list[tuple[int, int]] = []
        self._good = self._bad = 0

    def passed(self, good: int, bad: int) -> bool:
        """Count a block of messages; True when the window is full and more than ``share`` of it is invalid."""
        self._blocks.append((good, bad))
        self._good += good
        self._bad += bad
        while self._good + self._bad - sum(self._blocks[0]) >= self._window:
            old_good, old_bad = self._blocks.pop(0)
            self._good -= old_good
            self._bad -= old_bad
        total = self._good + self._bad
        return total >= self._window and self._bad > self._share * total
