"""A link to one picture, signed: alerting writes it into a message, the gateway draws what it says and nothing else.

Whoever has the link sees that picture until it expires, without an account: chat services fetch pictures themselves. So everything is
inside the signature (HMAC-SHA256, RFC 2104): tenant, series, range, what is written on it, and the end. Nothing of it can be changed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Annotated, Literal

import msgspec

from kizashi.errors import Refused

MOST_SERIES = 10
LONGEST_TITLE = 200
LONGEST_TOKEN = 2_400
"""Slack takes addresses of 3,000 characters."""
SIDES = (160, 2_000), (90, 1_500)
"""Least and greatest width and height, pixels."""
SeriesId = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]


class Picture(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename={"from_ms": "a", "to_ms": "b"}):
    """One picture. Times in ms since the epoch, sizes in pixels."""

    tenant: str
    series: Annotated[list[SeriesId], msgspec.Meta(min_length=1, max_length=MOST_SERIES)]
    from_ms: int
    to_ms: int
    title: Annotated[str, msgspec.Meta(max_length=LONGEST_TITLE)] = ""
    lang: Literal["en", "ja"] = "en"
    zone: str = "UTC"
    """IANA zone of the times on it."""
    dark: bool = False
    width: Annotated[int, msgspec.Meta(ge=160, le=2_000)] = 720
    height: Annotated[int, msgspec.Meta(ge=90, le=1_500)] = 300
    scale: Annotated[int, msgspec.Meta(ge=1, le=3)] = 1
    """Pixels of the file for one of the picture."""
    threshold: float | None = None
    """Value of a line across it."""
    shaded: list[tuple[int, int]] | None = None
    """Stretches [from, to]; None: where the score says so."""
    forecast: bool = False
    """The forecast goes on from the end of the range; of one series alone."""


class _Signed(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    until_ms: int
    picture: Picture


def sign(picture: Picture, until_ms: int, key: bytes) -> str:
    """The token of a link that ends at ``until_ms``: URL-safe characters without padding. Raises Refused when it would be too long.

    >>> token = sign(Picture("default", ["00000000000000ff"], 0, 1), 10, b"k")
    >>> read(token, 9, b"k").series
    ['00000000000000ff']
    """
    body = base64.urlsafe_b64encode(msgspec.json.encode(_Signed(until_ms, picture))).rstrip(b"=")
    token = f"{body.decode()}.{_mac(body, key)}"
    if len(token) > LONGEST_TOKEN:
        raise Refused(f"the link would have {len(token)} characters, {LONGEST_TOKEN} at most")
    return token


def read(token: str, now_ms: int, key: bytes) -> Picture:
    """The picture of a token. Raises Refused, in the same words whatever is wrong with it."""
    body, _, mac = token.partition(".")
    try:
        raw = body.encode("ascii")
        if len(token) > LONGEST_TOKEN or not hmac.compare_digest(_mac(raw, key).encode(), mac.encode()):
            raise Refused("forged")
        signed = msgspec.json.decode(base64.urlsafe_b64decode(raw + b"=" * (-len(raw) % 4)), type=_Signed)
    except (Refused, ValueError, msgspec.MsgspecError) as x:  # UnicodeEncodeError and binascii.Error are ValueErrors
        raise Refused("this link to a picture is not valid, or has expired") from x
    if now_ms >= signed.until_ms:
        raise Refused("this link to a picture is not valid, or has expired")
    return signed.picture


def _mac(body: bytes, key: bytes) -> str:
    digest = hmac.new(key, b"picture." + body, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
