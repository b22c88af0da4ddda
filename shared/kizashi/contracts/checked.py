"""Configuration bodies as structs: every kind of object refuses what it cannot be in the same words."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from kizashi.errors import ConfigurationError

T = TypeVar("T")


def converted(body: object, kind: type[T]) -> T:
    """``body`` as ``kind``. Raises ConfigurationError with the reason and the field as a path, such as ``- at `$.match[2]```."""
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as x:
        raise ConfigurationError(str(x)) from x
