"""Service level objectives as people configure them."""

from __future__ import annotations

from typing import Literal

import msgspec

from kizashi.contracts.batches import SeriesInfo
from kizashi.contracts.slo_window import Window, parse_window
from kizashi.errors import ConfigurationError

Role = Literal["total", "bad", "good", "latency", "probe"]


class Selector(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Series of one metric whose labels contain ``labels``."""

    metric: str
    labels: dict[str, str] = {}

    def covers(self, info: SeriesInfo) -> bool:
        """Whether that series is meant."""
        return info.metric == self.metric and all(info.labels.get(k) == v for k, v in self.labels.items())


class Objective(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A promise: the share ``objective`` of events is good over ``window``.

    ``ratio`` counts ``total`` and ``bad`` or ``good`` events; ``latency`` calls a sample of ``metric`` bad above ``threshold`` (below it,
    if ``low_is_bad``); ``availability`` reads ``metric`` as a probe that gives 1 when up and 0 when down.
    """

    id: str
    name: str
    entity: str
    objective: float
    kind: Literal["ratio", "latency", "availability"]
    tenant: str = "default"
    window: str = "28d"
    zone: str = "UTC"
    total: Selector | None = None
    bad: Selector | None = None
    good: Selector | None = None
    metric: Selector | None = None
    threshold: float | None = None
    low_is_bad: bool = False
    minimum_events: int = 100

    def checked(self) -> Window:
        """The window, if all makes sense; raises ConfigurationError that says what to change."""
        if not 0.0 < self.objective < 1.0:
            raise ConfigurationError(
                f"objective {self.objective} of {self.id!r}: write a share between 0 and 1, such as 0.999 - at `$.objective`"
            )
        if self.minimum_events < 0:
            raise ConfigurationError(f"minimum_events of {self.id!r} is negative - at `$.minimum_events`")
        if self.kind == "ratio" and (self.total is None or (self.bad is None) == (self.good is None)):
            raise ConfigurationError(f"ratio objective {self.id!r} needs total, and either bad or good - at `$.kind`")
        if self.kind != "ratio" and self.metric is None:
            raise ConfigurationError(f"{self.kind} objective {self.id!r} needs a metric - at `$.kind`")
        if self.kind == "latency" and self.threshold is None:
            raise ConfigurationError(f"latency objective {self.id!r} needs a threshold - at `$.kind`")
        try:
            return parse_window(self.window, self.zone)
        except ConfigurationError as x:
            raise ConfigurationError(f"{x} - at `$.{'window' if 'zone' not in str(x) else 'zone'}`") from x

    def role_of(self, info: SeriesInfo) -> Role | None:
        """What a series is to this objective."""
        if info.tenant != self.tenant:
            return None
        pairs: tuple[tuple[Role, Selector | None], ...] = (
            (("total", self.total), ("bad", self.bad), ("good", self.good))
            if self.kind == "ratio"
            else (("latency" if self.kind == "latency" else "probe", self.metric),)
        )
        return next((role for role, selector in pairs if selector is not None and selector.covers(info)), None)


def decode_objective(body: dict[str, object], id_: str, tenant: str) -> Objective:
    """An objective from the body of a configuration change; raises ConfigurationError."""
    try:
        found = msgspec.convert({**body, "id": id_, "tenant": tenant}, Objective)
    except msgspec.ValidationError as x:
        raise ConfigurationError(f"objective {id_!r}: {x}") from x
    found.checked()
    return found
