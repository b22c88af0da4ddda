"""Cursors of lists: opaque text that names the last row given, so that a page stays right while rows come and go. Pure."""

from __future__ import annotations

import base64
import binascii

import msgspec


class BadPage(ValueError):
    """Text that is no cursor of this list."""


def format_page(*last: str | int) -> str:
    """Cursor after a row with this sort key.

    >>> parse_page(format_page("cpu", 7), 2)
    ['cpu', 7]
    """
    return base64.urlsafe_b64encode(msgspec.json.encode(last)).decode().rstrip("=")


def parse_page(text: str, parts: int) -> list[str | int]:
    """Inverse of ``format_page``; raises BadPage."""
    try:
        values = msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=list[str | int])
    except (binascii.Error, ValueError, msgspec.DecodeError, msgspec.ValidationError) as x:
        raise BadPage("not a cursor of this list: start again without it") from x
    if len(values) != parts:
        raise BadPage("not a cursor of this list: start again without it")
    return values
