"""Topic administration: make the topics of the registry, name their ids, measure lag."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec
from confluent_kafka.cimpl import NewTopic

from kizashi.contracts.topics import TOPICS, Topic
from kizashi.errors import BusUnavailable, NotFound
from kizashi.settings import KafkaSettings
from kizashi.stream.client_config import client_config
from kizashi.stream.patience import patiently

ANSWER_WITHIN_S = 15.0
"""The broker answers administration in milliseconds; after a kill it needs a few seconds to elect itself."""

VISIBLE_WITHIN_S = 60.0
"""A busy broker that makes hundreds of partitions at once may take this long to show the last of them."""

T = TypeVar("T")


@dataclass(frozen=True)
class Mismatch:
    """A topic that exists with another number of partitions than the registry wants."""

    topic: str
    wanted: int
    found: int


@dataclass(frozen=True)
class Report:
    """What ``ensure_topics`` did and found."""

    created: list[str] = field(default_factory=list)
    existing: list[str] = field(default_factory=list)
    mismatched: list[Mismatch] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """True when every topic is there with the partitions it should have."""
        return not self.mismatched

    def sentences(self) -> list[str]:
        """One line for each mismatch, saying what to do."""
        return [
            f"topic {m.topic} has {m.found} partitions, the settings want {m.wanted}: set kafka.partitions = {m.found}, "
            "or delete the topic to have it made anew"
            for m in self.mismatched
        ]


class BusAdmin:
    """Administration client that can be kept; raises BusUnavailable when the broker does not answer."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._client = AdminClient(client_config(kafka, "kizashi-admin"))

    def topics(self) -> dict[str, int]:
        """Name → number of partitions of every topic on the broker."""
        try:
            found = self._client.list_topics(timeout=ANSWER_WITHIN_S).topics
        except KafkaException as x:
            raise BusUnavailable(f"Kafka at {self._kafka.bootstrap} did not answer: {x}") from x
        return {name: len(t.partitions) for name, t in found.items()}

    def ensure(self, topics: Iterable[Topic] = TOPICS) -> Report:
        """Create what is missing; a topic with other partitions is reported, never changed."""
        found, report = self.topics(), Report()
        missing: list[NewTopic] = []
        for topic in topics:
            wanted = topic.partitions(self._kafka.partitions)
            if topic.name not in found:
                missing.append(self._new(topic, wanted))
                continue
            report.existing.append(topic.name)
            if found[topic.name] != wanted:
                report.mismatched.append(Mismatch(topic.name, wanted, found[topic.name]))
        if missing:
            for name, future in self._client.create_topics(missing, operation_timeout=ANSWER_WITHIN_S).items():
                self._created(name, future, report)
            self._visible(set(report.created))
        return report

    def _visible(self, names: set[str]) -> None:
        """A new topic is on the broker at once, in its metadata a moment later, and led later still: who is told of it may use it."""
        deadline, pause = time.monotonic() + VISIBLE_WITHIN_S, threading.Event()
        while missing := names - self.topics().keys():
            if time.monotonic() > deadline:
                raise BusUnavailable(f"topic {min(missing)} was made but does not appear in Kafka's metadata")
            pause.wait(0.05)
        while True:
            try:
                self.end_offsets(names)  # answered by the leader of each partition
                return
            except BusUnavailable:
                if time.monotonic() > deadline:
                    raise

    def _new(self, topic: Topic, partitions: int) -> NewTopic:
        replication = self._kafka.replication
        # one copy may be away without stopping writers; with one or two copies there is nothing to spare
        insync = {"min.insync.replicas": str(max(1, replication - 1))}
        return NewTopic(topic.name, num_partitions=partitions, replication_factor=replication, config=topic.config() | insync)

    def _created(self, name: str, future: Future[None], report: Report) -> None:
        try:
            self._answer(future)
        except KafkaException as x:
            if x.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:  # another process was faster: what we wanted
                raise BusUnavailable(f"topic {name} could not be made: {x}") from x
            report.existing.append(name)
        else:
            report.created.append(name)

    def topic_ids(self, names: Iterable[str]) -> dict[str, str]:
        """Name → topic id (UUID text): a topic that was deleted and made again is another source of offsets."""
        wanted = list(names)
        ids: dict[str, str] = {}
        for name, future in self._client.describe_topics(TopicCollection(wanted), request_timeout=ANSWER_WITHIN_S).items():
            try:
                ids[name] = str(self._answer(future).topic_id)
            except KafkaException as x:
                if x.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise NotFound(f"no topic {name} at {self._kafka.bootstrap}: `kizashi topics --create` makes the missing ones") from x
                raise BusUnavailable(f"Kafka did not describe {name}: {x}") from x
        return ids

    def end_offsets(self, topics: Iterable[str]) -> dict[tuple[str, int], int]:
        """(topic, partition) → offset that the next message will get; topics that do not exist are left out."""
        return self._offsets(topics, OffsetSpec.latest())  # type: ignore[no-untyped-call]  # the library's annotation is missing

    def begin_offsets(self, topics: Iterable[str]) -> dict[tuple[str, int], int]:
        """(topic, partition) → offset of the oldest message kept."""
        return self._offsets(topics, OffsetSpec.earliest())  # type: ignore[no-untyped-call]  # as above

    def _offsets(self, topics: Iterable[str], which: OffsetSpec) -> dict[tuple[str, int], int]:
        found = self.topics()
        asked = {TopicPartition(t, p): which for t in topics for p in range(found.get(t, 0))}
        if not asked:
            return {}

        def ask() -> dict[tuple[str, int], int]:
            answers = self._client.list_offsets(asked, request_timeout=ANSWER_WITHIN_S)
            return {(tp.topic, tp.partition): int(self._answer(f).offset) for tp, f in answers.items()}

        return self._patiently(ask)

    def committed(self, group: str, topics: Iterable[str]) -> dict[tuple[str, int], int]:
        """(topic, partition) → committed offset of the group; partitions without one are left out."""
        found = self.topics()
        asked = [TopicPartition(t, p) for t in topics for p in range(found.get(t, 0))]
        if not asked:
            return {}
        # librdkafka's list_consumer_group_offsets kills the process when the coordinator is moving or still loading (librdkafka
        # issue 5040); a consumer that never joins asks the same question safely
        reader = Consumer(client_config(self._kafka, "kizashi-admin") | {"group.id": group, "enable.auto.commit": False})
        try:
            answers = reader.committed(asked, timeout=ANSWER_WITHIN_S)
        except KafkaException as x:
            raise BusUnavailable(f"Kafka does not say what {group} has committed: {x}") from x
        finally:
            reader.close()
        return {(tp.topic, tp.partition): tp.offset for tp in answers if tp.error is None and tp.offset >= 0}

    def lag(self, group: str, topics: Iterable[str]) -> dict[str, int]:
        """Topic → messages between its end and what the group has committed; from the oldest kept where it has not."""
        names = list(topics)
        ends, begins, done = self.end_offsets(names), self.begin_offsets(names), self.committed(group, names)
        behind = dict.fromkeys(names, 0)
        for place, end in ends.items():
            behind[place[0]] += max(0, end - max(done.get(place, 0), begins[place]))
        return behind

    def _answer(self, future: Future[T]) -> T:
        try:
            return future.result(ANSWER_WITHIN_S + 1.0)
        except TimeoutError as x:
            raise BusUnavailable(f"Kafka at {self._kafka.bootstrap} did not answer within {ANSWER_WITHIN_S:.0f} s") from x

    def _patiently(self, ask: Callable[[], T]) -> T:
        try:
            return patiently(ask, ANSWER_WITHIN_S)
        except KafkaException as x:
            raise BusUnavailable(f"Kafka at {self._kafka.bootstrap} refused: {x}") from x


def ensure_topics(kafka: KafkaSettings) -> Report:
    """Make every topic of the registry that is missing; see ``BusAdmin.ensure``."""
    return BusAdmin(kafka).ensure()


def topic_ids(kafka: KafkaSettings, names: Iterable[str]) -> dict[str, str]:
    """Name → topic id text; raises NotFound for a topic that does not exist."""
    return BusAdmin(kafka).topic_ids(names)


def lag(kafka: KafkaSettings, group: str, topics: Iterable[str]) -> dict[str, int]:
    """Topic → messages that the group has not committed."""
    return BusAdmin(kafka).lag(group, topics)


def end_offsets(kafka: KafkaSettings, topics: Iterable[str]) -> dict[tuple[str, int], int]:
    """(topic, partition) → offset that the next message will get."""
    return BusAdmin(kafka).end_offsets(topics)
