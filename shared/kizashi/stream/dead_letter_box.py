"""The dead-letter topics as a box: look what is in it, and give messages back to where they came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from kizashi.contracts.topics import BY_NAME, TOPICS
from kizashi.errors import InvalidMessage, NotFound
from kizashi.settings import KafkaSettings
from kizashi.stream.consumer import Lookout
from kizashi.stream.dead_letters import DeadLetter, from_headers
from kizashi.stream.producer import Producer, Record

REPLAYED_HEADER = "replayed-from"
DEAD_LETTER_TOPICS: tuple[str, ...] = tuple(t.name for t in TOPICS if t.name.endswith(".dlq.v1"))


@dataclass(frozen=True)
class Letter:
    """A dead letter with its own place in the box, and the original bytes."""

    box: str
    partition: int
    offset: int
    about: DeadLetter
    key: bytes | None
    value: bytes | None


def letters(kafka: KafkaSettings, boxes: Sequence[str] = DEAD_LETTER_TOPICS, last: int | None = None) -> Iterator[Letter]:
    """Every letter in these boxes up to now, or the ``last`` of each; raises BusUnavailable."""
    for box in boxes:
        lookout = Lookout(kafka, box, last)
        try:
            for m in lookout.until_end():
                try:
                    about = from_headers(m.headers())
                except InvalidMessage:  # not written by us: it has no place to go back to
                    continue
                yield Letter(box, m.partition(), m.offset(), about, m.key(), m.value())
        finally:
            lookout.close()


def replay(kafka: KafkaSettings, wanted: Callable[[Letter], bool], boxes: Sequence[str] = DEAD_LETTER_TOPICS) -> int:
    """Send the wanted letters back to their topics and return how many were acknowledged.

    What is still invalid comes back as a new letter; what arrives twice is recognised as a duplicate downstream.
    Raises NotFound for a letter whose topic this program does not know, BusUnavailable when not all were acknowledged.
    """
    producer = Producer(kafka, "kizashi-replay")
    count = 0
    for letter in [found for found in letters(kafka, boxes) if wanted(found)]:
        if letter.about.topic not in BY_NAME and not letter.about.topic.startswith("kizashi.metrics.v1."):
            raise NotFound(
                f"the letter at {letter.box}/{letter.partition}/{letter.offset} came from {letter.about.topic}, which is unknown"
            )
        place = f"{letter.box}/{letter.partition}/{letter.offset}"
        producer.send_waiting(Record(letter.about.topic, letter.value, letter.key, headers=[(REPLAYED_HEADER, place)]))
        count += 1
    producer.flush(60.0)
    return count
