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
    _functions(words)
    _clauses(found[0])
    _tables(found[0], tables, database)
    return text


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
        if isinstance(node, exp.In) and node.args.get("field") is not None:
            raise Refused("IN needs a list or a subquery in parentheses: a bare name may be a table")
        if isinstance(node, exp.With) and node.parent is not tree:
            raise Refused("WITH is allowed in front of the whole query only")
        if isinstance(node, exp.Placeholder | exp.Parameter):
            raise Refused("parameters are not allowed")


def _tables(tree: exp.Expression, tables: Container[str], database: str) -> None:
    """A common table expression may be read by what follows it, never by itself or by what precedes it."""
    heads = tree.args.get("with_") or tree.args.get("with")
    known: set[str] = set()
    for head in heads.expressions if heads else ():
        for table in head.this.find_all(exp.Table):
            _table(table, tables, database, known)
        known.add(head.alias)
    for table in tree.find_all(exp.Table):
        if not _within(table, heads):
            _table(table, tables, database, known)


def _within(node: exp.Expression, heads: exp.Expression | None) -> bool:
    step: exp.Expr | None = node
    while step is not None:
        if step is heads:
            return heads is not None
        step = step.parent
    return False


def _table(table: exp.Table, tables: Container[str], database: str, known: set[str]) -> None:
    if not isinstance(table.this, exp.Identifier):
        raise Refused("table functions are not allowed: read the views (v_scores, v_metrics, …)")
    if table.catalog or (table.db and table.db != database):
        raise Refused(f"{table.sql(dialect=ClickHouse)[:60]}: only tables of {database} may be read")
    if table.name not in tables and (table.db or table.name not in known):
        raise Refused(f"{table.name[:60]} is not a table that may be read here; there are v_scores, v_metrics, v_episodes, …")
