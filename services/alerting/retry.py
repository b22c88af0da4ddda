"""How long to wait before the next attempt, and when to stop trying. Pure: the jitter is drawn from the message's own key.

Exponential back-off with jitter (Brooker, *Exponential Backoff And Jitter*, AWS 2015; the "equal jitter" form, since a page should never
be retried at once *and* must not wait longer than the cap). The draw is a hash of seed, key and attempt: a replay waits as long as the
first run did, and ten thousand messages of one outage still spread.
"""

from __future__ import annotations

import hashlib
from email.utils import parsedate_to_datetime

FIRST_S = 1.0
LONGEST_S = 300.0
BUDGET_S = 4 * 3_600
"""Promise P7: a message without a fallback channel is tried for four hours."""
BUDGET_WITH_FALLBACK_S = 300
"""With a fallback it moves after five minutes: nobody is served by a page that waits four hours for a channel that is down."""
LONGEST_RETRY_AFTER_S = 3_600.0


def draw(seed: int, key: str, attempt: int) -> float:
    """A number in [0, 1) that belongs to this attempt of this message."""
    digest = hashlib.blake2b(f"{seed}/{key}/{attempt}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def delay_s(seed: int, key: str, attempt: int) -> float:
    """Seconds to wait after the ``attempt``-th attempt (1 is the first) has failed.

    >>> 0.5 <= delay_s(0, "a", 1) < 1.0 and 150 <= delay_s(0, "a", 40) < 300
    True
    """
    whole = min(LONGEST_S, FIRST_S * 2.0 ** min(attempt - 1, 30))
    return whole / 2 + whole / 2 * draw(seed, key, attempt)


def spent_s(created_ms: int, seen_ms: int, waited_s: float) -> float:
    """Seconds of the budget that are used up: the message's age when this process first saw it, and the monotonic time since.

    The wall clock is read once, so a jump during the attempts spends nothing; one that runs backwards gives no negative age.
    """
    return max(0, seen_ms - created_ms) / 1_000 + waited_s


def retry_after_s(text: str, now_ms: int) -> float | None:
    """Seconds of a ``Retry-After`` header, in seconds or as an HTTP date; None when it says nothing usable. An hour at most.

    >>> retry_after_s("7", 0), retry_after_s("soon", 0), retry_after_s("Thu, 01 Jan 1970 00:01:00 GMT", 0)
    (7.0, None, 60.0)
    """
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(LONGEST_RETRY_AFTER_S, float(text[:9]))
    try:
        when = parsedate_to_datetime(text)
        return min(LONGEST_RETRY_AFTER_S, max(0.0, when.timestamp() - now_ms / 1_000))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
