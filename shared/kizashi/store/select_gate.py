"""SQL from people: one SELECT over named tables with named functions, or nothing. Pure; fails closed.

Three walls, each of which refuses what it does not know: the text must parse as exactly one SELECT without SETTINGS, FORMAT or
INTO; every table must be on the list, by a name that cannot mean something else; every word before a parenthesis must be a known,
harmless function. The caller bounds time, rows and memory in the query's settings.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from functools import cache
from itertools import pairwise
from pathlib import Path

import sqlglot
from sqlglot import exp
from sqlglot.dialects.clickhouse import ClickHouse
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from kizashi.errors import Refused

LONGEST = 20_000
"""Characters; nobody types more, and parsing time grows with it."""
COMBINATORS = ("if", "array", "map", "distinct", "ornull", "ordefault", "argmin", "argmax", "foreach")
VALUES = (exp.Literal, exp.Null, exp.Boolean, exp.Neg, exp.Func, exp.Tuple, exp.Sub, exp.Add, exp.Mul, exp.Query)
"""What may stand alone in the parentheses of IN: nothing that the engine could take for a name."""
QUOTED = (TokenType.STRING, TokenType.HEREDOC_STRING, TokenType.IDENTIFIER)
CLAUSES_REFUSED = ("settings", "format", "into", "kind", "hint", "locks")


def admit_select(sql: str, tables: Container[str], database: str) -> str:
    """The statement without a closing semicolon. Raises Refused with what is not allowed and what is.

    ``tables`` are names in ``database`` that may be read.
    """
    text = sql.strip().rstrip(";").strip()
    if len(text) > LONGEST:
        raise Refused(f"the query has {len(text)} characters, {LONGEST} are allowed")
    try:
        found = sqlglot.parse(text, dialect=ClickHouse)
        words = ClickHouse().tokenize(text)
    except (SqlglotError, RecursionError) as error:
        raise Refused(f"cannot read the query: {str(error).splitlines()[0] if str(error) else 'too deeply nested'}") from error
    if len(found) != 1 or not isinstance(found[0], exp.Select | exp.SetOperation):
        raise Refused("one SELECT is allowed, nothing else")
    _words(text, words)
    _functions(words)
    _clauses(found[0])
    _memberships(found[0], words)
    _tables(found[0], tables, database)
    return text


def _words(text: str, words: Iterable[Token]) -> None:
    """What the engine cuts into other words than we do is refused: its quotes ‘ and “, escapes in names, comments in comments."""
    if "{#" in text or "\x00" in text:
        raise Refused("{# and zero bytes are not allowed")
    for word in words:
        if word.token_type not in QUOTED and not word.text.isascii():
            raise Refused(f"{word.text[:40]}: write texts in '…' and names with other than Latin letters in `…`")
        if word.token_type == TokenType.IDENTIFIER and "\\" in word.text:
            raise Refused("a backslash in a name is not allowed")
        if any("/*" in comment for comment in word.comments):
            raise Refused("a comment in a comment is not allowed")


def _functions(words: Iterable[Token]) -> None:
    """Every name in front of a parenthesis is a known function; braces (parameters that may be identifiers) are not allowed."""
    listed = list(words)
    for word, after in pairwise(listed):
        if word.token_type in (TokenType.L_BRACE, TokenType.PARAMETER, TokenType.PLACEHOLDER):
            raise Refused("parameters in braces are not allowed: write the values into the query")
        if after.token_type != TokenType.L_PAREN or not word.text or not (word.text[0].isalpha() or word.text[0] == "_"):
            continue
        if word.token_type == TokenType.STRING or word.token_type == TokenType.NUMBER:
            continue
        name = word.text.lower()
        if name not in allowed_functions() and not _combined(name):
            raise Refused(f"{word.text[:40]}(…) is not on the list of functions that may be called here")
    if listed and listed[-1].token_type in (TokenType.L_BRACE, TokenType.PLACEHOLDER):
        raise Refused("parameters are not allowed")


@cache
def allowed_functions() -> frozenset[str]:
    """Names in lower case; each reads nothing but its arguments."""
    return frozenset(Path(__file__).with_name("select_functions.txt").read_text(encoding="utf-8").split())


def _combined(name: str) -> bool:
    """True for ``avgIf``, ``sumArrayIf`` …: an allowed function with ClickHouse's combinators behind it."""
    for tail in COMBINATORS:
        base = name.removesuffix(tail)
        if base != name and (base in allowed_functions() or _combined(base)):
            return True
    return False


