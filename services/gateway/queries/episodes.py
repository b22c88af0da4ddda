"""Episodes and what is open now."""

from __future__ import annotations

from services.gateway.queries import Statement

OPEN_COUNTS = Statement(
    "overview.open",
    "SELECT '' AS service, 'episode' AS kind, toUInt32(0) AS open, CAST(NULL, 'Nullable(Float64)') AS risk WHERE {tenant:String} = '\\x00'",
)
