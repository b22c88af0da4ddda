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
FAILURES_A_MINUTE = 30
"""Refusals of a tenant that are written: the trail is kept for ever, and whoever guesses passwords must not fill it."""
NOBODY = "unknown"
"""Stands for a name that no user has: people type their password into the wrong field."""


async def record(parts: Doors, tenant: str, user: str, how: How, outcome: Outcome, address: str, reason: str = "") -> None:
    """Write an entry. What cannot be written is logged, and the log-in goes on."""
    if outcome == "failure":
        count = await parts.cache.count(f"refused:{tenant}", 60.0)
        if count > FAILURES_A_MINUTE:
            logger().warning("audit.login_left_out", user=user, address=address, reason=reason, this_minute=count)
            return
        if count == FAILURES_A_MINUTE:
            reason += "; further refusals of this minute are in the log of the gateway alone"
    body = {"outcome": outcome, "how": how, "address": address, "reason": reason}
    id_ = f"login-{secrets.token_hex(8)}"
    change = ConfigChange(LOGIN_KIND, id_, 0, body, user, parts.clock.now_ms(), f"{tenant}/{id_}", tenant)
    try:
        async with asyncio.timeout(WITHIN_S):
            await parts.writer.write(change)
    except (KizashiError, TimeoutError) as x:
        logger().warning("audit.login_not_written", user=user, outcome=outcome, address=address, error=repr(x))
