"""Alerting's inner HTTP: what the gateway asks for people. Reads only; whoever asks shows the token that the signing key gives.

Questions about now are answered by the event loop, from the state itself. Replays read the store and take seconds of CPU: they run in a
process of their own, one at a time, so that paging neither waits for them nor depends on the store.
"""

from __future__ import annotations

import asyncio
import errno
import hmac
import json
import socket
import sys
import threading
from collections.abc import Awaitable, Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from kizashi.errors import ConfigurationError, Conflict, KizashiError, NotFound, Refused
from kizashi.observe.logs import logger

ROOT = "/alerting/v1/"
LARGEST_BODY = 8 << 20
REPLAY_WITHIN_S = 110.0
Ask = Callable[[str, str, dict[str, str], dict[str, Any]], Awaitable[Any]]
"""(method, path, query, body) → what becomes JSON."""


class Busy(KizashiError):
    """A replay is running already."""


class Elsewhere(KizashiError):
    """The question is for another worker."""


class InnerPort:
    """Serves ``ask`` from daemon threads on ``host``:``port``; ``port`` is the one it got. Raises ConfigurationError when it is taken."""

    def __init__(self, host: str, port: int, token: str, ask: Ask, loop: asyncio.AbstractEventLoop) -> None:
        class Handler(_Handler):
            expected, question, home = f"Bearer {token}", staticmethod(ask), loop

        self._server = _server(host, port, Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, name="inner", daemon=True).start()

    def close(self) -> None:
        """Stop serving and free the port."""
        self._server.shutdown()
        self._server.server_close()


def _server(host: str, port: int, handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    """Listens on that address of ``host`` which is this machine's: where several workers share a name, each finds its own."""
    failed: OSError | None = None
    try:
        found = socket.getaddrinfo(host, port, socket.AF_INET, socket.SOCK_STREAM)
    except OSError as x:
        found, failed = [], x
    for *_, address in found:
        try:
            return ThreadingHTTPServer((str(address[0]), port), handler)
        except OSError as x:
            failed = x
            if x.errno != errno.EADDRNOTAVAIL:
                break
    said = failed.strerror if failed else "it has no address"
    raise ConfigurationError(f"{host}:{port} for alerting cannot be had ({said}): set alerting_port") from failed


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    expected: str
    question: Ask
    home: asyncio.AbstractEventLoop

    def do_GET(self) -> None:
        """A question without a body."""
        self._take({})

    def do_POST(self) -> None:
        """A question with one."""
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > LARGEST_BODY:
            self.close_connection = True
            self._say(413, {"detail": f"a body has a length, of at most {LARGEST_BODY} bytes"})
            return
        try:
            body = json.loads(self.rfile.read(int(length)) or b"{}")
        except (ValueError, RecursionError) as x:
            self._say(400, {"detail": f"not JSON: {x}"})
            return
        if isinstance(body, dict):
            self._take(body)
        else:
            self._say(400, {"detail": "the body is a JSON object"})

    def log_message(self, format: str, *args: object) -> None:
        """Questions are not news."""

    def _take(self, body: dict[str, Any]) -> None:
        if not hmac.compare_digest(self.headers.get("Authorization", "").encode(), self.expected.encode()):
            self._say(401, {"detail": "this port is for the gateway"})
            return
        url = urlsplit(self.path)
        if not url.path.startswith(ROOT):
            self._say(404, {"detail": f"everything is below {ROOT}"})
            return
        asked = type(self).question(self.command, url.path.removeprefix(ROOT), dict(parse_qsl(url.query)), body)
        self._say(*self._answered(asked))

    def _answered(self, asked: Awaitable[Any]) -> tuple[int, object]:
        """Status and body."""
        future = asyncio.run_coroutine_threadsafe(_awaited(asked), self.home)
        try:
            return 200, future.result(REPLAY_WITHIN_S + 10)
        except NotFound as x:
            return 404, {"detail": str(x)}
        except Elsewhere as x:
            return 421, {"detail": str(x)}
        except Conflict as x:
            return 409, {"detail": str(x)}
        except TimeoutError:
            future.cancel()
            return 504, {"detail": "no answer in time: choose a shorter range"}
        except Refused as x:
            return 400, {"detail": str(x)}
        except KizashiError as x:
            return 503, {"detail": str(x)}
        except Exception:
            # a bug that one question meets: without an answer the gateway would tell people that alerting does not run
            logger().exception("inner.bug", path=self.path[:200])
            return 500, {"detail": "the question failed; the log of alerting has the reason"}

    def _say(self, status: int, value: object) -> None:
        data = json.dumps(value, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


async def _awaited(asked: Awaitable[Any]) -> Any:
    return await asked


class Replayer:
    """Runs ``kizashi replay|tuning|why`` for one question at a time."""

    def __init__(self) -> None:
        self._one = asyncio.Lock()

    async def run(self, command: list[str], document: dict[str, Any]) -> Any:
        """The command's JSON; ``document`` is its standard input. Raises Busy, Refused (with what it said), TimeoutError."""
        if self._one.locked():
            raise Busy("a replay is running: ask again in a few seconds")
        async with self._one:
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "services", *command, "--json",
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
            try:
                async with asyncio.timeout(REPLAY_WITHIN_S):
                    out, err = await child.communicate(json.dumps(document).encode())
            finally:
                if child.returncode is None:
                    child.kill()
                    await child.wait()
        if child.returncode != 0:
            said = err.decode("utf-8", "replace").strip().splitlines()
            raise Refused(said[-1] if said else f"the replay ended with {child.returncode}")
        return json.loads(out)
