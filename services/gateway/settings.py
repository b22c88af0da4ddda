"""The gateway's few knobs. Defaults are the limits of docs/reference/limits; every one has a test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DAY_MS = 86_400_000


@dataclass(frozen=True)
class GatewaySettings:
    """Limits and places. Bytes, seconds and milliseconds as the names say."""

    ui: Path = Path(__file__).parent / "ui" / "dist"
    body_bytes: int = 8 << 20
    config_body_bytes: int = 256 << 10
    longest_range_ms: int = 800 * DAY_MS
    """What is drawn; beyond 31 days from hours, which are kept for two years."""
    longest_export_ms: int = 31 * DAY_MS
    """What is given as rows."""
    series_per_range: int = 50
    cells_per_range: int = 100_000
    points_per_range: int = 5_000
    rows_per_answer: int = 10_000
    query_seconds: int = 5
    query_rows: int = 100_000_000
    query_bytes: int = 1 << 30
    queries_at_once: int = 4
    """Per tenant; more wait up to ``query_wait_s``, then 503."""
    query_wait_s: float = 5.0
    requests_per_s: float = 50.0
    """Per session or key, sustained; a burst of ten times as many is allowed."""
    logins_per_minute: int = 5
    """That fail, per address: wrong passwords, log-in links and share links, each by itself."""
    session_idle_s: float = 1_800.0
    session_longest_s: float = 43_200.0
    link_valid_s: float = 86_400.0
    ticket_s: float = 30.0
    ws_in_bytes: int = 1 << 20
    ws_queue_messages: int = 256
    ws_queue_bytes: int = 1 << 20
    ws_send_s: float = 5.0
    ws_heartbeat_s: float = 15.0
    ws_subscriptions: int = 64
    ws_series_per_subscription: int = 500
    ws_per_user: int = 200
    flush_s: float = 0.5
    """A subscription gets at most one message in this time."""
    overview_s: float = 2.0
    """Age that an overview may have."""
    stale_s: float = 8.0
    """How much longer a kept page is given while a newer one is made; nobody waits for what others just looked at."""
    warm: bool = True
    """Ask for the first pages at the start, before people come."""
    workers: int = 8
    """Threads for the synchronous store client."""
    allowed_origins: tuple[str, ...] = ()
    """Origins beside our own that a browser may call from."""
    secure_cookies: bool = False
    """Behind TLS: ``__Host-`` cookie and HSTS; the roof switches it on in production."""
