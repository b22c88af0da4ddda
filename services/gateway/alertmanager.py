"""Alerts and silences in the words of Alertmanager's API v2, so that amtool, Grafana and Karma can read and silence. Pure.

After the OpenAPI document of Alertmanager 0.25 to 0.28. What has no counterpart is left out, not invented: routing is not told
(one receiver, ``kizashi``), and an alert that still waits for its duration is not told at all, as Alertmanager would not know it yet.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from kizashi.contracts.findings import Alert
from kizashi.contracts.matchers import all_match, matcher
from kizashi.errors import ConfigurationError

RECEIVER = "kizashi"
LATELY_MS = 300_000
"""A firing alert ends, as far as a reader knows, five minutes after it was looked at."""
INHIBITING = ("inhibition", "parent")
MUTING = ("maintenance",)
LONGEST_SILENCE_MS = 90 * 86_400_000
LATEST_MS = 253_402_300_799_999
"""The last moment that the protocol's times can name: the end of the year 9999."""
Json = dict[str, Any]


class MatcherBody(msgspec.Struct, frozen=True):
    """One matcher of a silence."""

    name: str
    value: str
    isRegex: bool  # noqa: N815 - the protocol's name
    isEqual: bool = True  # noqa: N815 - as above


class SilenceBody(msgspec.Struct, frozen=True):
    """``postableSilence``."""

    matchers: list[MatcherBody]
    startsAt: datetime  # noqa: N815 - the protocol's name
    endsAt: datetime  # noqa: N815 - as above
    createdBy: str  # noqa: N815 - as above
    comment: str
    id: str | None = None


@dataclass(frozen=True)
class StandingSilence:
    """A silence as it is kept, deleted or not."""

    id: str
    match: list[str]
    starts_ms: int
    ends_ms: int
    owner: str
    reason: str
    updated_ms: int
    deleted: bool = False

    def state(self, now_ms: int) -> Literal["pending", "active", "expired"]:
        """Its state at a time."""
        if self.deleted or self.ends_ms <= now_ms:
            return "expired"
        return "pending" if self.starts_ms > now_ms else "active"

    def hides(self, labels: Mapping[str, str], now_ms: int) -> bool:
        """Whether it is active and matches."""
        return self.state(now_ms) == "active" and all_match(self.match, labels)


@dataclass(frozen=True)
class Wanted:
    """What a query asks for."""

    filters: list[str]
    active: bool = True
    silenced: bool = True
    inhibited: bool = True
    receiver: str = ""

    def takes(self, alert: Json) -> bool:
        """Whether an alert belongs into the answer. Raises ConfigurationError for what is no matcher or pattern."""
        status = alert["status"]
        if self.receiver and not pattern(self.receiver).fullmatch(RECEIVER):
            return False
        if not all_match(self.filters, alert["labels"]):
            return False
        if status["state"] == "active":
            return self.active
        return (self.silenced or not status["silencedBy"]) and (self.inhibited or not status["inhibitedBy"])


def pattern(text: str) -> re.Pattern[str]:
    """The receiver filter; the matchers' guard against slow patterns holds for it too."""
    found = matcher(f"receiver=~{text}").pattern
    if found is None:
        raise ConfigurationError("the receiver is a regular expression")
    return found


def gettable_alert(a: Alert, silences: Iterable[StandingSilence], now_ms: int, base_url: str) -> Json:
    """``gettableAlert``."""
    labels = labels_of(a)
    silenced = [s.id for s in silences if s.hides(labels, now_ms)]
    inhibited = [a.held_back_by] if a.held_back_by in INHIBITING else []
    muted = [a.held_back_by] if a.held_back_by in MUTING else []
    state = "suppressed" if silenced or inhibited or muted else "active"
    ended = a.ended_ms if a.ended_ms is not None else max(now_ms, a.updated_ms) + LATELY_MS
    return {
        "labels": labels,
        "annotations": {"summary": a.title} | {k: v for k, v in a.annotations.items() if v},
        "startsAt": stamp(a.started_ms),
        "endsAt": stamp(ended),
        "updatedAt": stamp(a.updated_ms),
        "fingerprint": a.id.rpartition("-")[2],
        "generatorURL": f"{base_url}/alerts?id={a.id}",
        "receivers": [{"name": RECEIVER}],
        "status": {"state": state, "silencedBy": silenced, "inhibitedBy": inhibited, "mutedBy": muted},
    }


def labels_of(a: Alert) -> dict[str, str]:
    """The labels that silences and filters see: the alert's own, its rule and its severity."""
    return {k: v for k, v in a.labels.items() if v} | {"alertname": a.rule, "severity": a.severity}


