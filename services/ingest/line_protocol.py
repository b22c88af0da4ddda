"""Influx line protocol to samples: ``measurement,tag=v field=1.5,other=2i 1700000000000000000``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import msgspec

from kizashi.errors import InvalidMessage
from services.ingest.decode import Sample

TO_MS = {"ns": 1e-6, "n": 1e-6, "us": 1e-3, "u": 1e-3, "µ": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4, "h": 3.6e6}
"""Milliseconds in one unit of each precision that v1 and v2 know."""
_TRUE, _FALSE = frozenset({"t", "T", "true", "True", "TRUE"}), frozenset({"f", "F", "false", "False", "FALSE"})
_UNESCAPE = re.compile(r"\\([,= \\\"])")
_SPACE = re.compile(r"(?<!\\) ")
_COMMA = re.compile(r"(?<!\\),")
_EQUALS = re.compile(r"(?<!\\)=")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')


@dataclass
class Lines:
    """Samples, and the bad lines by number (from 1) with the reason; ``texts`` counts fields that are no numbers."""

    samples: list[Sample] = field(default_factory=list)
    bad: list[tuple[int, str]] = field(default_factory=list)
    texts: int = 0


def parse(text: str, precision: str) -> Lines:
    """All lines; a bad one takes no other along."""
    out, factor = Lines(), TO_MS[precision]
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip("\r ")
        if not stripped or stripped.startswith("#"):
            continue
        try:
            _line(stripped, factor, out)
        except InvalidMessage as x:
            out.bad.append((number, str(x)))
    return out


def _line(line: str, factor: float, out: Lines) -> None:
    hidden, quoted = _hide(line)
    parts = [p for p in _SPACE.split(hidden) if p]
    if len(parts) not in (2, 3):
        raise InvalidMessage("a line is: measurement[,tags] fields [time]")
    measurement, *tags = _COMMA.split(parts[0])
    labels = dict(_pair(t, "tag") for t in tags)
    ts = _time(parts[2], factor) if len(parts) == 3 else None
    raw = msgspec.Raw(msgspec.json.encode(labels))
    found = []
    for part in _COMMA.split(parts[1]):
        name, text = _pair(part, "field")
        value = _value(text, quoted)
        if value is None:
            out.texts += 1
        else:
            metric = _plain(measurement) if name == "value" else f"{_plain(measurement)}.{name}"
            found.append(Sample(metric, value, ts, raw))
    out.samples += found


def _hide(line: str) -> tuple[str, bool]:
    """Quoted strings hold spaces and commas; they are no numbers, so a mark is enough."""
    if '"' not in line:
        return line, False
    hidden = _QUOTED.sub("\x00", line)
    if '"' in hidden.replace('\\"', ""):
        raise InvalidMessage("a quote is not closed")
    return hidden, True


def _pair(text: str, what: str) -> tuple[str, str]:
    parts = _EQUALS.split(text, maxsplit=1)
    if len(parts) != 2 or not parts[0] or not parts[1]:
        raise InvalidMessage(f"a {what} is name=value, not {text[:60]!r}")
    return _plain(parts[0]), _plain(parts[1])


def _value(text: str, quoted: bool) -> float | None:
    """None for text."""
    if quoted and text == "\x00":
        return None
    if text in _TRUE or text in _FALSE:
        return float(text in _TRUE)
    number = text[:-1] if text[-1] in "iu" else text
    try:
        if text[-1] in "iu":
            return float(int(number))
        return float(number)
    except (ValueError, OverflowError) as x:
        raise InvalidMessage(f"{text[:60]!r} is no number; text needs double quotes") from x


def _time(text: str, factor: float) -> float:
    """Milliseconds; given back in seconds when small, so that nothing guesses the unit again."""
    try:
        ms = int(text) * factor
    except ValueError as x:
        raise InvalidMessage(f"{text[:60]!r} is no time") from x
    return ms / 1e3 if ms < 1e11 else ms


def _plain(text: str) -> str:
    return _UNESCAPE.sub(r"\1", text) if "\\" in text else text
