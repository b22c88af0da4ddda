"""``send``, ``tail`` and ``dead-letters`` as a person calls them, against the real broker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from kizashi.contracts.topics import METRICS
from kizashi.errors import BusUnavailable, Refused
from kizashi.settings import KafkaSettings, Settings
from kizashi.standalone.probe import free_port
from kizashi.stream.consumer import Lookout
from services.demo.cli import stream_past
from services.demo.landscape import SERVICES
from services.ingest.cli import dead_letters, send, tail
from services.ingest.files import FileSample
from services.ingest.sending import ToHttp
from tests.pipeline.ingest_lane import produce, running, tenant_topic, until

pytestmark = pytest.mark.pipeline


def call(kafka: KafkaSettings, *words: str, text: str = "") -> Result:
    app = typer.Typer()
    app.command()(send)
    app.command()(tail)
    app.add_typer(dead_letters, name="dead-letters")
    return CliRunner().invoke(app, list(words), obj=lambda: Settings(kafka=kafka), input=text)


def messages(kafka: KafkaSettings, topic: str) -> list[Any]:
    lookout = Lookout(kafka, topic)
    found = [(json.loads(m.value() or b""), m.headers()) for m in lookout.until_end()]
    lookout.close()
    return found


def test_a_file_is_sent_whole_in_order_and_counted(kafka: KafkaSettings, unique: str, tmp_path: Path) -> None:
    topic = tenant_topic(kafka, unique)
    rows = [f"2024-01-01 00:{k // 60:02d}:{k % 60:02d},{k}" for k in range(1_200)]
    (tmp_path / "cpu load.csv").write_text("timestamp,value\n" + "\n".join(rows) + "\n")
    done = call(kafka, "send", str(tmp_path / "cpu load.csv"), "--topic", topic, "--history", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["sent"] == 1_200
    found = messages(kafka, topic)
    assert [s["value"] for batch, _ in found for s in batch] == list(range(1_200))
    assert {s["metric"] for batch, _ in found for s in batch} == {"cpu load"}
    assert all(h == [("kizashi-history", b"1")] for _, h in found)


def test_standard_input_bad_lines_and_a_metric_of_ones_own(kafka: KafkaSettings, unique: str) -> None:
    topic = tenant_topic(kafka, unique)
    done = call(kafka, "send", "-", "--topic", topic, "--metric", "m", text="time,value,host\n1704067200,1,a\nnever,2,a\n1704067201,3,b\n")
    assert done.exit_code == 1
    assert "2 samples of 2 series" in done.output
    assert "line 3" in done.output
    labels = sorted(str(s["labels"]) for batch, _ in messages(kafka, topic) for s in batch)
    assert labels == ["{'host': 'a'}", "{'host': 'b'}"]


def test_rate_and_speed_exclude_each_other(kafka: KafkaSettings) -> None:
    done = call(kafka, "send", "-", "--rate", "1", "--speed", "1")
    assert done.exit_code != 0


def test_a_broker_that_is_away_is_an_error_not_a_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kizashi.stream.producer.Producer.flush", _short_flush)
    (tmp_path / "m.csv").write_text("timestamp,value\n1704067200,1\n")
    done = call(KafkaSettings(bootstrap=f"127.0.0.1:{free_port()}"), "send", str(tmp_path / "m.csv"))
    assert isinstance(done.exception, BusUnavailable)


def _short_flush(self: Any, deadline_s: float = 30.0) -> None:
    if self._client.flush(0.5):
        raise BusUnavailable("not acknowledged")


def test_tail_prints_lines_and_stops(kafka: KafkaSettings, unique: str) -> None:
    topic = tenant_topic(kafka, unique)
    produce(kafka, topic, [b'{"metric":"a","value":1}', b'{"metric":"b","value":2}'])
    done = call(kafka, "tail", topic, "--last", "5", "-n", "2", "--json")
    assert done.exit_code == 0
    assert {json.loads(line)["metric"] for line in done.output.splitlines()} == {"a", "b"}


def test_dead_letters_are_listed_and_replayed(kafka: KafkaSettings, unique: str) -> None:
    with running(kafka, unique) as ingest:
        produce(kafka, ingest.topic, [b'{"metric":"broken %s"}' % unique.encode()])
        until(lambda: ingest.tally.dead.total() == 1, "the dead letter")
        listed = call(kafka, "dead-letters", "list", "--topic", "metrics", "--last", "500", "--json")
        mine = [x for x in json.loads(listed.output) if unique in x["bytes"]]
        assert [(x["reason"], x["from"].rsplit("/", 2)[0]) for x in mine] == [("schema", ingest.topic)]
        dry = call(kafka, "dead-letters", "replay", "--topic", "metrics", "--reason", "schema", "--dry-run", "--json")
        assert json.loads(dry.output)["found"] >= 1
        assert ingest.tally.dead.total() == 1
        none = call(kafka, "dead-letters", "replay", "--topic", "metrics", "--since", "2099-01-01", "--json")
        assert json.loads(none.output) == {"replayed": 0, "found": 0}


def test_the_demo_in_fast_motion_is_acknowledged_whole(kafka: KafkaSettings, unique: str) -> None:
    tenant_topic(kafka, unique)
    before = len(_env(kafka, unique))
    sent = stream_past(Settings(kafka=kafka), 1_700_000_000_000, 1_700_000_600_000, 60_000, 0.0, 7, unique)
    assert sent == 10 * 5 * len(SERVICES)
    assert len(_env(kafka, unique)) - before == sent


def _env(kafka: KafkaSettings, env: str) -> list[Any]:
    return [s for batch, _ in _all(kafka) for s in batch if s.get("labels", {}).get("env") == env]


def _all(kafka: KafkaSettings) -> list[Any]:
    lookout = Lookout(kafka, METRICS.name)
    found = [(json.loads(m.value() or b"[]"), None) for m in lookout.until_end() if (m.value() or b"")[:1] == b"["]
    lookout.close()
    return found


def test_http_needs_an_address_that_answers() -> None:
    with pytest.raises(Refused, match="address"):
        ToHttp("ftp://x", "k", False)
    with pytest.raises(BusUnavailable):
        ToHttp(f"http://127.0.0.1:{free_port()}/api/v1/metrics", "k", False).send([FileSample("m", 1.0, 5)])
