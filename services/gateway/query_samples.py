"""A ClickHouse query on a schedule, and its rows as samples. Pure.

A row gives one sample: its number is the value, its texts are the labels; the time is the turn of the schedule, so that two replicas, or a
repeat, make the same samples, which the scorer counts once.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import msgspec

from kizashi.contracts.checked import converted
from kizashi.contracts.inputs import SampleIn
from kizashi.errors import ConfigurationError, InvalidMessage, Refused
from kizashi.stream.config import ConfigObject

KIND = "query"
MOST = 100
"""Living queries of a tenant: they are asked one after another, each for up to seconds."""
MOST_ROWS = 1_000
"""Series that one query may keep alive."""
SHORTEST_S, LONGEST_S = 10, 86_400
LONGEST_METRIC = 200
_METRIC = re.compile(r"[A-Za-z_][A-Za-z0-9_.:/-]*")
_WRAPPED = re.compile(r"(?:Nullable|LowCardinality)\((.*)\)")
_NUMBER = re.compile(r"(?:U?Int\d+|B?Float\d+|Decimal.*|Bool)")
_TEXT = re.compile(r"(?:String|FixedString\(\d+\)|Enum(?:8|16)\(.*\)|UUID|IPv[46])", re.DOTALL)


class ScheduledQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Configuration object of kind ``query``: every ``every_s`` seconds ``sql`` is asked and becomes samples of ``metric``."""

    metric: str
    sql: str
    every_s: int = 60
    enabled: bool = True
    unit: str = ""
    owner: str = ""
    reason: str = ""


class Column(msgspec.Struct):
    """Name and ClickHouse type of a column."""

    name: str
    type: str


class Answer(msgspec.Struct):
    """What is read of ClickHouse's format JSONCompact."""

    meta: list[Column]
    data: list[list[Any]]


def query_from(body: dict[str, Any]) -> ScheduledQuery:
    """Checked but for its SQL, see ``admitted``. Raises ConfigurationError with the field and the reason."""
    found = converted(body, ScheduledQuery)
    if len(found.metric) > LONGEST_METRIC or not _METRIC.fullmatch(found.metric):
        raise ConfigurationError(f"a metric is a name of letters, digits and . _ : / -, up to {LONGEST_METRIC} long - at `$.metric`")
    if not SHORTEST_S <= found.every_s <= LONGEST_S:
        raise ConfigurationError(f"a query is asked every {SHORTEST_S} to {LONGEST_S} seconds, not {found.every_s} - at `$.every_s`")
    return found


def check_room(living: int, standing: ConfigObject | None) -> None:
    """Raises ConfigurationError when a new query would be one too many."""
    if standing is None and living >= MOST:
        raise ConfigurationError(f"there are {living} scheduled queries, {MOST} can be kept: delete some that nobody needs")


@dataclass(frozen=True)
class Reach:
    """What the scheduled queries of a tenant may read: the house's own everything, any other tenant its own rows of the views."""

    house: str
    tables: frozenset[str]
    database: str

    @property
    def views(self) -> frozenset[str]:
        """Each has a column ``tenant``; configuration is left out, because it holds hashes of secrets."""
        return frozenset(name for name in self.tables if name.startswith("v_") and name != "v_config")


def admitted(query: ScheduledQuery, reach: Reach, tenant: str) -> str:
    """The SQL that is sent for a tenant, when it is one SELECT over what it may read. Raises ConfigurationError with the reason."""
    # Their parser is 30 MB: a house without such queries does without it.
    from kizashi.store.select_confine import confine
    from kizashi.store.select_gate import admit_select

    try:
        if tenant == reach.house:
            return admit_select(query.sql, reach.tables, reach.database)
        return confine(query.sql, reach.views, reach.database, tenant)
    except Refused as x:
        raise ConfigurationError(f"{x} - at `$.sql`") from x


def turn_of(now_ms: int, every_s: int) -> int:
    """The turn of the schedule that holds now, ms since the epoch.

    >>> turn_of(125_000, 60)
    120000
    """
    return now_ms - now_ms % (every_s * 1_000)


def samples_of(query: ScheduledQuery, data: bytes, turn_ms: int) -> list[SampleIn]:
    """Samples of an answer in JSONCompact; a row without a finite value gives none. Raises InvalidMessage when columns do not fit."""
    try:
        answer = msgspec.json.decode(data, type=Answer)
    except msgspec.DecodeError as x:
        raise InvalidMessage(f"the store's answer cannot be read: {x}") from x
    if len(answer.data) > MOST_ROWS:
        raise InvalidMessage(f"{len(answer.data)} rows: a query gives up to {MOST_ROWS}, one a series")
    value, labels = _columns(answer.meta)
    out: dict[tuple[str, ...], SampleIn] = {}
    for row in answer.data:
        number = _finite(row[value])
        named = {name: str(row[at]) for name, at in labels if row[at] not in (None, "")}
        key = tuple(named.get(name, "") for name, _ in labels)
        if number is None:
            continue
        if key in out:
            raise InvalidMessage(f"two rows have the labels {named}: group by the text columns, so that a series has one value")
        out[key] = SampleIn(query.metric, number, turn_ms, named, query.unit)
    return list(out.values())


def _columns(meta: list[Column]) -> tuple[int, list[tuple[str, int]]]:
    """Place of the value; names and places of the labels."""
    kinds = [_bare(c.type) for c in meta]
    numbers = [k for k, kind in enumerate(kinds) if _NUMBER.fullmatch(kind)]
    texts = [k for k, kind in enumerate(kinds) if _TEXT.fullmatch(kind)]
    other = next((c for k, c in enumerate(meta) if k not in numbers and k not in texts), None)
    if other is not None:
        raise InvalidMessage(f"column {other.name} is {other.type}: there are one number, the value, and texts, the labels")
    if len(numbers) != 1:
        raise InvalidMessage(f"{len(numbers)} columns of numbers: there is one, the value; write toString(…) around what is a label")
    return numbers[0], [(meta[k].name, k) for k in texts]


def _bare(kind: str) -> str:
    """A type without what may be around it."""
    while found := _WRAPPED.fullmatch(kind):
        kind = found[1]
    return kind


def _finite(cell: Any) -> float | None:
    """The number of a cell: wide integers and decimals may come as text."""
    if cell is None:
        return None
    try:
        number = float(cell)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
