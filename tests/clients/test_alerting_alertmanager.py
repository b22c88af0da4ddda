"""A real Alertmanager as the receiver of our Alertmanager channel (Debian: prometheus-alertmanager)."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import time
from pathlib import Path
from typing import Literal

import httpx
import msgspec
import pytest

from kizashi.clock import SystemClock
from kizashi.secret_files import SecretFiles
from services.alerting.channels.doors import Doors
from services.alerting.channels.https import Https
from services.alerting.channels.switchboard import Switchboard
from services.alerting.notification import AlertSummary, Notification
from services.alerting.targets import Reach

CONFIG = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"
READY_WITHIN_S = 20.0


def told(state: Literal["firing", "resolved"]) -> Notification:
    now_ms = time.time_ns() // 1_000_000
    ended = now_ms if state == "resolved" else None
    labels = {"service": "checkout", "k8s.pod-name": "a\nb 日本語"}
    alert = AlertSummary("alert-1", "latency", "critical", state, "slow", now_ms - 60_000, now_ms, ended, labels, {"cause": "deploy"}, 1.5)
    return Notification(
        f"notification-{state}", "t", "am", state, "group-1", state, "critical", "slow", ["checkout is slow"], now_ms, alerts=[alert]
    )


async def test_it_takes_repeats_as_one_and_ends_what_is_resolved(tmp_path: Path) -> None:
    program = os.environ.get("ALERTMANAGER") or shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if program is None:
        pytest.skip("Alertmanager is not installed (Debian: prometheus-alertmanager): its rules are tested without it")
    (tmp_path / "am.yml").write_text(CONFIG)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = int(s.getsockname()[1])
    process = await asyncio.create_subprocess_exec(
        program, f"--config.file={tmp_path / 'am.yml'}", f"--storage.path={tmp_path / 'data'}", f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=", stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    https = Https(Reach(True, frozenset({f"127.0.0.1:{port}"})))
    board = Switchboard(lambda _t, _n: {"type": "alertmanager", "url": url}, Doors(https, SecretFiles(tmp_path), SystemClock()))
    try:
        async with httpx.AsyncClient(base_url=f"{url}/api/v2", trust_env=False) as client:
            await until_ready(client, process)
            for _ in range(2):
                assert (await board.send(told("firing"))).state == "sent"
            (alert,) = (await client.get("/alerts")).json()
            assert alert["labels"]["alertname"] == "latency" and alert["labels"]["k8s_pod_name"] == "a\nb 日本語"
            assert alert["annotations"]["description"] == "checkout is slow" and alert["status"]["state"] == "active"
            assert (await board.send(told("resolved"))).state == "sent"
            assert (await client.get("/alerts")).json() == []
        empty = await board.send(msgspec.structs.replace(told("firing"), alerts=[]))
        assert empty.state == "failed"
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        await https.close()


async def until_ready(client: httpx.AsyncClient, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(READY_WITHIN_S):
        while True:
            assert process.returncode is None, "Alertmanager does not start: Debian's needs its files in /usr/share/prometheus"
            try:
                if (await client.get("/status")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.05)
