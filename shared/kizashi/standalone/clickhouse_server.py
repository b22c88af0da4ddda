"""The embedded ClickHouse server: ``python -m kizashi.standalone.clickhouse_server --path DIR --port N --user U --password-file F``.

One process owns the data folder and serves it over ClickHouse's HTTP interface; clients cannot tell it from a real server.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from aiohttp import web

from kizashi.observe import logs
from kizashi.standalone.clickhouse_engine import Engine, EngineError, Memory
from kizashi.standalone.clickhouse_http import Front, Limits
from kizashi.standalone.clickhouse_request import Account

STOP_WITHIN_S = 4.0
"""Running queries get this long at shutdown; what is not acknowledged by then was not promised."""
LONGEST_URI = 1 << 20
"""As ClickHouse's own http_max_uri_size: clients put parameters into the URL, and 500 series ids alone are 10 kB."""


async def serve(
    path: Path, port: int, accounts: list[Account], stop: asyncio.Event, bind: str = "127.0.0.1", memory: Memory | None = None,
    limits: Limits | None = None, ready: asyncio.Future[int] | None = None,
) -> None:  # fmt: skip
    """Serve ``path`` until ``stop`` is set; ``ready`` gets the port. Raises EngineError when the folder cannot be opened."""
    log = logs.logger()
    loop = asyncio.get_running_loop()
    engine = await loop.run_in_executor(None, lambda: Engine(path, memory))
    front = Front(engine, {a.name: a for a in accounts}, limits)
    runner = web.AppRunner(
        front.application(),
        auto_decompress=False,
        access_log=None,
        shutdown_timeout=STOP_WITHIN_S,
        handler_cancellation=True,
        max_line_size=LONGEST_URI,
    )
    await runner.setup()
    site = web.TCPSite(runner, bind, port, backlog=256)
    await site.start()
    server = site._server
    assert isinstance(server, asyncio.Server)
    got = int(server.sockets[0].getsockname()[1])
    log.info("store.ready", port=got, path=str(path), engine=engine.version)
    if ready is not None:
        ready.set_result(got)
    try:
        await stop.wait()
    finally:
        await runner.cleanup()
        front.close()
        engine.close()
        log.info("store.stopped")


def main(argv: list[str] | None = None) -> int:
    """Entry point of the process; exit code 1 says why on the log."""
    parser = argparse.ArgumentParser(prog="kizashi.standalone.clickhouse_server", description=__doc__)
    parser.add_argument("--path", type=Path, required=True, help="data folder; made when it is missing")
    parser.add_argument("--port", type=int, default=8123)
    parser.add_argument("--bind", default="127.0.0.1")
    parser.add_argument("--user", default="kizashi")
    parser.add_argument("--password-file", type=Path, required=True)
    parser.add_argument("--reader", default="", help="name of a second account that may only read")
    parser.add_argument("--reader-password-file", type=Path)
    parser.add_argument("--memory-mib", type=int, default=Memory.server_mib, help="bound of the engine's memory")
    a = parser.parse_args(argv)
    logs.configure("clickhouse")
    accounts = [Account(a.user, a.password_file.read_text().strip())]
    if a.reader:
        accounts.append(Account(a.reader, a.reader_password_file.read_text().strip(), reader=True))
    try:
        asyncio.run(_until_signal(a, accounts))
    except (EngineError, OSError) as x:
        logs.logger().error("store.cannot_start", reason=str(x))
        return 1
    return 0


async def _until_signal(a: argparse.Namespace, accounts: list[Account]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    memory = Memory(server_mib=a.memory_mib, query_mib=max(256, a.memory_mib // 2))
    await serve(a.path, a.port, accounts, stop, bind=a.bind, memory=memory)


if __name__ == "__main__":
    sys.exit(main())
