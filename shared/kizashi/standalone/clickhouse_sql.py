"""ClickHouse SQL as tokens: enough to tell what a statement is, which format it asks for and where its data begin.

Not a parser. Whatever the lexer below does not know for certain is refused, since the engine's own lexer might read it
in another way than we do. Works on bytes, because an INSERT carries its data behind the statement.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from kizashi.errors import Refused

TokenKind = Literal["word", "quoted", "string", "number", "mark"]

_TOKEN = re.compile(
    rb"""(?P<space>[ \t\r\n\f\v]+|--[^\n]*|/\*(?:(?!/\*).)*?\*/)
       | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
       | (?P<number>[0-9][A-Za-z0-9_.]*)
       | (?P<string>'(?:[^'\\]|\\.|'')*')
       | (?P<quoted>`(?:[^`\\]|\\.|``)*`|"(?:[^"\\]|\\.|"")*")
       | (?P<mark>(?!/\*)[()\[\]{},.;=<>!+\-*/%|?:@^&])""",
    re.VERBOSE | re.DOTALL,
)


def name_set(text: str) -> frozenset[str]:
    """Blank-separated names as a set."""
    return frozenset(text.split())


KEPT_BYTES = 1 << 13
"""Statements up to this length are remembered taken apart: 256 of them are 20 MB at worst, and a few hundred kB as programs write them."""
HEAD_BYTES = 1 << 18
"""The statement of an INSERT with data must end within this many bytes: room for 10,000 column names."""


@dataclass(frozen=True, slots=True)
class Token:
    """One token: ``text`` as written, ``upper`` for comparing keywords (quoted names keep their quotes), byte offsets."""

    kind: TokenKind
    text: str
    upper: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Statement:
    """What was asked: the tokens, the SQL without data, the format named in it and the data behind an INSERT.

    ``data_at`` is where the data begin in the bytes that were parsed, None when the statement has none.
    ``format`` is empty when the statement names none.
    """

    tokens: tuple[Token, ...]
    sql: str
    format: str
    data_at: int | None

    @property
    def verb(self) -> str:
        """First keyword in capitals, leading parentheses skipped."""
        return next((t.upper for t in self.tokens if t.text != "("), "")


def tokens(sql: bytes, start: int = 0) -> Iterator[Token]:
    """Tokens of ``sql``; raises Refused at the first byte that is not certainly ClickHouse SQL."""
    at = start
    while at < len(sql):
        m = _TOKEN.match(sql, at)
        if m is None:
            raise Refused(f"cannot read the SQL at byte {at} ({sql[at : at + 20]!r}); quote names with backticks and text with '…'")
        at = m.end()
        kind = m.lastgroup
        if kind == "space":
            continue
        text = m.group().decode(errors="replace")
        yield Token(kind, text, text.upper() if kind == "word" else text, m.start(), at)  # type: ignore[arg-type]  # group names are the kinds


def parse(raw: bytes) -> Statement:
    """Take one statement apart; raises Refused for several statements or unreadable SQL."""
    if len(raw) > KEPT_BYTES or raw[:6].upper() == b"INSERT":  # data never come again
        return _parse(raw)
    return _parse_once(raw)


@lru_cache(256)
def _parse_once(raw: bytes) -> Statement:
    """Programs ask with parameters: the same text again and again, at half a millisecond each time."""
    return _parse(raw)


def _parse(raw: bytes) -> Statement:
    found: list[Token] = []
    for token in tokens(raw):
        found.append(token)
        if _names_format(found):
            if token.upper != "VALUES":  # values may hold expressions: those are read to the end
                return Statement(tuple(found), _text(raw, 0, found[-2].start), token.text, _data_start(raw, token.end))
            found[-2:] = [token]
        if token.start > HEAD_BYTES and not found[0].upper == "INSERT":
            raise Refused(f"a statement may have {HEAD_BYTES} bytes; send data behind INSERT … FORMAT")
    while found and found[-1].text == ";":
        found.pop()
    if any(t.text == ";" for t in found):
        raise Refused("one statement a request, please: send them one after the other")
    end = found[-1].end if found else 0
    return Statement(tuple(found), _text(raw, 0, end), _trailing_format(found), None)


def _text(raw: bytes, start: int, end: int) -> str:
    try:
        return raw[start:end].decode()
    except UnicodeDecodeError as x:
        raise Refused(f"the statement is not UTF-8: {x}") from x


def _names_format(found: list[Token]) -> bool:
    """True when an INSERT's FORMAT clause has just been read; FORMAT before FROM or AS is somebody's column."""
    if len(found) < 4 or found[0].upper != "INSERT" or found[-2].upper != "FORMAT" or found[-1].kind != "word":
        return False
    return found[-1].upper not in ("FROM", "AS") and _level(found) == 0


def _level(found: list[Token]) -> int:
    """Depth of open parentheses."""
    return sum((t.text == "(") - (t.text == ")") for t in found if t.kind == "mark")


def _data_start(raw: bytes, at: int) -> int:
    """Data begin after blanks and at most one line feed, as in ClickHouse."""
    while at < len(raw) and raw[at] in b" \t\f\r":
        at += 1
    return at + 1 if raw[at : at + 1] == b"\n" else at


def _trailing_format(found: list[Token]) -> str:
    """The word of a FORMAT clause: at the end, or in front of SETTINGS."""
    for k in range(len(found) - 2, 0, -1):
        last = k + 2 == len(found) or found[k + 2].upper == "SETTINGS"
        if found[k].kind == "word" and found[k].upper == "FORMAT" and found[k + 1].kind == "word" and last:
            return found[k + 1].text
    return ""
