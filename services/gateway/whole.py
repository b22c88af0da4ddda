"""Findings with their defaults written out: the topics leave them away, a web client should not have to know them. Pure."""

from __future__ import annotations

from typing import Any

import msgspec


def whole(value: object) -> Any:
    """A struct, with everything in it, as dictionaries and lists that hold every field."""
    if isinstance(value, msgspec.Struct):
        return {name: whole(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, dict):
        return {k: whole(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [whole(v) for v in value]
    return value
