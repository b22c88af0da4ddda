"""Scheduled queries as a YAML file; each mistake is named with its line. Pure.

queries:
  - {id: tickets-late, metric: tickets.late, every_s: 60, sql: "SELECT entity AS queue, count() AS n FROM v_tickets_at_risk GROUP BY queue"}
"""

from __future__ import annotations

from kizashi.contracts.written import Written, read_yaml
from kizashi.errors import ConfigurationError
from services.gateway.query_samples import KIND, Reach, admitted, query_from


def read_queries(text: str, name: str, reach: Reach, tenant: str) -> list[Written]:
    """Every query of the file. Raises ConfigurationError with one line a mistake: file, line, reason."""
    data, file = read_yaml(text, name, ("queries",))
    found = []
    for id_, body, here in file.entries("queries", data.get("queries", [])):
        try:
            admitted(query_from(body), reach, tenant)
        except ConfigurationError as x:
            file.refuse_at(here, str(x))
            continue
        found.append(Written(KIND, id_, body))
    file.done()
    return found
