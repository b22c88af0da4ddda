"""The same stream of 1,000 random alerts through our groups, inhibition, silences and routes, and through a real Alertmanager.

Needs the Debian package ``prometheus-alertmanager`` (or its path in ALERTMANAGER). What may differ, and why:

* the end of an alert that was never told: Alertmanager announces it as resolved, we do not (nobody asked);
* the end of an alert that is silenced or inhibited by then: Alertmanager keeps it back, we tell it (whoever was woken may sleep).

Both are counted and taken out before the comparison; what is left must be the same messages, group by group, in the same order.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import threading
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
import yaml

from kizashi.contracts.findings import Delivery
from kizashi.standalone.probe import free_port
from services.alerting import telling
from services.alerting.configuration import RunningSet
from services.alerting.routing import Plan
from services.alerting.rules import AnomalyRule
from services.alerting.states import Live
from services.alerting.tenant import Tenant
from tests.unit.alerting.situation import T0, episode

PROGRAM = os.environ.get("ALERTMANAGER") or shutil.which("prometheus-alertmanager")
BURSTS, EVENTS, ALERTS = 24, 42, 400
MOST_STARTS = 3
"""One more within the hour would be flapping, which Alertmanager does not know."""
STEP_S, WAIT_S = 2.0, 1.0
"""Bursts come at even seconds, groups speak at odd ones: a second of room on both sides for two programs that share no clock."""
ROUTE = {
    "group_by": ["team"], "group_wait_s": WAIT_S, "critical_wait_s": WAIT_S, "group_interval_s": STEP_S, "repeat_interval_s": 3_600,
    "channels": ["all"],
    "routes": [
        {"match": ["tier=gold"], "channels": ["gold"], "group_by": ["team", "area"], "continue": True},
        {"match": ["area=~a|b"], "channels": ["area"], "routes": [{"match": ["team!=x"], "channels": ["deep"], "group_by": ["area"]}]},
    ],
}  # fmt: skip
INHIBIT = {"source": ["role=parent"], "target": ["role=child"], "equal": ["area"]}
SILENCED = "team=z"
Said = tuple[frozenset[str], frozenset[str]]
"""(firing, resolved)"""


def labels_of(n: int) -> dict[str, str]:
    chance = random.Random(n)
    return {
        "n": str(n), "team": chance.choice("xyz"), "area": chance.choice("abc"), "tier": chance.choice(["gold", "tin", "tin"]),
        "role": chance.choice(["parent", "child", "child", "other"]),
    }  # fmt: skip


def events() -> list[list[tuple[int, bool]]]:
    """Bursts of (alert, starts); an alert that is over may start again."""
    chance, on, out, count = random.Random(11), set[int](), [], dict.fromkeys(range(ALERTS), 0)
    for _ in range(BURSTS):
        burst = []
        for n in chance.sample([n for n in range(ALERTS) if n in on or count[n] < MOST_STARTS], EVENTS):
            starts = n not in on
            count[n] += starts
            (on.add if starts else on.discard)(n)
            burst.append((n, starts))
        out.append(burst)
    return out


@dataclass
class Heard:
    """What a side said: (receiver, group labels) → messages in order."""

    groups: dict[tuple[str, str], list[Said]] = field(default_factory=lambda: defaultdict(list))

    def hear(self, receiver: str, labels: dict[str, str], firing: Any, resolved: Any) -> None:
        self.groups[receiver, json.dumps(labels, sort_keys=True)].append((frozenset(firing), frozenset(resolved)))


def ours() -> tuple[Heard, int]:
    """Our chain on a simulated clock; and how many ends it told of alerts that were held back by then."""
    running = RunningSet({"odd": AnomalyRule()})
    for kind, id_, body in (
        ("route", "tree", ROUTE), ("inhibition", "i", INHIBIT),
        ("silence", "s", {"match": [SILENCED], "ends_ms": T0 + 86_400_000, "owner": "m", "reason": "r"}),
    ):  # fmt: skip
        assert running.take(kind, id_, body, T0), running.problems
    t, heard, names, muted, kept = Tenant("default", running), Heard(), dict[str, dict[str, str]](), set[str](), 0
    begun: dict[int, int] = {}

    def pass_time(until_ms: int) -> int:
        told = 0
        for now in range(max(t.now_ms, T0), until_ms + 1, 250):
            t.advance(now)
            for m in t.outbox.waiting():
                held = {a.labels["n"] for a in m.alerts if a.id in t.book.alerts and t.book.alerts[a.id].held_back_by}
                firing = {a.labels["n"] for a in m.alerts if a.state == "firing"} - held
                resolved = {a.labels["n"] for a in m.alerts if a.state == "resolved"}
                told += len(resolved & muted)
                heard.hear(m.channel, names[m.group], firing, resolved - muted)
                t.delivery(Delivery(m.key, m.group, "default", m.channel, t.now_ms, "sent", dedup_key=m.key))
            names.update({g.id: g.labels for g in t.groups.values()})
        return told

    for k, burst in enumerate(events()):
        at = T0 + round(k * STEP_S * 1000)
        kept += pass_time(at)
        over: list[Live] = []
        for n, starts in burst:
            if starts:
                begun[n] = at + n
                t.episode(episode(n, at_ms=at + n, labels=labels_of(n), severity="warning"))
            else:
                over += t.book.find(f"episode-{n}-{begun[n]}")
                t.episode(episode(n, at_ms=begun[n], version=2, state="closed", closed_ms=at, labels=labels_of(n)))
        names.update({g.id: g.labels for g in t.groups.values()})
        muted = {a.labels["n"] for a in over if t.gate(a, Plan())[0]}
    return heard, kept + pass_time(t.now_ms + 6_000)


class _Hook(BaseHTTPRequestHandler):
    heard: Heard

    def do_POST(self) -> None:
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        states = {s: [a["labels"]["n"] for a in said["alerts"] if a["status"] == s] for s in ("firing", "resolved")}
        self.heard.hear(said["receiver"], said["groupLabels"], states["firing"], states["resolved"])
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""


@pytest.fixture
def hook() -> Iterator[tuple[Heard, int]]:
    heard = Heard()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Hook", (_Hook,), {"heard": heard}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield heard, server.server_address[1]
    server.shutdown()
    server.server_close()


def config(port: int) -> dict[str, Any]:
    def node(r: dict[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = {"receiver": r["channels"][0]}
        made |= {"matchers": r["match"]} if "match" in r else {}
        made |= {"group_by": r["group_by"]} if "group_by" in r else {}
        made |= {"continue": True} if r.get("continue") else {}
        return made | ({"routes": [node(x) for x in r["routes"]]} if "routes" in r else {})

    top = node(ROUTE) | {"group_wait": "1s", "group_interval": "2s", "repeat_interval": "1h"}
    hook = {"url": f"http://127.0.0.1:{port}/", "send_resolved": True}
    return {
        "route": top, "receivers": [{"name": n, "webhook_configs": [hook]} for n in ("all", "gold", "area", "deep")],
        "inhibit_rules": [{"source_matchers": INHIBIT["source"], "target_matchers": INHIBIT["target"], "equal": INHIBIT["equal"]}],
    }  # fmt: skip


def post(port: int, path: str, body: object) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v2/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=5).read()


def at(seconds: float = 0.0) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def theirs(folder: Path, heard: Heard, hook_port: int) -> None:
    """The stream through the real program, in real time."""
    assert PROGRAM
    port, file = free_port(), folder / "alertmanager.yml"
    file.write_text(yaml.safe_dump(config(hook_port)), encoding="utf-8")
    command = [PROGRAM, f"--config.file={file}", f"--storage.path={folder}", f"--web.listen-address=127.0.0.1:{port}",
               "--cluster.listen-address="]  # fmt: skip
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            for _ in range(200):
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=1).read()
                    break
                except OSError:
                    time.sleep(0.1)
            name, _, value = SILENCED.partition("=")
            matcher = {"name": name, "value": value, "isRegex": False, "isEqual": True}
            post(port, "silences", {"matchers": [matcher], "startsAt": at(), "endsAt": at(3_600), "createdBy": "m", "comment": "r"})
            began: dict[int, str] = {}
            start = time.monotonic() + 1.0
            for k, burst in enumerate(events()):
                time.sleep(max(0.0, start + k * STEP_S - time.monotonic()))
                sent = []
                for n, starts in burst:
                    began[n] = at() if starts else began[n]
                    sent.append({"labels": labels_of(n), "startsAt": began[n], "endsAt": at(3_600) if starts else at(-0.001)})
                post(port, "alerts", sent)
            time.sleep(5.0)
        finally:
            process.terminate()


def with_news(said: list[Said]) -> tuple[list[Said], int]:
    """Messages without ends that were never begun, and without those that then say nothing new; how many ends that were."""
    told, out, dropped = set[str](), [], 0
    for firing, resolved in said:
        ends = frozenset(resolved & told)
        dropped += len(resolved - told)
        if (firing - told) or ends:
            out.append((firing, ends))
        told = (told | firing) - resolved
    return out, dropped


@pytest.mark.skipif(PROGRAM is None, reason="prometheus-alertmanager is not installed: apt-get install prometheus-alertmanager")
def test_the_same_messages_as_a_real_alertmanager(tmp_path: Path, hook: tuple[Heard, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "SHOWN", 1_000)
    heard, port = hook
    theirs(tmp_path, heard, port)
    mine, kept_ends = ours()
    never_told, different, messages = 0, [], 0
    for group in sorted({*mine.groups, *heard.groups}):
        (a, _), (b, dropped) = with_news(mine.groups.get(group, [])), with_news(heard.groups.get(group, []))
        never_told, messages = never_told + dropped, messages + len(a)
        different += [(group, k, x, y) for k, (x, y) in enumerate(zip_longest(a, b)) if x != y]
    print(f"\n{BURSTS * EVENTS} starts and ends, {len(mine.groups)} groups, {messages} messages; "
          f"ends told of muted alerts: {kept_ends}; ends that Alertmanager told of alerts never said: {never_told}")  # fmt: skip
    assert mine.groups.keys() == heard.groups.keys() and messages > 100
    assert not different, different[:3]
