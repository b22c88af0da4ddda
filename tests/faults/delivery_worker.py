"""A nursery of couriers: forks one for each line on stdin, lets it kill itself at the asked step, and says how it ended.

The courier, the switchboard, the doors and the model's outbox are the service's own; only the log below them is two files instead of
two topics, written with O_APPEND as a broker would append.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import ssl
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from kizashi.clock import SystemClock
from kizashi.contracts import codec
from kizashi.contracts.findings import Delivery
from kizashi.secret_files import SecretFiles
from services.alerting import retry
from services.alerting.channels.courier import Courier, Step
from services.alerting.channels.doors import Doors
from services.alerting.channels.https import Https
from services.alerting.channels.switchboard import Switchboard
from services.alerting.notification import Notification
from services.alerting.outbox import Outbox
from services.alerting.targets import Reach

HOST = "hooks.test"


class LoggedOutbox:
    """The model's outbox, folded from a log of notifications and a log of deliveries, as the duty folds it from its topics."""

    def __init__(self, folder: Path, fallbacks: dict[str, str]) -> None:
        self._outbox, self._fallbacks = Outbox(), fallbacks
        self._told, self._made = (folder / "notifications").open("rb"), (folder / "deliveries").open("rb")
        self._log = os.open(folder / "deliveries", os.O_WRONLY | os.O_APPEND)

    def pending(self) -> Iterable[Notification]:
        self._outbox.put(codec.decode(line, Notification) for line in self._told)
        for line in self._made:
            self._outbox.settle(codec.decode(line, Delivery), lambda name: self._fallbacks.get(name, ""))
        return self._outbox.waiting()

    async def record(self, delivery: Delivery) -> None:
        os.write(self._log, codec.encode(delivery) + b"\n")


async def carry(folder: Path, ask: dict[str, Any]) -> None:
    """Run a courier until nothing is pending, or until the step at which it kills its own process."""
    port, left, stop = int(ask["port"]), [int(ask.get("kill_at", 0))], asyncio.Event()

    async def fault(step: Step, key: str) -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    async def here(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    trust = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    doors = Doors(Https(Reach(True, frozenset({f"{HOST}:{port}"})), trust, here), SecretFiles(folder), SystemClock())
    bodies = {
        name: {"type": "webhook", "url": f"https://{HOST}:{port}/{name}", "secret_file": "whsec", "fallback": other}
        for name, other in ask["channels"].items()
    }
    outbox = LoggedOutbox(folder, ask["channels"])
    board = Switchboard(lambda _tenant, name: bodies.get(name), doors)
    courier = Courier(outbox, board, SystemClock(), seed=int(ask["seed"]), fault=fault, look_every_s=0.01)
    running = asyncio.create_task(courier.run(stop))
    while not running.done() and outbox.pending():
        await asyncio.wait([running], timeout=0.01)
    stop.set()
    await running


def main() -> None:
    """One fork a line; ``[a, b]`` runs two couriers over the same logs at once."""
    retry.FIRST_S = 0.02
    for line in sys.stdin:
        asked = json.loads(line)
        children = []
        for ask in asked if isinstance(asked, list) else [asked]:
            child = os.fork()
            if child == 0:
                asyncio.run(carry(Path(ask["folder"]), ask))
                os._exit(0)
            children.append(child)
        ends = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        sys.stdout.write(json.dumps(ends) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
