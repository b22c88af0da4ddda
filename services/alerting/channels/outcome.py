"""What became of one attempt, in words that may be shown to anybody: no address, no secret, at most a line of the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Outcome:
    """``sent``: the receiver has it. ``retry``: not now. ``failed``: not ever, unless somebody changes the channel."""

    state: Literal["sent", "retry", "failed"]
    text: str = ""
    retry_after_s: float | None = None
    """The receiver's own wish; it counts for the whole channel."""
    left_out: str = ""
    """Why the page's chart did not go along although there was one; empty when it did."""
    chart_may_be_why: bool = False
    """It failed in a way that the page's chart can cause: without it, it may be taken."""


CHART_MAY_BE_WHY = frozenset({400, 413, 415, 422})
"""The content was refused, and not who sent it or where to. Slack's answer is 400 when it cannot fetch a picture."""


def of_status(status: int, said: str, retry_after_s: float | None) -> Outcome:
    """The outcome of an HTTP answer.

    >>> of_status(202, "", None).state, of_status(429, "", 7.0).state, of_status(302, "", None).state, of_status(400, "", None).state
    ('sent', 'retry', 'failed', 'failed')
    """
    if 200 <= status < 300:
        return Outcome("sent", f"HTTP {status}")
    if status in (408, 425, 429) or status >= 500:
        return Outcome("retry", f"HTTP {status}{said}", retry_after_s)
    if 300 <= status < 400:
        return Outcome("failed", f"HTTP {status}: it redirects, and redirects are not followed; write the final address")
    return Outcome("failed", f"HTTP {status}{said}", chart_may_be_why=status in CHART_MAY_BE_WHY)
