"""Events of other systems as ours: native JSON and CloudEvents 1.0."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, cast, get_args

import msgspec

from kizashi.contracts.ids import finding_id
from kizashi.contracts.inputs import Event, EventType
from kizashi.errors import InvalidMessage
from services.ingest.decode import MAX_DEPTH, depth
from services.ingest.times import datetime_ms, text_ms, to_ms

TYPES: tuple[str, ...] = get_args(EventType)
WORDS = {
    "deploy": "change", "deployed": "change", "deployment": "change", "upgraded": "change", "rollback": "change", "config": "change",
    "flag": "change", "release": "change", "alert": "incident", "outage": "incident", "pipelinerun": "change",
}  # fmt: skip
"""Words in a CloudEvents type that say what kind of event it is; CDEvents among them."""
NAME_BYTES, TEXT_BYTES = 256, 16_384
_FIELDS = {"type", "entity", "ts", "ts_ms", "id", "tenant", "title", "text", "source", "attributes", "edges"}

Json = dict[str, Any]


def decode_events(data: bytes, tenant: str, now_ms: int) -> list[Event]:
    """One event, a list, or NDJSON, each native or CloudEvents; raises InvalidMessage that names the first wrong one."""
    items = _items(data)
    events = []
    for k, item in enumerate(items):
        try:
            events.append(to_event(item, tenant, now_ms))
        except InvalidMessage as x:
            raise InvalidMessage(f"event {k + 1} of {len(items)}: {x}", x.reason) from x
    return events


def to_event(item: object, tenant: str, now_ms: int) -> Event:
    """One decoded JSON value to an Event; the tenant is the credential's, whatever the value says."""
    if not isinstance(item, dict):
        raise InvalidMessage("an event is a JSON object", "schema")
    if depth(item) > MAX_DEPTH:
        raise InvalidMessage(f"nested deeper than {MAX_DEPTH}", "depth")
    fields = cast(Json, item)
    native = _from_cloud_event(fields) if "specversion" in fields else fields
    return _checked(native, tenant, now_ms)


def _items(data: bytes) -> list[object]:
    try:
        if data.lstrip()[:1] == b"{" and b"\n" in data.strip():
            try:
                return [msgspec.json.decode(data)]
            except msgspec.DecodeError:
                return list(msgspec.json.Decoder().decode_lines(data))
        found = msgspec.json.decode(data)
    except RecursionError as x:
        raise InvalidMessage(f"nested deeper than {MAX_DEPTH}", "depth") from x
    except (msgspec.DecodeError, UnicodeDecodeError) as x:
        raise InvalidMessage(f"not JSON: {x}", "json") from x
    return found if isinstance(found, list) else [found]


def _checked(fields: Json, tenant: str, now_ms: int) -> Event:
    kind, entity = fields.get("type"), fields.get("entity")
    if kind not in TYPES:
        raise InvalidMessage(f"field type must be one of {', '.join(TYPES)}", "schema")
    if not isinstance(entity, str) or not entity.strip() or len(entity.encode(errors="replace")) > NAME_BYTES:
        raise InvalidMessage(f"field entity must name what it happened to, in at most {NAME_BYTES} bytes", "schema")
    ts_ms = _when(fields.get("ts_ms", fields.get("ts")), now_ms)
    loose = {k: v for k, v in fields.items() if k not in _FIELDS}
    attributes = fields.get("attributes", {})
    if not isinstance(attributes, dict):
        raise InvalidMessage("field attributes must be an object", "schema")
    body: Json = {
        "type": kind,
        "entity": entity,
        "ts_ms": ts_ms,
        "id": fields.get("id") or _id(tenant, fields, ts_ms),
        "tenant": tenant,
        "attributes": {**loose, **attributes},
        **{k: fields[k] for k in ("title", "text", "source", "edges") if fields.get(k) is not None},
    }
    if len(json.dumps(body, default=str)) > 4 * TEXT_BYTES:
        raise InvalidMessage("an event has at most 64 KiB", "size")
    try:
        return msgspec.convert(body, Event)
    except msgspec.ValidationError as x:
        raise InvalidMessage(str(x), "schema") from x


def _id(tenant: str, fields: Json, ts_ms: int) -> str:
    """The same event sent again without an id of its own gets the same id, when it brings its time."""
    return finding_id("event", tenant, str(fields.get("type")), ts_ms, json.dumps(fields, sort_keys=True, default=str))


def _when(value: object, now_ms: int) -> int:
    if value is None:
        return now_ms
    try:
        if isinstance(value, str):
            return text_ms(value)
        if isinstance(value, datetime):
            return datetime_ms(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            import numpy as np

            (ms,) = to_ms(np.array([float(value)])).tolist()
            if ms >= 0:
                return int(ms)
    except (ValueError, OverflowError) as x:
        raise InvalidMessage(f"field ts is no time: {value!r}", "schema") from x
    raise InvalidMessage(f"field ts is no time: {value!r}", "schema")


def _from_cloud_event(fields: Json) -> Json:
    if fields.get("specversion") != "1.0":
        raise InvalidMessage(f"CloudEvents specversion {fields.get('specversion')!r}, this program reads 1.0", "version")
    for name in ("id", "source", "type"):
        if not isinstance(fields.get(name), str) or not fields[name]:
            raise InvalidMessage(f"CloudEvents attribute {name} is required", "schema")
    raw = fields.get("data")
    data: Json = dict(raw) if isinstance(raw, dict) else ({} if raw is None else {"attributes": {"data": raw}})
    native: Json = {"type": _kind_of(fields["type"]), **data}
    native["entity"] = data.get("entity") or data.get("service") or fields.get("subject") or fields["source"]
    native["source"] = fields["source"]
    native["id"] = finding_id("event", fields["source"], fields["id"])
    native["ts"] = data.get("ts_ms") or data.get("ts") or fields.get("time")
    native.setdefault("title", fields["type"])
    return native


def _kind_of(type_: str) -> str:
    words = type_.lower().replace("-", ".").replace("/", ".").split(".")
    for word in words:
        if word in TYPES:
            return word
        if word in WORDS:
            return WORDS[word]
    return "annotation"
