"""What a channel is asked to say: one notification for one state of one group of alerts, by one channel and escalation step.

The model keeps what is not yet delivered; the courier takes it from there and answers with ``Delivery`` records whose ``dedup_key`` is the
notification's ``key``: ``sent`` and ``fallback`` end it, ``retry`` leaves it, ``failed`` moves it to the channel's fallback, if it has one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from kizashi.contracts.findings import Severity
from kizashi.contracts.ids import finding_id

Kind = Literal["firing", "acknowledged", "resolved", "escalated", "heartbeat"]


class AlertSummary(msgspec.Struct, omit_defaults=True):
    """One alert of a notification, with the numbers that explain it. Times in ms since the epoch; None: not known for this rule."""

    id: str
    rule: str
    severity: Severity
    state: Literal["firing", "acknowledged", "resolved"]
    title: str
    started_ms: int
    updated_ms: int
    ended_ms: int | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    """Sentences by name: ``expected``, ``changes``, ``cause``, ``blast``, ``runbook``, ``owner``, ``acknowledged_by``; any may miss."""
    value: float | None = None
    expected: float | None = None
    lower: float | None = None
    upper: float | None = None
    flapping: bool = False
    refs: list[str] = []
    """Ids of the episodes, incidents, risks or changes behind it."""
    series: str = ""
    """Id of the series that it is about, or that tells most about it; empty when there is none."""
    series_name: str = ""
    """What that series is, where the title does not say it."""


class Notification(msgspec.Struct, omit_defaults=True):
    """Something to say through ``channel``. Equal states give equal keys, also after a crash: a receiver that honours it sees one."""

    key: str
    """Stable name of this very message: an idempotency key."""
    tenant: str
    channel: str
    """Name of the channel's configuration object; ``topic`` is the built-in one that sends nothing out."""
    kind: Kind
    group: str
    """Stable name of the group: a thread, PagerDuty's ``dedup_key``; the same for its firing, acknowledged and resolved messages."""
    state_version: str
    """Digest of the alerts' states that this message tells."""
    severity: Severity
    title: str
    body: list[str]
    """Plain sentences, most important first; no markup."""
    created_ms: int
    step: int = 0
    """Escalation step, 0 is the first."""
    sequence: int = 0
    """Counts the group's messages: of two pending ones of a group and channel, the lower goes first."""
    alerts: list[AlertSummary] = []
    links: dict[str, str] = {}
    """Paths on the gateway by name (``alerts``, ``silence``, ``incident``) and full addresses (``runbook``)."""
    recipients: list[str] = []
    """People on call at this step, by the name the schedule gives them; for channels that address people."""
    repeat: int = 0
    """The how-many-th reminder of an unchanged state; 0 is the first message."""
    given_up: list[str] = []
    """Channels that are no fallback of it: they gave it up before it came to this one, or are told the same themselves."""


def state_version(states: Iterable[tuple[str, str]], repeat: int = 0) -> str:
    """Digest of (alert id, state) pairs, in any order, and of the reminder's number.

    >>> state_version([("a", "firing"), ("b", "firing")]) == state_version([("b", "firing"), ("a", "firing")])
    True
    """
    return finding_id("state", repeat, *(f"{i}={s}" for i, s in sorted(states))).partition("-")[2]


def notification_key(tenant: str, group: str, version: str, channel: str, step: int) -> str:
    """The dedup key: it changes with the told state, the channel and the escalation step, and with nothing else."""
    return finding_id("notification", tenant, group, version, channel, step)