def _clauses(tree: exp.Expression) -> None:
    for node in tree.walk():
        if isinstance(node, exp.Command | exp.DDL | exp.DML) and not isinstance(node, exp.Query):
            raise Refused("one SELECT is allowed, nothing else")
        if isinstance(node, exp.Query):
            for clause in CLAUSES_REFUSED:
                if node.args.get(clause):
                    raise Refused(f"{clause.upper()} is not allowed in a query")
        if isinstance(node, exp.With) and node.parent is not tree:
            raise Refused("WITH is allowed in front of the whole query only")
        if isinstance(node, exp.Placeholder | exp.Parameter):
            raise Refused("parameters are not allowed")


def _memberships(tree: exp.Expression, words: Iterable[Token]) -> None:
    """The engine reads ``x IN name``, ``x IN (name)`` and ``in(x, name)`` as a table: what stands in IN is a value or a subquery."""
    found = list(tree.find_all(exp.In))
    if len(found) != sum(word.text.lower() == "in" and word.token_type != TokenType.STRING for word in words):
        raise Refused("in is an operator here: write x IN (…)")  # in(x, name), which is parsed as anything but that
    for node in found:
        if node.args.get("field") is not None or node.args.get("unnest") is not None:
            raise Refused("IN needs a list or a subquery in parentheses: a bare name may be a table")
        if len(node.expressions) == 1 and not isinstance(node.expressions[0].unnest(), VALUES):
            raise Refused("IN (name) may be a table: write = name, or IN (SELECT … FROM name)")


def _tables(tree: exp.Expression, tables: Container[str], database: str) -> None:
    for node in tree.find_all(exp.From, exp.Join):
        if not isinstance(node.this, exp.Table | exp.Subquery) and node.args.get("kind") != "ARRAY":
            raise Refused("after FROM and JOIN there is a table or a subquery, nothing else")
    for table, common in table_reads(tree):
        _table(table, tables, database, common)


def table_reads(tree: exp.Expr) -> list[tuple[exp.Table, bool]]:
    """Every reference to a table, and whether its name is that of a common table expression.

    One may be read by what follows it, never by itself or by what precedes it. ``WITH <expression> AS name`` makes a value: in FROM the
    engine takes the same name for the real table. Raises Refused when a name is given twice.
    """
    heads = tree.args.get("with_") or tree.args.get("with")
    names: set[str] = set()
    known: set[str] = set()
    found: list[tuple[exp.Table, bool]] = []
    for head in heads.expressions if heads else ():
        found += [(table, _common(table, known)) for table in head.this.find_all(exp.Table)]
        if head.alias in names:
            raise Refused(f"WITH gives the name {head.alias[:60]} twice")
        names.add(head.alias)
        if isinstance(head.this, exp.Select | exp.SetOperation) and not head.args.get("scalar"):
            known.add(head.alias)
    return found + [(table, _common(table, known)) for table in tree.find_all(exp.Table) if not _within(table, heads)]


def _common(table: exp.Table, known: Container[str]) -> bool:
    return not table.db and not table.catalog and isinstance(table.this, exp.Identifier) and table.name in known


def _within(node: exp.Expression, heads: exp.Expression | None) -> bool:
    step: exp.Expr | None = node
    while step is not None:
        if step is heads:
            return heads is not None
        step = step.parent
    return False


def _table(table: exp.Table, tables: Container[str], database: str, common: bool) -> None:
    if not isinstance(table.this, exp.Identifier):
        raise Refused("table functions are not allowed: read the views (v_scores, v_metrics, …)")
    if table.catalog or (table.db and table.db != database):
        raise Refused(f"{table.sql(dialect=ClickHouse)[:60]}: only tables of {database} may be read")
    if not common and table.name not in tables:
        raise Refused(f"{table.name[:60]} is not a table that may be read here; there are v_scores, v_metrics, v_episodes, …")
