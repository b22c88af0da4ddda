"""Live and ready, and the small HTTP server that says so beside /metrics.

Live means the event loop turned lately. Ready means every part this process waits for has answered.
"""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

LIVE_WITHIN_S = 30.0
"""A loop that has not turned for this long is stuck: three times the longest pause a rebalance was seen to cause."""


class Health:
    """What this process knows about itself. Thread-safe.

    >>> health = Health("ingest", needs=("bus",))
    >>> health.ready
    False
    >>> health.mark("bus", True)
    >>> health.ready
    True
    """

    def __init__(self, service: str, needs: tuple[str, ...] = ()) -> None:
        self.service = service
        self._parts: dict[str, tuple[bool, str]] = dict.fromkeys(needs, (False, "not asked yet"))
        self._turned = time.monotonic()
        self._lock = threading.Lock()

    def turn(self) -> None:
        """Call from the main loop, at least every few seconds."""
        self._turned = time.monotonic()

    def mark(self, part: str, ready: bool, detail: str = "") -> None:
        """Say whether a part (bus, store, cache, model) is ready."""
        with self._lock:
            self._parts[part] = (ready, detail)

    @property
    def live(self) -> bool:
        """True while the loop turns."""
        return time.monotonic() - self._turned < LIVE_WITHIN_S

    @property
    def ready(self) -> bool:
        """True when live and every part is ready."""
        with self._lock:
            return self.live and all(ok for ok, _ in self._parts.values())

    def report(self) -> dict[str, object]:
        """The body of /readyz."""
        with self._lock:
            parts = {name: {"ready": ok, "detail": detail} for name, (ok, detail) in self._parts.items()}
        return {"service": self.service, "live": self.live, "ready": self.ready, "parts": parts}


class ObservePort:
    """Serves /metrics, /livez and /readyz from a daemon thread; ``port`` is the one it got."""

    def __init__(self, health: Health, port: int = 0, bind: str = "127.0.0.1") -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/metrics":
                    self._answer(200, generate_latest(), CONTENT_TYPE_LATEST)
                elif self.path in ("/livez", "/readyz"):
                    good = health.live if self.path == "/livez" else health.ready
                    self._answer(200 if good else 503, json.dumps(health.report()).encode(), "application/json")
                else:
                    self._answer(404, b"/metrics, /livez or /readyz\n", "text/plain")

            def _answer(self, status: int, body: bytes, kind: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Probes every second are not news."""

        self._server = ThreadingHTTPServer((bind, port), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, name="observe", daemon=True).start()

    def close(self) -> None:
        """Stop serving and free the port."""
        self._server.shutdown()
        self._server.server_close()
