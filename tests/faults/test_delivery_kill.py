"""kill -9 of the courier between any two of its steps: each state is told at least once, repeats carry the same key, and a receiver
that honours the key sees exactly one. The processes, the sockets and the TLS are real; the outbox is the model's, over files."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from kizashi.contracts import codec
from kizashi.contracts.findings import Delivery
from services.alerting.notification import Kind, Notification, notification_key
from tests.unit.alerting.channels.receiver import Asked, Receiver, Reply, receiver

pytestmark = pytest.mark.faults

ROOT = Path(__file__).parents[2]
CRASHES_A_ROUND = 5
GROUPS, STATES = 5, ("firing", "acknowledged", "resolved")
CHANNELS = {"flaky": "", "dead": "spare", "spare": ""}
"""Name → fallback. ``flaky`` answers 500 now and then, ``dead`` refuses for good, so that ``spare`` takes over."""
SEED = 20_261_125
Ask = Callable[[object], Awaitable[list[int]]]


def messages() -> list[Notification]:
    """Three states of five groups, on a flaky channel and on one that needs its fallback."""
    out, now_ms = [], time.time_ns() // 1_000_000
    for g in range(GROUPS):
        for sequence, state in enumerate(STATES):
            for channel in ("flaky", "dead"):
                kind: Kind = state  # type: ignore[assignment]  # one of the three
                key = notification_key("t", f"g{g}", state, channel, 0)
                out.append(Notification(key, "t", channel, kind, f"g{g}", state, "critical", "x", ["y"], now_ms, sequence=sequence))
    return out


def judge(rng: random.Random, taken: list[Asked]) -> Callable[[Asked], Reply]:
    """The receiver: what it answers 200 to goes into ``taken``."""

    def answer(asked: Asked) -> Reply:
        if asked.path == "/dead":
            return Reply(410)
        if asked.path == "/flaky" and rng.random() < 0.2:
            return Reply(500)
        taken.append(asked)
        return Reply(200)

    return answer


@contextlib.asynccontextmanager
async def nursery() -> AsyncIterator[Ask]:
    """A process that forks couriers; gives their exit codes."""
    environ = os.environ | {"PYTHONPATH": f"{ROOT / 'shared'}{os.pathsep}{ROOT}"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(Path(__file__).with_name("delivery_worker.py")), env=environ,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdin and process.stdout
    stdin, stdout = process.stdin, process.stdout

    async def ask(what: object) -> list[int]:
        stdin.write(json.dumps(what).encode() + b"\n")
        async with asyncio.timeout(60):
            while not (line := await stdout.readline()).startswith(b"["):
                assert line, "the nursery is gone"
        ends: list[int] = json.loads(line)
        return ends

    try:
        yield ask
    finally:
        stdin.close()
        await process.wait()


def prepare(folder: Path, running: Receiver) -> None:
    folder.mkdir()
    (folder / "notifications").write_bytes(b"".join(codec.encode(n) + b"\n" for n in messages()))
    (folder / "deliveries").touch()
    (folder / "t").mkdir()
    (folder / "t" / "whsec").write_text("whsec_" + base64.b64encode(bytes(32)).decode())
    running.authority.cert_pem.write_to_path(str(folder / "ca.pem"))


def check(folder: Path, taken: list[Asked]) -> Counter[str]:
    """Raises AssertionError when a state is missing, out of order, or told under two keys; gives how often each key was taken."""
    expected = {n.key for n in messages() if n.channel == "flaky"}
    expected |= {notification_key("t", n.group, n.state_version, "spare", 0) for n in messages() if n.channel == "dead"}
    seen: dict[str, bytes] = {}
    lines: dict[tuple[str, str], list[str]] = {}
    for a in taken:
        key, data = a.headers["webhook-id"], a.json["data"]
        if key not in seen:
            lines.setdefault((a.path, data["group"]), []).append(data["kind"])
        assert seen.setdefault(key, a.body) == a.body, "a repeat says what the first one said"
    assert set(seen) == expected, "each state at least once, and nothing that nobody asked for"
    assert all(line == list(STATES) for line in lines.values()), "a resolution never overtakes its alert"
    done = [codec.decode(line, Delivery) for line in (folder / "deliveries").read_bytes().splitlines()]
    assert {d.dedup_key for d in done if d.state == "sent"} == expected
    return Counter(a.headers["webhook-id"] for a in taken)


@pytest.mark.parametrize("most", [30, pytest.param(200, marks=pytest.mark.soak)])
async def test_killed_between_any_two_steps(most: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng, crashes, repeats, told = random.Random(SEED), 0, 0, 0
    taken: list[Asked] = []
    async with receiver(judge=judge(random.Random(SEED), taken)) as running, nursery() as ask:
        while crashes < most:
            folder, first = tmp_path / f"round{crashes}", len(taken)
            prepare(folder, running)
            common: dict[str, Any] = {"folder": str(folder), "port": running.port, "channels": CHANNELS, "seed": SEED}
            for _ in range(CRASHES_A_ROUND):
                (end,) = await ask(common | {"kill_at": rng.randint(1, 40)})
                crashes += end == -signal.SIGKILL
                assert end in (0, -signal.SIGKILL)
            assert await ask(common) == [0]
            counts = check(folder, taken[first:])
            told += len(counts)
            repeats += sum(counts.values()) - len(counts)
    assert repeats < crashes * 40
    with capsys.disabled():
        print(f"\n{crashes} kills at random steps (seed {SEED}): {told} messages, all told, {repeats} repeats, each under its own key")


async def test_two_workers_over_one_outbox(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As during a rebalance: both send what is pending; the receiver that honours the key sees one of each, in order."""
    taken: list[Asked] = []
    async with receiver(judge=judge(random.Random(SEED), taken)) as running, nursery() as ask:
        prepare(tmp_path / "both", running)
        one: dict[str, Any] = {"folder": str(tmp_path / "both"), "port": running.port, "channels": CHANNELS, "seed": 1}
        assert await ask([one | {"kill_at": 30}, one | {"seed": 2}]) in ([0, 0], [-signal.SIGKILL, 0])
        counts = check(tmp_path / "both", taken)
    with capsys.disabled():
        print(f"\ntwo workers: {len(counts)} messages, {sum(counts.values()) - len(counts)} repeats")
