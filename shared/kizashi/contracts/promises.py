"""What people promise and which limits they know, as configuration objects: kinds ``slo``, ``calendar``, ``promise`` and ``limit``.

Whoever writes such an object checks it here first; whoever folds it decodes it here, and keeps the old one when it makes no sense.
"""

from __future__ import annotations

import math

import msgspec

from kizashi.contracts.batches import SeriesInfo
from kizashi.contracts.business_calendar import ALWAYS_OPEN, BusinessCalendar
from kizashi.contracts.objective import Objective, decode_objective
from kizashi.errors import ConfigurationError

PROMISE_KINDS = ("calendar", "promise", "slo", "limit")
"""In the order in which they should be written: a promise names its calendar."""
Body = dict[str, object]


class Promise(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Open seconds until a ticket of ``priority`` in ``queue`` (empty: any) is acknowledged and resolved, as ``calendar`` counts them."""

    priority: str
    resolve_s: float
    respond_s: float = 0.0
    """0: no promise about the first answer."""
    queue: str = ""
    calendar: str = ALWAYS_OPEN.id
    tenant: str = "default"

    def checked(self) -> Promise:
        """Itself, if it gives time; raises ConfigurationError."""
        if not (0 < self.resolve_s < math.inf and 0 <= self.respond_s < math.inf):
            raise ConfigurationError(
                f"the promise for {self.priority!r} must give time to resolve, {self.resolve_s} s is none - at `$.resolve_s`"
            )
        return self


class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A threshold for every series of ``tenant`` and ``metric`` whose labels contain ``labels``; ``rising`` False: running down to it."""

    id: str
    metric: str
    threshold: float
    tenant: str = "default"
    labels: dict[str, str] = {}
    rising: bool = True

    def covers(self, info: SeriesInfo) -> bool:
        """Whether this limit is about that series."""
        mine = info.tenant == self.tenant and info.metric == self.metric
        return mine and all(info.labels.get(k) == v for k, v in self.labels.items())


Promised = Objective | BusinessCalendar | Promise | Limit


def decode_promised(kind: str, id_: str, tenant: str, body: Body) -> Promised:
    """The object of a configuration change; raises ConfigurationError that says which field is wrong and what to write.

    >>> decode_promised("promise", "p1", "default", {"priority": "P1", "resolve_s": 14400}).resolve_s
    14400.0
    """
    try:
        match kind:
            case "slo":
                return decode_objective(body, id_, tenant)
            case "calendar":
                return msgspec.convert({**body, "id": id_}, BusinessCalendar).checked()
            case "promise":
                return msgspec.convert({**body, "tenant": tenant}, Promise).checked()
            case "limit":
                found = msgspec.convert({**body, "id": id_, "tenant": tenant}, Limit)
    except msgspec.ValidationError as x:
        raise ConfigurationError(f"{kind} {id_!r}: {x}") from x
    if kind != "limit":
        raise ConfigurationError(f"there is no kind {kind!r} of promise: {', '.join(PROMISE_KINDS)}")
    if not math.isfinite(found.threshold):
        raise ConfigurationError(f"limit {id_!r} needs a finite threshold - at `$.threshold`")
    return found
