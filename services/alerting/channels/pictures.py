"""The chart that goes with a message: asked of the gateway, within a second and a half or not at all.

A page is never late or lost because of its picture. Whatever goes wrong (the gateway or the store is away, slow, or busy) leaves the
message without one; after a failure nobody asks for half a minute, and a storm of messages asks for a few pictures, not for one each.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import httpx

from kizashi.clock import Clock
from kizashi.contracts.pictures import sign
from kizashi.errors import Refused
from kizashi.observe.logs import logger
from services.alerting.charts import chart_of
from services.alerting.notification import Notification
from services.alerting.page import Attached, Language

WITHIN_S = 1.5
REST_S = 30.0
"""After a failure."""
AT_ONCE = 4
BURST, A_SECOND = 20.0, 2.0
"""A storm's first messages have their pictures; then two a second do. One takes the gateway about a fifth of a second."""
LARGEST = 1 << 20
LINK_VALID_MS = 7 * 86_400_000
"""As long as somebody may still read the message in a chat; a link that is asked for itself ends in a minute."""
ASKED_VALID_MS = 60_000
SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Without:
    """No picture goes along, and why."""

    why: str


class Pictures:
    """Asks the gateway at ``inner_url``. ``public_url`` is where receivers reach it: empty, or not https, gives no links."""

    def __init__(self, inner_url: str, public_url: str, key: bytes, clock: Clock, *, within_s: float = WITHIN_S) -> None:
        self._key, self._clock, self._within_s = key, clock, within_s
        self._public = public_url.rstrip("/") if public_url.startswith("https://") else ""
        self._client = httpx.AsyncClient(
            base_url=inner_url, timeout=within_s, trust_env=False, limits=httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=1)
        )
        self._under_way, self._allowed, self._counted_s = 0, BURST, clock.monotonic_s()
        self._rest_until_s = float("-inf")

    @property
    def links(self) -> bool:
        """Whether a receiver elsewhere can fetch a picture."""
        return bool(self._public)

    async def of(self, n: Notification, language: Language, zone: str, small: bool = False) -> Attached | Without:
        """The picture of a message. Never raises, and never takes longer than its limit."""
        chart = chart_of(n, language, zone, small)
        if chart is None:
            return Without("the alert is about no single series")
        if not self._may_ask():
            return Without("the gateway did not draw one a moment ago, or many are asked at once")
        now_ms = self._clock.now_ms()
        self._under_way += 1
        try:
            png = await self._drawn(sign(chart, now_ms + ASKED_VALID_MS, self._key))
            link = sign(chart, now_ms + LINK_VALID_MS, self._key) if self._public else ""
        except (Refused, TimeoutError, OSError, httpx.HTTPError) as x:
            asked_wrongly = isinstance(x, Refused)  # about this one series; the next picture may be drawn
            self._rest_until_s = self._rest_until_s if asked_wrongly else self._clock.monotonic_s() + REST_S
            why = str(x) if asked_wrongly else f"the gateway did not draw it within {self._within_s:g} s"
            logger().info("picture.none", key=n.key, error=f"{type(x).__name__}: {why}")
            return Without(why)
        finally:
            self._under_way -= 1
        return Attached(png, f"{self._public}/api/v1/pictures/{link}" if link else "", chart.title)

    def _may_ask(self) -> bool:
        now_s = self._clock.monotonic_s()
        self._allowed = min(BURST, self._allowed + (now_s - self._counted_s) * A_SECOND)
        self._counted_s = now_s
        if now_s < self._rest_until_s or self._under_way >= AT_ONCE or self._allowed < 1:
            return False
        self._allowed -= 1
        return True

    async def _drawn(self, token: str) -> bytes:
        """The file. Raises Refused when the answer is none, and what the connection raises."""
        async with asyncio.timeout(self._within_s), self._client.stream("GET", f"/api/v1/pictures/{token}") as answer:
            if answer.status_code >= 500 or answer.status_code == 429:  # none for anybody now, whatever is asked next
                answer.raise_for_status()
            if answer.status_code != 200:
                raise Refused(f"the gateway answered {answer.status_code}")
            read = bytearray()
            async for part in answer.aiter_bytes():
                read += part
                if len(read) > LARGEST:
                    raise Refused("the picture is too large")
        if not read.startswith(SIGNATURE):
            raise Refused("the gateway's answer is no PNG")
        return bytes(read)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
