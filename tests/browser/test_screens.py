"""The web client in a real browser against the real house: every page in every look, and what people do on them.

The tests themselves are JavaScript (``*.test.mjs``, Node's own runner): the browser speaks it. This file starts the house, sends it
something to show, and hands over its address.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running_house import ROOT, RunningHouse, until

HERE = Path(__file__).parent
UI = ROOT / "services" / "gateway" / "ui"
RUN_WITHIN_S = 540.0
pytestmark = pytest.mark.browser


def node(*words: str, cwd: Path, environ: dict[str, str] | None = None, within_s: float = 300.0) -> subprocess.CompletedProcess[str]:
    """Run the Node that came with the requirements."""
    command = [str(Path(sys.executable).with_name(words[0])), *words[1:]]
    return subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=within_s, check=False)


def prepared(folder: Path) -> None:
    """Install a folder's locked packages once."""
    if (folder / "node_modules").is_dir():
        return
    done = node("npm", "ci", "--no-audit", "--no-fund", cwd=folder)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def client() -> None:
    """The built client and the browser."""
    prepared(UI)
    prepared(HERE)
    if not (UI / "dist" / "index.html").is_file():
        done = node("npm", "run", "build", cwd=UI)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHouse]:
    """A house of its own: fault tests kill the processes of the shared one, and its pages then show what they left behind."""
    running = RunningHouse(tmp_path_factory.mktemp("browser-house"))
    running.start()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def shown(quiet: RunningHouse, client: None) -> Iterator[dict[str, str]]:
    """A house with two services, one of which turns odd; the environment of the tests."""
    start = time.time() - 1_800
    lines = [
        json.dumps({
            "metric": metric, "value": base * (3.0 if service == "pay" and i > 1_770 else 1.0) + (i % 7) * 0.5, "ts": start + i,
            "labels": {"service": service, "host": f"node-{n}"},
        })
        for i in range(1_800) for n, service in enumerate(("pay", "cart")) for metric, base in (("latency_ms", 40.0), ("cpu", 20.0))
    ]  # fmt: skip
    quiet.kizashi("send", "-", input="\n".join(lines))
    until(
        lambda: int(quiet.query("SELECT count() AS n FROM v_scores WHERE metric = 'latency_ms'")[0]["n"]) >= 3_600, 60.0, saying="landing"
    )
    yield dict(os.environ) | {
        "KIZASHI_TEST_URL": quiet.url,
        "KIZASHI_TEST_SENT_UNTIL": str(round((start + 1_800) * 1_000)),
        "KIZASHI_TEST_PICTURES": os.environ.get("KIZASHI_TEST_PICTURES", ""),
    }


@pytest.mark.parametrize("file", sorted(f.name for f in HERE.glob("*.test.mjs")))
def test_in_the_browser(file: str, shown: dict[str, str], quiet: RunningHouse) -> None:
    """One file of browser tests, in a browser that signs in with a one-time link of its own."""
    link = json.loads(quiet.kizashi("token", "login", "--json").stdout)["url"]
    environ = shown | {"KIZASHI_TEST_LOGIN": link}
    done = node("node", "--test", "--test-reporter=spec", file, cwd=HERE, environ=environ, within_s=RUN_WITHIN_S)
    assert done.returncode == 0, done.stdout[-12_000:] + done.stderr[-2_000:]
