"""The fence, holes, and controls that count from an offset: with a processor that only remembers what it was given."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizashi.errors import Damaged, InvalidMessage
from kizashi.stream.partition_state import Hole, PartitionState
from kizashi.stream.records import Emit, Record
from kizashi.stream.snapshots import Entry, encode_marker, encode_snapshot, read_snapshot

IN, CONTROL, STATE = "in", "config", "state"


class Memory:
    """Remembers every call in order; refuses the value ``bad``."""

    def __init__(self, seen: list[str] | None = None) -> None:
        self.seen = seen or []

    def process(self, record: Record) -> None:
        if record.value == b"bad":
            raise InvalidMessage("bad", "schema")
        self.seen.append(record.value.decode())

    def skip(self, record: Record) -> None:
        self.seen.append(f"skip {record.offset}")

    def control(self, record: Record) -> None:
        self.seen.append(f"control {record.value.decode()}")

    def tick(self, now_ms: int) -> None:
        self.seen.append(f"tick {now_ms}")

    def drain(self) -> list[Emit]:
        return []

    def dump(self) -> bytes:
        return json.dumps(self.seen).encode()


class Memories:
    def new(self, partition: int) -> Memory:
        return Memory()

    def load(self, partition: int, data: bytes) -> Memory:
        return Memory(json.loads(data))


def record(offset: int, value: str | None = None) -> Record:
    return Record(IN, 3, offset, (value or f"v{offset}").encode())


def fresh() -> PartitionState:
    return PartitionState(3, IN, Memory(), {IN: 0})


def seen(state: PartitionState) -> list[str]:
    assert isinstance(state.processor, Memory)
    return state.processor.seen


def log_of(entries: list[Entry]) -> list[Record]:
    return [Record(STATE, 3, i, e.value, e.key) for i, e in enumerate(entries)]


def test_a_repeat_is_skipped_and_a_hole_is_raised() -> None:
    state = fresh()
    for offset in (0, 1, 0, 1, 2):
        state.offer(record(offset))
    assert seen(state) == ["v0", "v1", "v2"]
    with pytest.raises(Hole, match="expected offset 3"):
        state.offer(record(4))


def test_an_invalid_record_counts_as_seen() -> None:
    state = fresh()
    invalid = state.offer(record(0, "bad"))
    assert invalid is not None and invalid.reason == "schema"
    assert state.offer(record(1)) is None
    assert seen(state) == ["skip 0", "v1"]


@given(st.integers(0, 9), st.integers(0, 9), st.sets(st.integers(0, 9)))
def test_crash_and_replay_give_the_same_order_with_controls(cut: int, crash: int, control_at: set[int]) -> None:
    """Snapshot at ``cut``, crash at or after it, restore and replay: as if nothing had happened."""
    whole, entries = fresh(), []
    snapshot: list[Entry] = []
    for offset in range(max(cut, crash) + 1):
        if offset == cut:
            snapshot = encode_snapshot(*whole.snapshot())
        if offset in control_at:
            marker = whole.mark(Record(CONTROL, 0, len(whole.controls) + offset, f"c{offset}".encode()))
            assert marker is not None
            entries.append(encode_marker(marker))
            whole.accept(marker)
        whole.offer(record(offset))
    again = PartitionState.restore(3, IN, Memories(), read_snapshot(log_of([*snapshot, *entries])))
    for offset in range(max(cut, crash) + 1):
        again.offer(record(offset))
    assert seen(again) == seen(whole)
    assert again.controls == whole.controls


@pytest.mark.parametrize("cut", [None, 0, 2, 3])
def test_controls_do_not_wait_for_a_main_topic_that_stays_silent(cut: int | None) -> None:
    """A rule that was made before a crash counts after it, though no further record of the main topic ever comes."""
    whole = fresh()
    snapshot = encode_snapshot(*whole.snapshot()) if cut == 0 else []
    entries = []
    for offset in range(3):
        whole.offer(record(offset))
        if cut == offset + 1:
            snapshot = encode_snapshot(*whole.snapshot())
    marker = whole.mark(Record(CONTROL, 0, 0, b"late"))
    assert marker is not None
    entries.append(encode_marker(marker))
    whole.accept(marker)
    again = PartitionState.restore(3, IN, Memories(), read_snapshot(log_of([*snapshot, *entries])))
    for offset in range(3):
        again.offer(record(offset))
    assert seen(again) == seen(whole) == ["v0", "v1", "v2", "control late"]
    first = fresh()
    early = first.mark(Record(CONTROL, 0, 0, b"early"))
    assert early is not None
    assert seen(PartitionState.restore(3, IN, Memories(), read_snapshot(log_of([encode_marker(early)])))) == ["control early"]


def test_a_control_is_marked_once() -> None:
    state = fresh()
    control = Record(CONTROL, 0, 5, b"x")
    marker = state.mark(control)
    assert marker is not None
    state.accept(marker)
    assert state.mark(control) is None
    assert seen(state) == ["control x"]


def test_the_older_generation_serves_when_the_newer_is_spoiled() -> None:
    state = fresh()
    state.offer(record(0))
    first = encode_snapshot(*state.snapshot())
    state.offer(record(1))
    second = encode_snapshot(*state.snapshot())
    second[0] = Entry(second[0].key, b"spoiled")
    found = read_snapshot(log_of([*first, *second]))
    assert found.manifest.positions == {IN: 1}
    with pytest.raises(Damaged, match="no generation"):
        read_snapshot(log_of([Entry(first[0].key, b"x"), *first[1:], *second]))


def test_the_highest_position_wins_over_a_late_writer() -> None:
    state = fresh()
    state.offer(record(0))
    late = encode_snapshot(*state.snapshot())
    state.offer(record(1))
    newest = encode_snapshot(*state.snapshot())
    assert read_snapshot(log_of([*newest, *late])).manifest.positions == {IN: 2}


def test_a_state_of_a_newer_program_is_refused() -> None:
    state = fresh()
    state.offer(record(0))
    data, manifest = state.snapshot()
    manifest.format = 99
    with pytest.raises(Damaged, match="format 99"):
        read_snapshot(log_of(encode_snapshot(data, manifest)))
