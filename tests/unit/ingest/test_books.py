"""Cuts settle in order, the books add up, keys open doors, and topics can be told."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from kizashi.contracts import codec
from kizashi.contracts.batches import RollupBatch, SamplesBatch, ScoresBatch, SeriesInfo, encode_rollups, encode_samples, encode_scores
from kizashi.contracts.findings import Feedback
from kizashi.contracts.topics import FEEDBACK, METRICS, ROLLUPS, SAMPLES, SCORES
from kizashi.errors import BusUnavailable
from services.ingest.cuts import Cut, CutsInFlight
from services.ingest.keys import KeyRing
from services.ingest.tailing import Teller
from services.ingest.tally import Tally


def test_cuts_settle_from_the_front_only() -> None:
    flight, settled = CutsInFlight(2), list[Cut]()
    first, second = Cut(left=1, offsets={("t", 0): 5}), Cut(left=0, offsets={("t", 0): 9, ("t", 1): 3}, waiting=[lambda: None])
    flight.add(first)
    assert not flight.full
    flight.add(second)
    assert flight.full
    assert flight.waiting
    assert flight.settled(settled.append) == {}
    first.on_result(None)
    assert flight.settled(settled.append) == {("t", 0): 9, ("t", 1): 3}
    assert settled == [first, second]
    assert len(flight) == 0


def test_a_refused_cut_is_an_error_not_an_offset() -> None:
    flight = CutsInFlight(2)
    cut = Cut(left=1, offsets={("t", 0): 5})
    flight.add(cut)
    cut.on_result("not allowed")
    with pytest.raises(BusUnavailable, match="not allowed"):
        flight.settled(lambda _: None)


def test_the_books_add_up() -> None:
    tally = Tally()
    tally.receive("kafka", 10)
    tally.receive("http", 0)
    tally.store("kafka", 6)
    tally.reject({"future": 2})
    tally.bury(METRICS.name, "json")
    assert tally.in_flight == 1
    assert tally.stats() == {
        "received": {"kafka": 10}, "stored": {"kafka": 6}, "rejected": {"future": 2}, "dead_lettered": {"json": 1}, "in_flight": 1,
    }  # fmt: skip


def test_keys_of_the_log_come_first_and_the_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    import hashlib

    def sha(secret: str) -> str:
        return hashlib.sha256(secret.encode()).hexdigest()

    file = tmp_path / "keys.json"
    ring = KeyRing(file)
    assert ring.tenant("Bearer k.one", 0) is None
    file.write_text(json.dumps([{"prefix": "k", "sha256": sha("one"), "tenant": "a", "scopes": ["ingest"], "name": "n"}]))
    assert ring.tenant("Bearer k.one", 0) == ring.key_tenant("k.one", 0) == "a"
    file.write_text("{half")
    os.utime(file, ns=(1, 1))
    assert ring.tenant("Bearer k.one", 0) == "a"
    ring.fold("k", "b", {"sha256": sha("two"), "scopes": ["ingest"], "expires_ms": 100})
    assert ring.tenant("Bearer k.one", 0) is None
    assert ring.tenant("bearer k.two", 99) == "b"
    assert ring.tenant("Bearer k.two", 100) is None
    ring.fold("k", "b", {"sha256": 5})
    assert ring.tenant("Bearer k.two", 0) is None
    ring.fold("k", "b", None)
    assert ring.tenant("Bearer k.one", 0) == "a"


class Got:
    """A message as the consumer hands it out."""

    def __init__(self, value: bytes | None) -> None:
        self._value = value

    def __len__(self) -> int:
        return len(self._value or b"")

    def topic(self) -> str:
        return "t"

    def partition(self) -> int:
        return 3

    def offset(self) -> int:
        return 8

    def key(self) -> bytes | None:
        return b"k"

    def value(self) -> bytes | None:
        return self._value

    def timestamp(self) -> tuple[int, int]:
        return 1, 5

    def headers(self) -> list[tuple[str, bytes | None]] | None:
        return None


IDS, TS = np.array([7, 8], np.uint64), np.array([1, 2], np.int64)
F4, FLAGS = np.array([0.5, 0.25], np.float32), np.zeros(2, np.uint8)
VALUES = np.array([1.0, 2.0])


def test_tail_tells_samples_with_the_names_it_has_heard() -> None:
    batch = SamplesBatch(5, IDS, TS, VALUES, FLAGS, [SeriesInfo(7, "t", "cpu", {"host": "h"})])
    first, second = Teller(SAMPLES.name).lines(Got(encode_samples(batch)))
    assert first == {
        "partition": 3, "offset": 8, "series_id": "0000000000000007", "series": "cpu{host=h}", "ts": 1, "value": 1.0, "flags": 0,
    }  # fmt: skip
    assert "series" not in second


def test_tail_tells_scores_rollups_findings_deletions_and_rubbish() -> None:
    one = np.array([1], np.int64)
    scores = ScoresBatch("id", 0, 5, one, np.array([2], np.uint32), IDS, TS, VALUES, F4, F4, F4, F4, FLAGS, F4, F4)
    assert [line["score"] for line in Teller(SCORES.name).lines(Got(encode_scores(scores)))] == [0.5, 0.25]
    counts = np.array([4, 5], np.uint32)
    rollup = RollupBatch("acme", "id", 0, 1, 2, 10, 10_000, IDS, counts, VALUES, VALUES, VALUES, F4)
    assert [line["count"] for line in Teller(ROLLUPS.name).lines(Got(encode_rollups(rollup)))] == [4, 5]
    feedback = codec.encode(Feedback("f", "t", "e", "true", "me", 5))
    assert next(iter(Teller(FEEDBACK.name).lines(Got(feedback))))["verdict"] == "true"
    assert next(iter(Teller(FEEDBACK.name).lines(Got(None))))["deleted"] == "k"
    assert next(iter(Teller(FEEDBACK.name).lines(Got(b"\xff"))))["bytes"] == 1
    assert "unreadable" in next(iter(Teller(SAMPLES.name).lines(Got(b"rubbish"))))
    assert next(iter(Teller(METRICS.name).lines(Got(b"[1]"))))["value"] == [1]