def groups(alerts: Sequence[tuple[str, Json]]) -> list[Json]:
    """``alertGroups`` of (group, alert); a group's labels are those that its alerts share."""
    held: dict[str, list[Json]] = {}
    for group, alert in alerts:
        held.setdefault(group, []).append(alert)
    out = []
    for members in held.values():
        shared = set.intersection(*(set(m["labels"].items()) for m in members)) if len(members) > 1 else set(members[0]["labels"].items())
        out.append({"labels": dict(sorted(shared)), "receiver": {"name": RECEIVER}, "alerts": members})
    return out


def gettable_silence(s: StandingSilence, now_ms: int) -> Json:
    """``gettableSilence``; one that was deleted ended when it was."""
    return {
        "id": s.id,
        "status": {"state": s.state(now_ms)},
        "updatedAt": stamp(s.updated_ms),
        "matchers": [matcher_body(text) for text in s.match],
        "startsAt": stamp(s.starts_ms),
        "endsAt": stamp(min(s.ends_ms, max(s.updated_ms, s.starts_ms)) if s.deleted else s.ends_ms),
        "createdBy": s.owner,
        "comment": s.reason,
    }


def about(s: StandingSilence, filters: Sequence[str]) -> bool:
    """Whether a silence's matchers, read as labels, pass every filter: ``service=web`` finds the silences about web."""
    held = [matcher(text) for text in s.match]
    return all_match(filters, {m.name: m.value for m in held})


def matcher_body(text: str) -> Json:
    """A matcher's text as the protocol's four fields."""
    m = matcher(text)
    return {"name": m.name, "value": m.value, "isRegex": m.op in ("=~", "!~"), "isEqual": m.op in ("=", "=~")}


def matcher_text(m: MatcherBody) -> str:
    """The protocol's four fields as a matcher's text."""
    op = ("=" if m.isEqual else "!") + ("~" if m.isRegex else "" if m.isEqual else "=")
    value = m.value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{m.name}{op}"{value}"'


def standing(object_id: str, body: Mapping[str, Any], made_at_ms: int, deleted: bool = False) -> StandingSilence | None:
    """The silence of a configuration object; None for a body that is none (an older form, a hand-written change)."""
    match, ends, starts = body.get("match"), body.get("ends_ms"), body.get("starts_ms") or made_at_ms
    if not isinstance(match, list) or not match or not isinstance(starts, int) or not isinstance(ends, int):
        return None
    if not 0 <= starts <= LATEST_MS or not 0 <= ends <= LATEST_MS:
        return None
    try:
        texts = [str(matcher(str(t)) and t) for t in match]
    except ConfigurationError:
        return None
    owner, reason = str(body.get("owner", "")), str(body.get("reason", ""))
    return StandingSilence(object_id, texts, starts, ends, owner, reason, made_at_ms, deleted)


def wanted_silence(data: bytes, now_ms: int) -> tuple[str, Json]:
    """(id to update or "", body to keep) of a posted silence. Raises ConfigurationError that says what to change."""
    try:
        posted = msgspec.json.decode(data, type=SilenceBody)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as x:
        raise ConfigurationError(f"not a silence: {x}") from x
    starts_ms, ends_ms = max(ms(posted.startsAt), now_ms), ms(posted.endsAt)
    match = [matcher_text(m) for m in posted.matchers]
    if not match or all(matcher(t).matches({}) for t in match):
        raise ConfigurationError("a silence needs a matcher that an alert without labels does not fulfil, else it hides everything")
    if ends_ms <= starts_ms:
        raise ConfigurationError("the silence must end after it starts, and in the future")
    if ends_ms - starts_ms > LONGEST_SILENCE_MS:
        raise ConfigurationError("a silence lasts 90 days at most; change the rule instead")
    if not posted.createdBy.strip() or not posted.comment.strip():
        raise ConfigurationError("say who silences and why: createdBy and comment")
    kept = {"match": match, "starts_ms": starts_ms, "ends_ms": ends_ms, "owner": posted.createdBy, "reason": posted.comment}
    return posted.id or "", kept


def ms(when: datetime) -> int:
    """Milliseconds since the epoch; a time without a zone is UTC."""
    return round((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1_000)


def stamp(at_ms: int) -> str:
    """RFC 3339 in UTC."""
    return datetime.fromtimestamp(at_ms / 1_000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def status(version: str, started_ms: int) -> Json:
    """``alertmanagerStatus``; the configuration is not told, since it is not Alertmanager's."""
    built = {"version": version, "revision": "", "branch": "", "buildUser": "", "buildDate": "", "goVersion": ""}
    return {
        "cluster": {"status": "disabled", "peers": []},
        "versionInfo": built,
        "config": {"original": "# Kizashi: rules, routes and channels are read at /api/v1/config\n"},
        "uptime": stamp(started_ms),
    }
