"""The error budget of one objective: what was promised, what was used, what burns, and whether it will last."""

from __future__ import annotations

import math
from dataclasses import dataclass

import msgspec

from kizashi.contracts.findings import Factor, Risk, Severity
from kizashi.contracts.ids import finding_id
from kizashi.contracts.objective import Objective
from kizashi.contracts.slo_window import Calendar, Rolling, Window
from services.forecast.burn import RULES, Burn, CountRing, judge
from services.forecast.config import HOUR_MS, MINUTE_MS
from services.forecast.outlook import BudgetOutlook, Exhaustion

AHEAD_HOURS = 168
"""A rolling window never ends: it is looked at a week ahead, or its own length if that is shorter."""
FINE_MS, COARSE_MS = MINUTE_MS, 10 * MINUTE_MS
FINE_SPAN_MS = 6 * HOUR_MS
COUNT_MS = 10_000
"""What is counted at a moment spans one rollup."""


GONE = Exhaustion(1.0, 1.0, (0.0, 0.0, 0.0, 0.0, 0.0))
TOO_YOUNG = "no whole hour has been counted yet"


class SavedLedger(msgspec.Struct, array_like=True):
    """State of a ledger."""

    fine: tuple[int, bytes, bytes]
    coarse: tuple[int, bytes, bytes]
    hours: tuple[int, bytes, bytes]
    outlook: bytes
    first_ms: int
    now_ms: int
    learned_hour: int
    period_ms: int
    fired: list[bool]
    version: int
    told: str
    unjudged: bool = True
    """States written before this was kept are judged once more."""


@dataclass(frozen=True)
class Standing:
    """An objective as of ``now_ms``. ``budget_left`` is a share of the whole budget: 1 untouched, below 0 overdrawn."""

    now_ms: int
    start_ms: int
    end_ms: int
    total: float
    bad: float
    budget_left: float
    burns: list[Burn]
    outlook: Exhaustion


