"""Which labels a rule, route or silence is about: ``name=value``, ``!=``, ``=~`` and ``!~``, as Prometheus' Alertmanager writes them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from kizashi.errors import ConfigurationError

_SHAPE = re.compile(r"^\s*([A-Za-z_][A-Za-z0-9_.:\-/]*)\s*(=~|!~|!=|=)\s*(.*?)\s*$", re.DOTALL)
LONGEST = 512
_NESTED = re.compile(r"\([^()]*[*+}][^()]*\)\s*[*+{]|\\[1-9]|\(\?")
"""A repeated group that itself repeats can take exponential time in Python's engine; back references and look-arounds likewise."""


@dataclass(frozen=True)
class Matcher:
    """One condition on one label; an absent label counts as the empty text."""

    name: str
    op: str
    value: str
    pattern: re.Pattern[str] | None = None

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels fulfil it."""
        held = labels.get(self.name, "")
        if self.pattern is None:
            return (held == self.value) == (self.op == "=")
        return (self.pattern.fullmatch(held) is not None) == (self.op == "=~")

    def __str__(self) -> str:
        return f'{self.name}{self.op}"{self.value}"'


@lru_cache(maxsize=4_096)
def matcher(text: str) -> Matcher:
    """Read one matcher; raises ConfigurationError that says what is odd.

    >>> matcher('service=~"api|web"').matches({"service": "web"})
    True
    """
    found = _SHAPE.match(text) if len(text) <= LONGEST else None
    if not found:
        raise ConfigurationError(f'{text[:80]!r} is not a matcher: write name=value, name!=value, name=~"pattern" or name!~"pattern"')
    name, op, value = found.groups()
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    if op in ("=", "!="):
        return Matcher(name, op, value)
    if _NESTED.search(value):
        raise ConfigurationError(f"{text[:80]!r}: a repeated group inside a repeated group, a reference or a look-around is not taken")
    try:
        return Matcher(name, op, value, re.compile(value))
    except re.error as x:
        raise ConfigurationError(f"{text[:80]!r} is not a regular expression: {x}") from x


def matchers(texts: Iterable[str]) -> tuple[Matcher, ...]:
    """Read several; all must hold. Raises ConfigurationError."""
    return tuple(matcher(t) for t in texts)


def all_match(texts: Sequence[str], labels: Mapping[str, str]) -> bool:
    """Whether the labels fulfil every matcher; none is fulfilled by everything."""
    return all(matcher(t).matches(labels) for t in texts)
