"""A person's SELECT confined to one tenant: every view that it reads is behind a filter, and what is sent is written anew from the tree.

Sending the rewritten text, not the person's, means that nothing reaches the engine which this reading of it did not see.
"""

from __future__ import annotations

from collections.abc import Container

import sqlglot
from sqlglot import exp
from sqlglot.dialects.clickhouse import ClickHouse

from kizashi.errors import Refused
from kizashi.store.select_gate import admit_select, table_reads

COMMON = "cte_"
"""Put before the name of every common table expression: no real table begins so, whatever the engine makes of the name."""


def confine(sql: str, views: Container[str], database: str, tenant: str) -> str:
    """The statement over rows of ``tenant`` alone. Raises Refused as ``admit_select`` does.

    ``views`` are names in ``database`` that may be read; each has a column ``tenant``.

    >>> confine("SELECT count() FROM v_risk", {"v_risk"}, "kizashi", "acme")
    "SELECT count() FROM (SELECT * FROM kizashi.v_risk WHERE tenant = 'acme') AS v_risk"
    """
    tree = sqlglot.parse_one(admit_select(sql, views, database), dialect=ClickHouse)
    reads = table_reads(tree)
    for head in tree.find_all(exp.CTE):
        if not head.args.get("scalar"):
            head.args["alias"].set("this", exp.to_identifier(COMMON + head.alias, quoted=True))
    for table, common in reads:
        if common:  # what it reads is confined itself
            if not table.alias:
                table.set("alias", exp.TableAlias(this=table.this.copy()))
            table.set("this", exp.to_identifier(COMMON + table.name, quoted=True))
            continue
        if table.name not in views or (table.db and table.db != database):
            raise Refused(f"{table.name[:60]} is not a view that may be read here")
        if isinstance(table.parent, exp.Final) or any(value for name, value in table.args.items() if name not in ("this", "db", "alias")):
            raise Refused(f"{table.name[:60]} is read without FINAL, SAMPLE and the like here")
        alias = table.alias or table.name
        own = exp.select("*").from_(exp.table_(table.name, db=database)).where(exp.column("tenant").eq(exp.Literal.string(tenant)))
        table.replace(own.subquery(alias))
    return tree.sql(dialect=ClickHouse, comments=False)
