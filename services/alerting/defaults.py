"""The rules that hold when nobody has written any: few, and each with its reason. A rule of the same name replaces one; ``enabled: false``
takes it away."""

from __future__ import annotations

from services.alerting.rules import (
    AnomalyRule,
    AnyRule,
    BurnRule,
    ForecastRule,
    IncidentRule,
    OutcomeRule,
    ProbabilityRule,
    ThresholdRule,
)

DAY_S = 86_400.0

DEFAULT_RULES: dict[str, AnyRule] = {
    "incident": IncidentRule(
        reason="One page for everything that shares a cause; its episodes are held back while it fires.", min_severity="warning"
    ),
    "anomaly": AnomalyRule(
        reason="An oddity that rca has not put into an incident. Only high or lasting ones (critical by score or length), and only "
        "after a minute: rca groups within seconds, and most oddities are over by then.",
        min_severity="critical",
        for_s=60.0,
    ),
    "silence": AnomalyRule(
        reason="A series that stops is how a dead exporter or host looks; the model knows each series' own rhythm.",
        kinds=("missing",),
        for_s=60.0,
    ),
    "budget-burn": BurnRule(
        reason="Multi-window burn rates: two per cent of a month's budget in an hour is a page, slower burn a warning."
    ),
    "runs-out": ForecastRule(reason="Disk, memory or quota that ends within a day can still be met in working hours.", within_s=DAY_S),
    "ticket-late": ProbabilityRule(reason="A promise to a customer that will probably be missed, while it can still be kept.", of="ticket"),
    "incident-likely": ProbabilityRule(
        reason="The service's own history says that an incident is more likely than not.", of="incident", at_least=0.6, severity="warning"
    ),
    "bad-change": OutcomeRule(reason="The change is the quickest thing to take back.", severity="warning", outcomes=("confirmed",)),
    "disk-full": ThresholdRule(
        reason="A full disk stops the store and the broker; 95 % leaves minutes to hours. Clears at 92 % so that it does not flap.",
        metric="system.disk.utilization",
        above=0.95,
        clear=0.92,
        for_s=120.0,
        severity="critical",
    ),
    "memory-full": ThresholdRule(
        reason="Above 97 % the kernel starts to kill. Ten minutes leave out the peaks of a build.",
        metric="system.memory.utilization",
        above=0.97,
        clear=0.93,
        for_s=600.0,
        severity="critical",
    ),
}
"""Works for this machine (``system.*``), for the demo and for any service whose samples arrive: none names a service."""
