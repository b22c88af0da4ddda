"""The alert budget: a team says how many pages a day it can bear; a controller raises or lowers the bar to hold it.

Each candidate page has a worth between 0 and 1. The bar is the quantile of the candidates of the last week above which lie as many as may
page: share = gain x (pages a day allowed) / (candidates a day). The gain is an integral controller: once an hour it is moved by the
difference between what was allowed and what cleared the bar in the last 24 hours. A hard stop holds everything but critical back once the
day's pages are used up; what it stops counts as having cleared the bar, so the bar rises until the stop is rarely needed. Critical pages
always pass, and count. Cost: one pass over at most ``MAX_KEPT`` candidates a page.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from kizashi.contracts.checked import converted
from kizashi.errors import ConfigurationError
from services.alerting.rules import rank

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
WEEK_MS = 7 * DAY_MS
MAX_KEPT = 2_000
GAIN_STEP = 0.1
"""A whole budget too little in a day raises the gain by a tenth an hour: a day to double, slower than the window it looks at."""
GAIN_RANGE = (0.25, 4.0)
PRIOR_TRUE, PRIOR_ALL = 2.0, 3.0
"""A rule nobody judged counts as right in two of three cases."""


Outcome = Literal["paged", "critical", "held", "stopped"]
"""``held``: below the bar; ``stopped``: above it, but the day's pages were used up."""
HELD: tuple[Outcome, ...] = ("held", "stopped")


class Budget(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """At most so many pages in any 24 hours; ``team`` empty: everything that no other budget names."""

    pages_a_day: float
    team: str = ""
    reason: str = ""


class Candidate(msgspec.Struct, array_like=True):
    """One page that was asked for."""

    at_ms: int
    worth: float
    outcome: Outcome
    group: str


class Precision(msgspec.Struct, array_like=True):
    """What people said of a rule's alerts."""

    right: int = 0
    wrong: int = 0

    def share(self) -> float:
        """Posterior mean share of right alerts."""
        return (self.right + PRIOR_TRUE) / (self.right + self.wrong + PRIOR_ALL)


class Ledger(msgspec.Struct):
    """One team's candidates and the controller's state."""

    kept: list[Candidate] = []
    gain: float = 1.0
    moved_ms: int = 0

    def ask(self, budget: Budget | None, severity: str, worth: float, group: str, at_ms: int) -> bool:
        """Whether a page may go out now. A group that asks again replaces its last question if that was held back."""
        self._move(budget, at_ms)
        if self.kept and (self.kept[0].at_ms < at_ms - WEEK_MS or len(self.kept) >= MAX_KEPT):
            self.kept = [c for c in self.kept if c.at_ms >= at_ms - WEEK_MS][-MAX_KEPT + 1 :]
        outcome: Outcome = "critical" if severity == "critical" else "paged" if budget is None else self._judge(budget, worth, at_ms)
        if budget is not None:
            self.kept = [c for c in self.kept if c.group != group or c.outcome not in HELD]
        self.kept.append(Candidate(at_ms, worth, outcome, group))
        return outcome not in HELD

    def bar(self, budget: Budget, at_ms: int) -> float:
        """Worth that a page needs now: 0 lets all pass."""
        recent = [c for c in self.kept if c.at_ms >= at_ms - WEEK_MS and c.outcome != "critical"]
        if not recent:
            return 0.0
        days = max(1.0, (at_ms - recent[0].at_ms) / DAY_MS)
        critical = sum(c.outcome == "critical" and c.at_ms >= at_ms - WEEK_MS for c in self.kept)
        allowed = max(0.0, budget.pages_a_day - critical / days)
        share = self.gain * allowed * days / len(recent)
        if share >= 1.0:
            return 0.0
        worths = sorted(c.worth for c in recent)
        return worths[min(len(worths) - 1, int((1.0 - share) * len(worths)))]

    def report(self, budget: Budget | None, at_ms: int) -> dict[str, float | int | None]:
        """Achieved and held back in the last 24 hours and the last week, and the bar now."""
        day = [c for c in self.kept if c.at_ms >= at_ms - DAY_MS]
        return {
            "pages_a_day": budget.pages_a_day if budget else None,
            "paged_24h": sum(c.outcome == "paged" for c in day),
            "critical_24h": sum(c.outcome == "critical" for c in day),
            "held_back_24h": sum(c.outcome in HELD for c in day),
            "paged_7d": sum(c.outcome not in HELD and c.at_ms >= at_ms - WEEK_MS for c in self.kept),
            "held_back_7d": sum(c.outcome in HELD and c.at_ms >= at_ms - WEEK_MS for c in self.kept),
            "bar": self.bar(budget, at_ms) if budget else 0.0,
            "gain": self.gain,
        }

    def _judge(self, budget: Budget, worth: float, at_ms: int) -> Outcome:
        if worth < self.bar(budget, at_ms):
            return "held"
        paged = sum(c.outcome not in HELD and c.at_ms > at_ms - DAY_MS for c in self.kept)
        return "paged" if paged + 1 <= budget.pages_a_day else "stopped"

    def _move(self, budget: Budget | None, at_ms: int) -> None:
        if budget is None or budget.pages_a_day <= 0 or at_ms - self.moved_ms < HOUR_MS:
            return
        hours = min(24, (at_ms - self.moved_ms) // HOUR_MS) if self.moved_ms else 1
        self.moved_ms = at_ms
        day = [c for c in self.kept if c.at_ms >= at_ms - DAY_MS]
        if not any(c.outcome in HELD for c in day):
            return  # nothing was held back: the gain has nothing to answer for
        cleared = sum(c.outcome != "held" for c in day)
        error = (budget.pages_a_day - cleared) / budget.pages_a_day
        self.gain = min(GAIN_RANGE[1], max(GAIN_RANGE[0], self.gain + GAIN_STEP * hours * max(-1.0, min(1.0, error))))


def budget_from(body: dict[str, Any]) -> Budget:
    """Checked. Raises ConfigurationError with the field and the reason."""
    b = converted(body, Budget)
    if not 0.0 <= b.pages_a_day <= 10_000:
        raise ConfigurationError("0 to 10,000 pages a day - at `$.pages_a_day`")
    return b


def worth_of(severity: str, score: float, precision: Precision) -> float:
    """Worth of a page, 0 to 1: severity counts first, then how far beyond the boundary, both times how often the rule was right.

    score / (1 + score) is one half at the boundary and nears 1: no single outlier decides.
    """
    loud = max(0.0, score) / (1.0 + max(0.0, score))
    return precision.share() * (0.5 * rank(severity) / 2 + 0.5 * loud)
