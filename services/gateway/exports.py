"""Every list in every form: JSON, CSV, NDJSON, Arrow. In CSV, text that a spreadsheet would run as a formula gets a quote in front (OWASP).

A route answers with a ``Listing``; which form is sent is decided here, from ``Accept`` or ``format=``, and nowhere else.
"""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from starlette.datastructures import QueryParams
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.gateway.problems import Problem, answer

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
JSON, CSV, NDJSON, ARROW = "application/json", "text/csv", "application/x-ndjson", "application/vnd.apache.arrow.stream"
FORMATS = {"json": JSON, "csv": CSV, "ndjson": NDJSON, "arrow": ARROW}
ENDINGS = {CSV: "csv", NDJSON: "ndjson", ARROW: "arrow"}
"""Forms that are files."""


class Listing(Response):
    """A page of a list, ``{items, next}`` as JSON. In another form the cursor of the next page is in the header ``X-Next``."""

    def __init__(self, page: bytes, name: str) -> None:
        super().__init__(page, headers={"Cache-Control": "no-store"}, media_type=JSON)
        self._name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it in the form that the request asks for."""
        accept = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"accept"), "")
        try:
            form = wanted(accept, QueryParams(scope["query_string"]).get("format", ""))
        except Problem as x:
            await answer(x)(scope, receive, send)
            return
        if form == JSON:
            await super().__call__(scope, receive, send)
            return
        try:
            sent = await asyncio.to_thread(rendered, bytes(self.body), form, self._name)
        except (msgspec.DecodeError, msgspec.ValidationError):
            sent = answer(Problem(503, "this list cannot be read now; ask for it as JSON to see what came", retry_after_s=2))
        await sent(scope, receive, send)


def listing(items: Sequence[Any], name: str, following: str | None = None) -> Listing:
    """A page of these items; ``following`` is the cursor of the next page, ``name`` that of a file."""
    return Listing(msgspec.json.encode({"items": items, "next": following}), name)


def wanted(accept: str, named: str) -> str:
    """The media type to answer with: the one that ``format=`` names, else the first that ``Accept`` lists. Raises Problem 400.

    >>> wanted("text/html, text/csv;q=0.5, */*", "")
    'text/csv'
    >>> wanted("text/csv", "arrow")
    'application/vnd.apache.arrow.stream'
    """
    if named:
        if named not in FORMATS:
            raise Problem(400, f"format is one of {', '.join(FORMATS)}")
        return FORMATS[named]
    for part in accept.lower().split(","):
        kind, *parameters = (word.strip() for word in part.split(";"))
        if kind in FORMATS.values() and not any(p.replace(" ", "") in ("q=0", "q=0.0") for p in parameters):
            return kind
    return JSON


def rendered(page: bytes, form: str, name: str) -> Response:
    """The page in one of the forms that are files."""
    decoded = msgspec.json.decode(page, type=_Page)
    headers = {"Cache-Control": "no-store"} | ({"X-Next": decoded.next} if decoded.next else {})
    headers["Content-Disposition"] = f'attachment; filename="kizashi-{name}.{ENDINGS[form]}"'
    body = {CSV: as_csv, NDJSON: as_ndjson, ARROW: as_arrow}[form](decoded.items)
    return Response(body, headers=headers, media_type=form)


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


def as_arrow(items: Sequence[Mapping[str, Any]]) -> bytes:
    """An Arrow IPC stream, one row an item. A column holds booleans, integers, floats or texts; what is nested or mixed is JSON text."""
    import pyarrow as pa  # a third of a second: only who asks pays for it

    names = list(dict.fromkeys(name for item in items for name in item))
    table = pa.table({name: _column([item.get(name) for item in items]) for name in names})
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table)
    return bytes(out.getvalue().to_pybytes())


def _column(values: list[Any]) -> Any:
    """An Arrow array of the narrowest type that holds every value."""
    import pyarrow as pa

    kinds = {type(value) for value in values if value is not None}
    if kinds <= {bool}:
        return pa.array(values, pa.bool_())
    if kinds == {int} and all(-(1 << 63) <= v < 1 << 63 for v in values if v is not None):
        return pa.array(values, pa.int64())
    if kinds <= {int, float} and float in kinds:
        return pa.array([None if v is None else float(v) for v in values], pa.float64())
    if kinds == {str}:
        return pa.array(values, pa.string())
    return pa.array([None if v is None else msgspec.json.encode(v).decode() for v in values], pa.string())


def _cell(value: Any) -> object:
    if value is None:
        return ""
    if isinstance(value, str):
        return harmless(value)
    if isinstance(value, (dict, list)):
        return harmless(msgspec.json.encode(value).decode())
    return value
