"""Producers' JSON to samples: one sample, a list, or NDJSON. A fast way for what is right, a careful one for the rest.

The fast way costs 0.16 µs a sample and leaves labels as raw bytes, which are the key of the series cache. Whatever it
refuses is looked at item by item, so that one bad sample never takes its neighbours along.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast

import msgspec

from kizashi.errors import InvalidMessage
from services.ingest.times import from_ms, text_ms

MAX_DEPTH = 16
NO_LABELS = msgspec.Raw(b"{}")
_BOM = b"\xef\xbb\xbf"
_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)  # ValidationError is a DecodeError


class Sample(msgspec.Struct, gc=False):
    """``kizashi.contracts.inputs.SampleIn`` with labels not yet decoded."""

    metric: str
    value: float
    ts: float | datetime | None = None
    labels: msgspec.Raw = NO_LABELS
    unit: str = ""
    kind: Literal["gauge", "counter"] = "gauge"


@dataclass(frozen=True)
class BadItem:
    """What could not be read: its place in the message (-1: all of it), its bytes and why."""

    item: int
    data: bytes
    error: InvalidMessage


_one = msgspec.json.Decoder(Sample)
_many = msgspec.json.Decoder(list[Sample])
_items = msgspec.json.Decoder(list[msgspec.Raw])
_any = msgspec.json.Decoder()


def decode(data: bytes | None) -> tuple[list[Sample], list[BadItem]]:
    """Samples of one message and what in it could not be read. Raises nothing: bad input is an answer."""
    if not data:
        return [], [BadItem(-1, b"", InvalidMessage("the message is empty", "empty"))]
    try:
        return (_many.decode(data) if data[0] == 0x5B else [_one.decode(data)]), []
    except _BROKEN:
        return _carefully(data)


def _carefully(data: bytes) -> tuple[list[Sample], list[BadItem]]:
    samples: list[Sample] = []
    bad: list[BadItem] = []
    try:
        items = _split(data)
    except InvalidMessage as x:
        return [], [BadItem(-1, data, x)]
    for k, item in enumerate(items):
        try:
            samples.append(_item(item))
        except InvalidMessage as x:
            bad.append(BadItem(k if len(items) > 1 else -1, item if len(items) > 1 else data, x))
    return samples, bad


def _split(data: bytes) -> list[bytes]:
    """The items of a list, the lines of NDJSON, or the one object."""
    text = data.removeprefix(_BOM).strip()
    if not text:
        raise InvalidMessage("the message is empty", "empty")
    if text[:1] == b"[":
        return _list_items(text)
    if b"\n" in text and not _is_json(text):
        lines = [line for line in map(bytes.strip, text.split(b"\n")) if line]
        if any(line[:1] == b"{" and line[-1:] == b"}" for line in lines):
            return lines
    return [text]


def _list_items(text: bytes) -> list[bytes]:
    try:
        return [bytes(raw) for raw in _items.decode(text)]
    except RecursionError as x:
        raise InvalidMessage(f"nested deeper than {MAX_DEPTH}", "depth") from x
    except (msgspec.DecodeError, UnicodeDecodeError) as x:
        loose = _loose(text, x)
        if not isinstance(loose, list):
            raise InvalidMessage(f"not JSON: {x}", "json") from x
        return [json.dumps(item).encode() for item in loose]


def _is_json(text: bytes) -> bool:
    try:
        _any.decode(text)
    except _BROKEN:
        return False
    return True


def _loose(text: bytes, error: Exception) -> object:
    """Python's own JSON takes NaN and Infinity, which many senders write: such a sample is refused, not its whole list."""
    try:
        return json.loads(text.decode())
    except RecursionError as x:
        raise InvalidMessage(f"nested deeper than {MAX_DEPTH}", "depth") from x
    except UnicodeDecodeError as x:
        raise InvalidMessage(f"not UTF-8: {x}", "encoding") from x
    except ValueError as x:
        raise InvalidMessage(f"not JSON: {error}", "json") from x


def _item(item: bytes) -> Sample:
    try:
        return _one.decode(item)
    except RecursionError as x:
        raise InvalidMessage(f"nested deeper than {MAX_DEPTH}", "depth") from x
    except (msgspec.DecodeError, UnicodeDecodeError) as x:
        return _by_hand(_loose(item, x))


def _by_hand(found: object) -> Sample:
    """A sample that msgspec refused: take lenient times, name the first field that is wrong."""
    if not isinstance(found, dict):
        raise InvalidMessage(f"a sample is an object, this is {_kind(found)}", "schema")
    fields = cast("dict[str, Any]", found)
    if depth(fields) > MAX_DEPTH:
        raise InvalidMessage(f"nested deeper than {MAX_DEPTH}", "depth")
    metric, value = fields.get("metric"), fields.get("value")
    if not isinstance(metric, str):
        raise InvalidMessage(f"field metric must be text, is {_kind(metric)}", "schema")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidMessage(f"field value must be a number, is {_kind(value)}", "schema")
    unit, kind = fields.get("unit", ""), fields.get("kind", "gauge")
    if not isinstance(unit, str) or kind not in ("gauge", "counter"):
        raise InvalidMessage("field unit must be text, field kind gauge or counter", "schema")
    return Sample(metric, _number(value), _time(fields.get("ts")), _labels(fields.get("labels", {})), unit, kind)


def _number(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf")  # refused later as not finite, with the others


def _time(ts: object) -> float | datetime | None:
    if ts is None:
        return None
    if isinstance(ts, str):
        try:
            return from_ms(text_ms(ts))
        except (ValueError, OverflowError) as x:
            raise InvalidMessage(f"field ts is neither RFC 3339 nor a number: {ts[:40]!r}", "schema") from x
    if isinstance(ts, bool) or not isinstance(ts, int | float):
        raise InvalidMessage(f"field ts must be a time, is {_kind(ts)}", "schema")
    return _number(ts)


def _labels(labels: object) -> msgspec.Raw:
    if not isinstance(labels, dict) or not all(isinstance(v, str) for v in labels.values()):
        raise InvalidMessage("field labels must be an object with text values", "schema")
    try:
        return msgspec.Raw(msgspec.json.encode(labels))
    except UnicodeEncodeError as x:
        raise InvalidMessage(f"labels are not Unicode text: {x}", "encoding") from x


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "missing or null"}
    return names.get(type(value), "a number")


def depth(value: object) -> int:
    """Nesting of a JSON value; a scalar has 0. Not recursive, so that depth itself cannot hurt.

    >>> depth({"a": [1, {"b": 2}]})
    3
    """
    level, layer = 0, [value]
    while True:
        inner = [v for x in layer if isinstance(x, dict | list) for v in (x.values() if isinstance(x, dict) else x)]
        if not any(isinstance(x, dict | list) for x in layer):
            return level
        level, layer = level + 1, inner
