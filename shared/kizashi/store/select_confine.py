"""A person's SELECT confined to one tenant: every view that it reads is behind a filter, and what is sent is written anew from the tree.

Sending the rewritten text, not the person's, means that nothing reaches the engine which this reading of it did not see.
"""

from __future__ import annotations

from collections.abc import Container

import sqlglot
from sqlglot import exp
from sqlglot.dialects.clickhouse import ClickHouse

from kizashi.errors import Refused
from kizashi.store.select_gate import admit_select


def confine(sql: str, views: Container[str], database: str, tenant: str) -> str:
    """The statement over rows of ``tenant`` alone. Raises Refused as ``admit_select`` does.

    ``views`` are names in ``database`` that may be read; each has a column ``tenant``.

    >>> confine("SELECT count() FROM v_risk", {"v_risk"}, "kizashi", "acme")
    "SELECT count() FROM (SELECT * FROM kizashi.v_risk WHERE tenant = 'acme') AS v_risk"
    """
    tree = sqlglot.parse_one(admit_select(sql, views, database), dialect=ClickHouse)
    for table in list(tree.find_all(exp.Table)):
        if table.name not in views:
            continue  # a common table expression: what it reads is confined itself
        if isinstance(table.parent, exp.Final) or any(value for name, value in table.args.items() if name not in ("this", "db", "alias")):
            raise Refused(f"{table.name[:60]} is read without FINAL, SAMPLE and the like here")
        alias = table.alias or table.name
        own = exp.select("*").from_(exp.table_(table.name, db=database)).where(exp.column("tenant").eq(exp.Literal.string(tenant)))
        table.replace(own.subquery(alias))
    return tree.sql(dialect=ClickHouse)
