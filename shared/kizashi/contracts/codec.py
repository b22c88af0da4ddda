"""JSON encoding of findings, inputs and configuration. Batches have their own in ``batches``."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from kizashi.errors import InvalidMessage

T = TypeVar("T")


def encode(message: msgspec.Struct) -> bytes:
    """JSON bytes; the field order is the declaration's, so equal messages give equal bytes."""
    return msgspec.json.encode(message)


def decode(data: bytes, kind: type[T]) -> T:
    """Inverse of ``encode``; raises InvalidMessage that names the field.

    Unknown fields are ignored, so that an older reader lives with a newer writer.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as x:
        raise InvalidMessage(f"{kind.__name__}: {x}", "schema") from x
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as x:
        raise InvalidMessage(f"not JSON: {x}", "json") from x
