"""Lists as CSV and NDJSON. Text that a spreadsheet would run as a formula gets a quote in front (OWASP, CSV injection)."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
from starlette.responses import Response

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
Form = Literal["json", "csv", "ndjson"]


def listing(page: bytes, form: Form, name: str) -> Response:
    """A page of a list (``{items, next}`` as JSON) in the form asked for; the cursor of the next page goes into the header ``X-Next``."""
    headers = {"Cache-Control": "no-store"}
    if form == "json":
        return Response(page, headers=headers, media_type="application/json")
    decoded = msgspec.json.decode(page, type=_Page)
    if decoded.next:
        headers["X-Next"] = decoded.next
    if form == "ndjson":
        return Response(as_ndjson(decoded.items), headers=headers, media_type="application/x-ndjson")
    headers["Content-Disposition"] = f'attachment; filename="kizashi-{name}.csv"'
    return Response(as_csv(decoded.items), headers=headers, media_type="text/csv")


class _Page(msgspec.Struct):
    items: list[dict[str, Any]]
    next: str | None = None


def harmless(text: str) -> str:
    """The text as a cell that no spreadsheet calculates.

    >>> harmless("=HYPERLINK(1)")
    "'=HYPERLINK(1)"
    """
    return "'" + text if text.startswith(FORMULA) else text


def as_csv(items: Sequence[Mapping[str, Any]]) -> bytes:
    """One line an item; the header is every field in order of appearance; what is nested is written as JSON."""
    names = list(dict.fromkeys(name for item in items for name in item))
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([harmless(name) for name in names])
    writer.writerows([_cell(item.get(name)) for name in names] for item in items)
    return out.getvalue().encode()


def as_ndjson(items: Sequence[Mapping[str, Any]]) -> bytes:
    """One JSON object a line."""
    return b"".join(msgspec.json.encode(item) + b"\n" for item in items)


def _cell(value: Any) -> object:
    if value is None:
        return ""
    if isinstance(value, str):
        return harmless(value)
    if isinstance(value, (dict, list)):
        return harmless(msgspec.json.encode(value).decode())
    return value