class Ledger:
    """Counts the events of one objective in event time; about 30 kB for four weeks."""

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self.window: Window = objective.checked()
        self.fine = CountRing(FINE_MS, FINE_SPAN_MS // FINE_MS + 1)
        self.coarse = CountRing(COARSE_MS, RULES[-1].long_ms // COARSE_MS + 1)
        self.hours = CountRing(HOUR_MS, self.window.length_hours + 50)  # a day longer than the longest month, and the running hour
        self.outlook = BudgetOutlook(objective.objective)
        self.first_ms = self.now_ms = -1
        self.learned_hour = -1
        self.period_ms = -1
        self.fired = [False] * len(RULES)
        self.version, self.told = 0, ""
        self.unjudged = False
        """Whether something was counted that ``risk`` has not seen."""

    def count(self, ts_ms: int, total: float, bad: float) -> None:
        """Count events at ``ts_ms``."""
        if self.first_ms < 0:
            self.first_ms = ts_ms
            self.learned_hour = ts_ms // HOUR_MS - 1
        self.unjudged = True
        self.advance(ts_ms)
        for ring in (self.fine, self.coarse, self.hours):
            ring.add(ts_ms, total, bad)

    def advance(self, now_ms: int) -> None:
        """Time goes on: hours that ended are learned. An hour gets ten minutes for its late events."""
        if self.first_ms < 0 or now_ms <= self.now_ms:
            return
        self.now_ms = now_ms
        for ring in (self.fine, self.coarse, self.hours):
            ring.turn(now_ms)
        ended = (now_ms - 10 * MINUTE_MS) // HOUR_MS - 1
        for hour in range(max(self.learned_hour + 1, ended - self.hours.size + 2), ended + 1):
            total, bad = self.hours.sums(hour * HOUR_MS, (hour + 1) * HOUR_MS)
            self.outlook.learn_hour(total, _believed(total, bad))
        self.learned_hour = max(self.learned_hour, ended)
        start, _ = self.window.bounds(now_ms)
        if isinstance(self.window, Calendar) and start != self.period_ms:
            self.period_ms, self.outlook.said = start, False  # a new period is a new promise

    def standing(self) -> Standing:
        """Where the objective stands now."""
        start, end = self.window.bounds(self.now_ms)
        total, bad = self.hours.sums(start, self.now_ms + HOUR_MS)
        bad = _believed(total, bad)
        traffic = total + self._missing(total)
        if isinstance(self.window, Rolling):
            ahead = min(AHEAD_HOURS, self.window.hours)
            kept = self.hours.sums(start + ahead * HOUR_MS, self.now_ms + HOUR_MS)
        else:
            ahead, kept = max(0, -(-(end - self.now_ms) // HOUR_MS)), (total, bad)
            traffic += float(self.outlook.traffic_ahead(int(ahead)).sum())
        exhausted = self.outlook.exhaustion(kept[0] + self._missing(total), _believed(*kept), int(ahead))
        budget = (1.0 - self.objective.objective) * traffic
        left = 1.0 - bad / budget if budget > 0.0 else 1.0
        if left < 0.0 and isinstance(self.window, Rolling):
            exhausted = GONE  # it need not last until what fails now has left the window
        return Standing(self.now_ms, start, end, total, bad, left, self._judge(), exhausted)

    def _missing(self, total: float) -> float:
        """Events a rolling window would hold beside ``total`` had it been counted all along: its budget is that of a whole window."""
        if not isinstance(self.window, Rolling):
            return 0.0
        history, whole = self.now_ms - self.first_ms + COUNT_MS, self.window.hours * HOUR_MS
        return total * (whole / history - 1.0) if history < whole else 0.0

    def daily(self) -> list[tuple[int, float, float]]:
        """The ledger: (start of 24 hours, events, failures) back from the running hour, oldest first, within the window."""
        start, _ = self.window.bounds(self.now_ms)
        end = (self.now_ms // HOUR_MS + 1) * HOUR_MS
        rows = []
        while end > start:
            first = max(start, end - 24 * HOUR_MS)
            rows.append((first, *self.hours.sums(first, end)))
            end = first
        return rows[::-1]

    def risk(self) -> Risk | None:
        """The risk to publish, or None when nothing has changed: verdict, severity, hour, probability, budget, share that failed."""
        self.unjudged = False
        s = self.standing()
        firing = [b for b in s.burns if b.firing]
        severity: Severity = "critical" if any(b.rule.pages for b in firing) else "warning" if firing else "info"
        young = self.learned_hour < self.first_ms // HOUR_MS and s.budget_left >= 0.0
        failed = s.bad / s.total if s.total > 0 else None
        share = "" if failed is None else f"{failed:.1g}"  # of a young window's budget, a file full of failures is nothing
        told = f"{severity}|{bool(firing)}|{s.now_ms // HOUR_MS}|{round(50 * s.outlook.probability)}|{s.budget_left:.2g}|{share}"
        if told == self.told:
            return None
        self.told, self.version = told, self.version + 1
        o, now = self.objective, s.now_ms
        eta = [now + int(h * HOUR_MS) if math.isfinite(h) else None for h in s.outlook.hours]
        return Risk(
            id=finding_id("slo", o.tenant, o.id),
            version=self.version,
            tenant=o.tenant,
            entity=o.entity,
            kind="slo",
            made_at_ms=now,
            title=f"{o.name}: {100 * o.objective:g} % over {o.window}",
            horizon_s=max(0, (s.end_ms - now) // 1000) or AHEAD_HOURS * 3600,
            probability=None if young else s.outlook.probability,
            eta_ms=eta[2],
            eta_low_ms=eta[0],
            eta_high_ms=eta[4],
            eta_inner_low_ms=eta[1],
            eta_inner_high_ms=eta[3],
            value=None if failed is None else 1.0 - failed,
            threshold=o.objective,
            burn={_span(b.rule.long_ms): round(b.rate, 4) for b in s.burns},
            budget_left=s.budget_left,
            firing=bool(firing),
            severity=severity,
            factors=[_factor(b) for b in s.burns if b.firing or b.held_back_by],
            reason="no events in the window" if s.total <= 0 else TOO_YOUNG if young else "",
        )

    def last_word(self) -> Risk | None:
        """What is told of a deleted objective, so that nobody waits for it any more; None when nobody was told of it."""
        if not self.version:
            return None
        o, self.version = self.objective, self.version + 1
        return Risk(
            id=finding_id("slo", o.tenant, o.id), version=self.version, tenant=o.tenant, entity=o.entity, kind="slo",
            made_at_ms=max(0, self.now_ms), title=f"{o.name}: {100 * o.objective:g} % over {o.window}", reason="deleted",
            threshold=o.objective,
        )  # fmt: skip

    def _judge(self) -> list[Burn]:
        o, burns = self.objective, []
        for k, rule in enumerate(RULES):
            counts = [self._last(span) for span in (rule.long_ms, rule.short_ms)]
            history = self.now_ms - self.first_ms
            burn = judge(
                rule, counts[0], counts[1], o.objective, self.window.length_hours, history, o.minimum_events, self.fired[k]
            )  # fmt: skip
            self.fired[k] = burn.firing
            burns.append(burn)
        return burns

    def _last(self, span_ms: int) -> tuple[float, float]:
        total, bad = (self.fine if span_ms <= FINE_SPAN_MS else self.coarse).last(span_ms)
        return total, _believed(total, bad)

    def dump(self) -> SavedLedger:
        """State."""
        return SavedLedger(
            self.fine.dump(), self.coarse.dump(), self.hours.dump(), self.outlook.dump(), self.first_ms, self.now_ms,
            self.learned_hour, self.period_ms, self.fired, self.version, self.told, self.unjudged,
        )  # fmt: skip

    @classmethod
    def load(cls, saved: SavedLedger, objective: Objective) -> Ledger:
        """Inverse of ``dump``; raises ValueError when the objective's window is another."""
        out = cls(objective)
        out.fine.restore(saved.fine)
        out.coarse.restore(saved.coarse)
        out.hours.restore(saved.hours)
        out.outlook = BudgetOutlook.load(saved.outlook, objective.objective)
        out.first_ms, out.now_ms, out.learned_hour, out.period_ms = saved.first_ms, saved.now_ms, saved.learned_hour, saved.period_ms
        out.fired, out.version, out.told, out.unjudged = list(saved.fired), saved.version, saved.told, saved.unjudged
        return out


def _believed(total: float, bad: float) -> float:
    """Failures between none and all: the counts of a slice may come one after the other."""
    return max(0.0, min(bad, total))


def _span(ms: int) -> str:
    """``1h``, ``6h``, ``1d``, ``3d``."""
    hours = ms // HOUR_MS
    return f"{hours}h" if hours < 24 else f"{hours // 24}d"


def _factor(burn: Burn) -> Factor:
    spans = f"{_span(burn.rule.long_ms)} and {burn.rule.short_ms // MINUTE_MS} min"
    text = burn.held_back_by or f"budget burns {burn.rate:.1f} times too fast over {spans} (limit {burn.threshold:.1f})"
    return Factor(f"burn {_span(burn.rule.long_ms)}", burn.rate, text)
