"""Children: start in stages, restart with pauses, stop in time, and die with their supervisor. Real processes, no Kafka."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from kizashi.errors import Recoverable
from kizashi.standalone import child as childhood
from kizashi.standalone import home as house
from kizashi.standalone.child import Backoff, Child, ChildSpec
from kizashi.standalone.rotating_log import RotatingLog
from kizashi.standalone.supervisor import Stage, Supervisor

POLITE = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); open(sys.argv[1], 'w').close(); time.sleep(60)"
DEAF = "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open(sys.argv[1], 'w').close(); time.sleep(60)"


def python(code: str, mark: Path) -> Callable[[], list[str]]:
    return lambda: [sys.executable, "-I", "-S", "-c", code, str(mark)]


def spec(tmp_path: Path, name: str, code: str = POLITE, stop_within_s: float = 3.0) -> ChildSpec:
    mark = tmp_path / f"{name}.mark"
    return ChildSpec(name, python(code, mark), mark.exists, stop_within_s=stop_within_s)


async def until(what: Callable[[], object], within_s: float = 10.0) -> None:
    deadline = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < deadline, "did not happen in time"
        await asyncio.sleep(0.02)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path


async def test_stages_start_in_order_and_stop_in_reverse(folder: Path) -> None:
    order: list[str] = []

    async def between() -> None:
        order.append("then" if (folder / "first.mark").exists() and not (folder / "second.mark").exists() else "too late")

    stages = [Stage("one", [spec(folder, "first")], then=between), Stage("two", [spec(folder, "second")])]
    supervisor = Supervisor(folder, stages, {"version": "x"})
    stopping = asyncio.Event()
    await supervisor.start(stopping)
    assert await supervisor.wait_ready(5, stopping)
    assert order == ["then"] and supervisor.view()["ready"] is True
    began = time.monotonic()
    await supervisor.stop()
    assert time.monotonic() - began < 3
    assert [child.state for child in supervisor.children] == ["stopped", "stopped"]
    assert not (folder / "run" / "state.json").exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "asked to end"])
async def test_child_that_somebody_else_ends_is_started_again(folder: Path, number: int) -> None:
    child = Child(spec(folder, "victim"), folder / "logs")
    child.start()
    await asyncio.wait_for(child.ready.wait(), 10)
    first = child.pid
    assert first is not None
    os.kill(first, number)
    await until(lambda: child.restarts == 1 and child.state == "ready" and child.pid not in (None, first))
    await child.stop()
    assert child.pid is None


async def test_deaf_child_is_killed_after_its_time(folder: Path) -> None:
    child = Child(spec(folder, "deaf", DEAF, stop_within_s=0.3), folder / "logs")
    child.start()
    await asyncio.wait_for(child.ready.wait(), 10)
    began = time.monotonic()
    await child.stop()
    assert time.monotonic() - began < 2 and child.state == "stopped"


async def test_stage_that_cannot_start_says_what_the_child_said(folder: Path) -> None:
    stages = [Stage("bus", [spec(folder, "broken", "raise SystemExit('no such disk')")])]
    supervisor = Supervisor(folder, stages, {})
    with pytest.raises(Recoverable, match=r"(?s)broken does not get ready: ended with exit code 1.*no such disk"):
        await supervisor.start(asyncio.Event())
    await supervisor.stop()


async def test_hung_child_is_killed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(childhood, "HUNG_AFTER_S", 0.1)
    monkeypatch.setattr(childhood, "PROBE_EVERY_S", 0.01)
    mark = folder / "stuck.mark"
    child = Child(ChildSpec("stuck", python(POLITE, mark), mark.exists, live=lambda: False), folder / "logs")
    child.start()
    await until(lambda: child.restarts >= 1)
    await child.stop()


def test_backoff_slows_a_circle_of_fast_exits() -> None:
    backoff = Backoff()
    pauses = [backoff.after(0.1, 71) for _ in range(20)]
    assert pauses[0] == childhood.FIRST_PAUSE_S and pauses[-1] == childhood.LONGEST_PAUSE_S
    assert pauses == sorted(pauses)


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
def test_children_die_with_a_killed_supervisor(folder: Path) -> None:
    program = textwrap.dedent(f"""
        import asyncio, sys
        from pathlib import Path
        from kizashi.standalone.child import Child, ChildSpec
        async def main():
            mark = Path({str(folder / "orphan.mark")!r})
            child = Child(ChildSpec("orphan", lambda: [sys.executable, "-c", {DEAF!r}, str(mark)], mark.exists), Path({str(folder)!r}))
            child.start()
            await child.ready.wait()
            print(child.pid, flush=True)
            await asyncio.sleep(60)
        asyncio.run(main())
    """)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": "shared"}) as supervisor:
        assert supervisor.stdout is not None
        orphan = psutil.Process(int(supervisor.stdout.readline()))
        supervisor.send_signal(signal.SIGKILL)
        supervisor.wait(5)
        gone, _ = psutil.wait_procs([orphan], timeout=5)
    assert gone


def test_log_is_capped(tmp_path: Path) -> None:
    log = RotatingLog(tmp_path / "a.log", cap=1_000)
    for i in range(100):
        log.write(b"%098d\n" % i)
    log.close()
    sizes = [file.stat().st_size for file in tmp_path.iterdir()]
    assert len(sizes) == 2 and max(sizes) <= 1_000
    assert log.last_words(1).endswith("99")


def test_second_owner_gets_a_sentence(tmp_path: Path) -> None:
    with house.claimed(tmp_path):
        assert house.owner(tmp_path) == os.getpid()
        with pytest.raises(Exception, match=f"already runs on .* \\(process {os.getpid()}\\).*KIZASHI_HOME"), house.claimed(tmp_path):
            pass
    assert house.owner(tmp_path) is None
    with house.claimed(tmp_path):
        pass


def test_newer_data_folder_is_refused_with_the_way_back(tmp_path: Path) -> None:
    house.open_format(tmp_path, "Kizashi 1")
    (tmp_path / "VERSION.json").write_text('{"format": 99, "program": "Kizashi 9"}')
    with pytest.raises(Exception, match=r"Kizashi 9 .*Start that version again"):
        house.open_format(tmp_path, "Kizashi 1")


def test_older_data_folder_is_migrated_step_by_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[int] = []
    monkeypatch.setattr(house, "FORMAT", 3)
    monkeypatch.setattr(house, "STEPS", {1: lambda _: done.append(1), 2: lambda _: done.append(2)})
    (tmp_path / "VERSION.json").write_text('{"format": 1, "program": "Kizashi 0"}')
    house.open_format(tmp_path, "Kizashi 3")
    house.open_format(tmp_path, "Kizashi 3")
    assert done == [1, 2]


def test_secrets_are_made_once_and_are_private(tmp_path: Path) -> None:
    house.make_secrets(tmp_path)
    key = (tmp_path / "secrets" / "config.key").read_bytes()
    house.make_secrets(tmp_path)
    assert (tmp_path / "secrets" / "config.key").read_bytes() == key and len(key) == 32
    assert {oct(file.stat().st_mode & 0o777) for file in (tmp_path / "secrets").iterdir()} == {"0o600"}


async def test_one_late_answer_is_not_unready_but_several_are(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(childhood, "PROBE_EVERY_S", 0.02)
    seen: list[str] = []
    answers = iter([True, *[False] * (childhood.UNREADY_AFTER - 1), True, *[False] * childhood.UNREADY_AFTER])
    told = python(POLITE, folder / "child.mark")
    child = Child(ChildSpec("child", told, lambda: next(answers, True)), folder, lambda: seen.append(child.state))
    child.start()
    await until(lambda: "unready" in seen and child.state == "ready")
    assert [state for state in seen if state in ("ready", "unready")].count("unready") == 1
    assert next(answers, None) is None, "the first two late answers changed nothing"
    await child.stop()
