"""Recorded files in, samples out; pacing keeps order and time stamps."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kizashi.errors import Refused
from services.ingest.cli import read
from services.ingest.files import FileSample, Reading
from services.ingest.sending import SAMPLES_A_MESSAGE, Sent, bundles, limited, paced, send_all, series_key
from services.ingest.tailing import full_name

T0 = 1_704_067_200_000


def samples(path: Path, text: str | bytes, metric: str = "m") -> tuple[list[FileSample], Reading]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    how = Reading(metric)
    return list(read(str(path), how)), how


@pytest.mark.parametrize("stamp", ["2024-01-01 00:00:00", "2024-01-01T00:00:00Z", "1704067200", "1704067200000", "1704067200000000"])
def test_timestamp_and_value(tmp_path: Path, stamp: str) -> None:
    found, how = samples(tmp_path / "a.csv", f"timestamp,value\n{stamp},1.5\n")
    assert found == [FileSample("m", 1.5, T0)]
    assert how.findings.bad == 0


def test_metric_and_label_columns_in_any_order_with_a_byte_order_mark(tmp_path: Path) -> None:
    text = "\ufeffhost,Value,Metric,time,is_anomaly,zone\nh1,2,cpu,2024-01-01,1,z\nh2,3,,2024-01-01,0,\n"
    found, _ = samples(tmp_path / "a.csv", text)
    assert found == [FileSample("cpu", 2.0, T0, (("host", "h1"), ("zone", "z"))), FileSample("m", 3.0, T0, (("host", "h2"),))]


def test_blank_values_are_left_out_and_bad_lines_are_named(tmp_path: Path) -> None:
    text = "timestamp,value\n2024-01-01,\n2024-01-01,NaN\nsoon,1\n2024-01-01,much\n2024-01-01\n\n2024-01-01,4\n2024-01-01,inf\n"
    found, how = samples(tmp_path / "a.csv", text)
    assert [s.value for s in found] == [4.0]
    assert (how.findings.blank, how.findings.bad) == (2, 4)
    assert how.findings.first_bad.startswith("line 4")


@pytest.mark.parametrize("header", ["", "a,b", "value", "timestamp,other"])
def test_a_header_without_time_or_value_is_refused(tmp_path: Path, header: str) -> None:
    with pytest.raises(Refused, match="column"):
        samples(tmp_path / "a.csv", header + "\n1,2\n")


def test_json_list_and_ndjson(tmp_path: Path) -> None:
    items = [{"metric": "a", "value": 1, "ts": "2024-01-01", "labels": {"z": "1", "b": "2"}}, {"metric": "b", "value": 2, "ts": T0}]
    expected = [FileSample("a", 1.0, T0, (("b", "2"), ("z", "1"))), FileSample("b", 2.0, T0)]
    assert samples(tmp_path / "a.json", json.dumps(items))[0] == expected
    assert samples(tmp_path / "a.ndjson", "\n".join(map(json.dumps, items)) + "\n\n")[0] == expected
    bad, how = samples(tmp_path / "b.ndjson", json.dumps(items[0]) + "\n{]\n" + json.dumps({"metric": "n", "value": 1, "ts": -5}))
    assert bad == expected[:1]
    assert how.findings.bad == 2
    assert how.findings.first_bad.startswith("line 2")


def test_npz(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", timestamp=np.array([T0 / 1_000, -1.0, T0 / 1_000]), value=np.array([1.0, 2.0, np.nan]))
    how = Reading("m")
    assert list(read(str(tmp_path / "a.npz"), how)) == [FileSample("m", 1.0, T0)]
    assert (how.findings.blank, how.findings.bad) == (1, 1)
    np.savez(tmp_path / "d.npz", timestamp=np.array(["2024-01-01"], "datetime64[s]"), value=np.array([3]))
    assert list(read(str(tmp_path / "d.npz"), how)) == [FileSample("m", 3.0, T0)]
    np.savez(tmp_path / "b.npz", timestamp=np.zeros(3), value=np.zeros(2))
    with pytest.raises(Refused, match="equal length"):
        list(read(str(tmp_path / "b.npz"), how))


def test_a_missing_file_is_a_sentence() -> None:
    with pytest.raises(Refused, match="no file"):
        read("/nowhere/x.csv", Reading("m"))


class Time:
    """A monotonic clock that sleeping moves."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def now(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now_s += seconds


def row(k: int, step_ms: int = 1_000) -> FileSample:
    return FileSample("m", float(k), T0 + k * step_ms)


def test_speed_keeps_the_recorded_pace_order_and_stamps() -> None:
    time = Time()
    when = [(time.now_s - 100.0, [s.value for s in part]) for part in paced([row(k) for k in range(5)], 10.0, time.now, time.sleep)]
    assert [v for _, part in when for v in part] == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert [round(at, 6) for at, _ in when] == [0.0, 0.1, 0.2, 0.3, 0.4]


def test_speed_bundles_what_is_due_together_and_never_waits_for_the_past() -> None:
    time = Time()
    parts = list(paced([row(k, 1) for k in range(1_200)] + [row(0)], 1_000.0, time.now, time.sleep))
    assert sum(map(len, parts)) == 1_201
    assert max(map(len, parts)) <= SAMPLES_A_MESSAGE
    assert time.now_s - 100.0 < 0.01


def test_rate() -> None:
    time = Time()
    parts = list(limited([row(k) for k in range(1_000)], 500.0, time.now, time.sleep))
    assert sum(map(len, parts)) == 1_000
    assert time.now_s - 100.0 == pytest.approx(2.0, abs=0.06)


def test_everything_is_sent_and_counted() -> None:
    class Way:
        def __init__(self) -> None:
            self.parts: list[list[FileSample]] = []
            self.finished = False

        def send(self, part: list[FileSample]) -> None:
            self.parts.append(part)

        def finish(self) -> None:
            self.finished = True

    way = Way()
    sent = send_all(bundles([row(k) for k in range(7)], 3), way)
    assert [len(p) for p in way.parts] == [3, 3, 1]
    assert way.finished
    assert sent == Sent(7, {("m", ())}, T0, T0 + 6_000)


def test_a_series_keeps_its_key() -> None:
    assert series_key("m", (("a", "1"),)) == series_key("m", (("a", "1"),))
    assert len({series_key(f"m{k}", ()) for k in range(1_000)}) == 64


def test_short_topic_names() -> None:
    assert full_name("samples") == full_name("kizashi.samples.v1") == "kizashi.samples.v1"
    assert full_name("kizashi.metrics.v1.acme") == "kizashi.metrics.v1.acme"
    with pytest.raises(Refused, match="no topic"):
        full_name("nonsense")
