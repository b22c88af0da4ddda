"""Log-ins in the audit trail: who came in, who did not and why, who left; signed and chained like every change of configuration."""

from __future__ import annotations

import asyncio
import secrets
from typing import Literal

from kizashi.contracts.findings import ConfigChange
from kizashi.errors import KizashiError
from kizashi.observe.logs import logger
from kizashi.stream.config import LOGIN_KIND
from services.gateway.doors import Doors

Outcome = Literal["success", "failure", "logout"]
How = Literal["password", "link"]
WITHIN_S = 3.0
"""Nobody waits longer for the trail: while the bus is away people must get in to see why."""
FAILURES_AN_HOUR = 10
"""Refusals of a name that are written: the trail is kept for ever, and whoever guesses passwords must not fill it.

Names are those of users and ``NOBODY``, so there are no more counters than users, and guesses at one name hide no other's refusals.
"""
WINDOW_S = 3_600.0
NOBODY = "unknown"
"""Stands for a name that no user has: people type their password into the wrong field."""


async def record(parts: Doors, tenant: str, user: str, how: How, outcome: Outcome, address: str, reason: str = "") -> None:
    """Write an entry; ``user`` is one of ours or ``NOBODY``. What cannot be written or counted is logged, and the log-in goes on."""
    try:
        async with asyncio.timeout(WITHIN_S):
            if outcome == "failure":
                count = await parts.cache.count(f"refused:{tenant}:{user}", WINDOW_S)
                if count > FAILURES_AN_HOUR:
                    logger().warning("audit.login_left_out", user=user, address=address, reason=reason, this_hour=count)
                    return
                if count == FAILURES_AN_HOUR:
                    reason += "; further refusals of this name within the hour are in the log of the gateway alone"
            body = {"outcome": outcome, "how": how, "address": address, "reason": reason}
            id_ = f"login-{secrets.token_hex(8)}"
            await parts.writer.write(ConfigChange(LOGIN_KIND, id_, 0, body, user, parts.clock.now_ms(), f"{tenant}/{id_}", tenant))
    except (KizashiError, TimeoutError) as x:
        logger().warning("audit.login_not_written", user=user, outcome=outcome, address=address, error=repr(x))
