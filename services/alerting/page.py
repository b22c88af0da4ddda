"""What a page says, before any channel's markup: heading, sentences, and for each alert the numbers that explain it. Pure.

A page explains itself: value, expected band, since when, what changed, likely cause, who is hit, runbook, and where to silence it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import isfinite
from typing import Literal
from zoneinfo import ZoneInfo

from services.alerting.notification import AlertSummary, Notification

Language = Literal["en", "ja"]
MOST_ALERTS = 10
"""Alerts told one by one; a phone shows no more, the page behind the link shows all."""
_LEAD = re.compile(r"^\[[A-Z]+\]\s*")
LONGEST_FACT = 400
TOLD = ("where", "entities", "changes", "cause", "blast", "burn", "probability", "hours_left", "runbook", "owner", "acknowledged_by")
"""Sentences of an alert that become facts, in the order in which a reader asks."""
SUMMARY_LABELS = ("service", "host", "instance", "region")
"""Labels that say where, shown even on the shortest page."""

WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "firing": "FIRING", "acknowledged": "ACKNOWLEDGED", "resolved": "RESOLVED", "escalated": "ESCALATED", "heartbeat": "HEARTBEAT",
        "info": "info", "warning": "warning", "critical": "critical", "value": "Value", "band": "Expected", "since": "Since",
        "ended": "Ended", "changes": "Top changes", "cause": "Cause", "blast": "Blast radius", "runbook": "Runbook", "owner": "Owner",
        "where": "Where", "acknowledged_by": "Acknowledged by", "entities": "Hit", "burn": "Burn", "probability": "Probability",
        "hours_left": "Hours left", "flapping": "Flapping", "yes": "yes", "more": "and {n} more",
        "reminder": "reminder {n}", "step": "escalation step {n}", "on_call": "On call", "open_alerts": "Alerts", "open_silence": "Silence",
        "open_incident": "Incident", "open_runbook": "Runbook", "for": "for {text}",
    },
    "ja": {
        "firing": "発生", "acknowledged": "対応中", "resolved": "解消", "escalated": "エスカレーション", "heartbeat": "死活通知",
        "info": "情報", "warning": "警告", "critical": "重大", "value": "値", "band": "予測範囲", "since": "開始", "ended": "終了",
        "changes": "主な変化", "cause": "原因", "blast": "影響範囲", "runbook": "手順書", "owner": "担当", "where": "場所",
        "acknowledged_by": "対応者", "entities": "対象", "burn": "消費速度", "probability": "確率", "hours_left": "残り時間",
        "flapping": "不安定", "yes": "はい", "more": "ほか {n} 件", "reminder": "再通知 {n} 回目",
        "step": "エスカレーション段階 {n}", "on_call": "当番", "open_alerts": "アラート", "open_silence": "サイレンス",
        "open_incident": "インシデント", "open_runbook": "手順書", "for": "継続時間 {text}",
    },
}  # fmt: skip


@dataclass(frozen=True)
class Section:
    """One alert: its title, and facts as (label, text)."""

    title: str
    facts: list[tuple[str, str]]


@dataclass(frozen=True)
class Attached:
    """The chart that goes along: the file, where a receiver elsewhere finds it (empty: nowhere), and what it shows, in words."""

    png: bytes = field(repr=False)
    url: str
    alt: str


@dataclass(frozen=True)
class Page:
    """A notification in words, ready for a channel's markup. ``links`` are (label, full address)."""

    heading: str
    title: str
    text: list[str]
    sections: list[Section]
    more: str
    links: list[tuple[str, str]]
    note: str
    """Reminder number, escalation step, people on call; empty for a plain first message."""
    notification: Notification
    language: Language = "en"
    word: dict[str, str] = field(default_factory=dict, repr=False)
    picture: Attached | None = None

    def plain(self) -> str:
        """The whole page as text, a fact a line."""
        lines = [self.heading, "", *self.text]
        for section in self.sections:
            lines += ["", section.title, *(f"  {label}: {text}" for label, text in section.facts)]
        lines += [line for line in ("", self.more, self.note) if line or lines[-1]]
        return "\n".join([*lines, *(f"{label}: {url}" for label, url in self.links)]).strip() + "\n"


def page_of(n: Notification, base_url: str, language: Language = "en", zone: str = "UTC") -> Page:
    """The page of a notification. ``base_url`` is where people reach the gateway; ``zone`` an IANA time zone for the times."""
    word, tz = WORDS[language], ZoneInfo(zone)
    title = _LEAD.sub("", one_line(n.title))  # the heading says the state in the reader's language
    return Page(
        heading=f"[{word[n.kind]}] {word[n.severity]}: {title}",
        title=title,
        text=[] if n.alerts else [one_line(line) for line in n.body],  # else the sections say the same, fact by fact
        sections=[Section(one_line(a.title), facts(a, language, tz)) for a in n.alerts[:MOST_ALERTS]],
        more=word["more"].format(n=len(n.alerts) - MOST_ALERTS) if len(n.alerts) > MOST_ALERTS else "",
        links=links(n, base_url, language),
        note=", ".join(_notes(n, word)),
        notification=n,
        language=language,
        word=word,
    )


def facts(a: AlertSummary, language: Language, tz: ZoneInfo) -> list[tuple[str, str]]:
    """What explains one alert, in the order in which a reader asks."""
    word, told = WORDS[language], a.annotations
    out: list[tuple[str, str]] = []
    if a.value is not None:
        out.append((word["value"], number(a.value)))
    if a.lower is not None and a.upper is not None:
        out.append((word["band"], f"{number(a.lower)} … {number(a.upper)}"))
    elif told.get("expected"):
        out.append((word["band"], told["expected"]))
    elif a.expected is not None:
        out.append((word["band"], number(a.expected)))
    last_ms = a.ended_ms if a.ended_ms is not None else a.updated_ms
    lasted = word["for"].format(text=duration(last_ms - a.started_ms))
    out.append((word["since"], f"{moment(a.started_ms, tz)}, {lasted}"))
    if a.ended_ms is not None:
        out.append((word["ended"], moment(a.ended_ms, tz)))
    where = " ".join(f"{k}={a.labels[k]}" for k in SUMMARY_LABELS if a.labels.get(k))
    told = {"where": where} | {k: v for k, v in told.items() if k != "where"}
    out += [(word[k], told[k]) for k in TOLD if told.get(k)]
    out += [(word["flapping"], word["yes"])] if a.flapping else []
    return [(label, one_line(text)[:LONGEST_FACT]) for label, text in out]


def links(n: Notification, base_url: str, language: Language) -> list[tuple[str, str]]:
    """(label, full address); paths get the gateway's address in front. What is neither a path nor http(s) is left out."""
    out = []
    for name, url in n.links.items():
        full = f"{base_url.rstrip('/')}{url}" if url.startswith("/") and not url.startswith("//") and base_url else url
        if full.startswith(("https://", "http://")) and " " not in full:
            out.append((WORDS[language].get(f"open_{name}", name), full))
    return out


def _notes(n: Notification, word: dict[str, str]) -> list[str]:
    notes = [word["step"].format(n=n.step)] if n.step else []
    notes += [word["reminder"].format(n=n.repeat)] if n.repeat else []
    return notes + ([f"{word['on_call']}: {', '.join(n.recipients)}"] if n.recipients else [])


def one_line(text: str) -> str:
    """Without line breaks and control characters: nothing that a label holds may begin a header or a line of its own."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def number(value: float) -> str:
    """Four significant digits, without an exponent where people use none.

    >>> number(0.123456), number(1234567.0), number(12.0)
    ('0.1235', '1,234,567', '12')
    """
    if not isfinite(value):
        return str(value)
    if value == round(value) and abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:,.1f}" if 1_000 <= abs(value) < 1e15 else f"{value:.4g}"


def moment(at_ms: int, tz: ZoneInfo) -> str:
    """A time that nobody can misread: date, minute, zone.

    >>> moment(0, ZoneInfo("Asia/Tokyo"))
    '1970-01-01 09:00:00 JST'
    """
    return datetime.fromtimestamp(at_ms / 1_000, UTC).astimezone(tz).strftime("%Y-%m-%d %H:%M:%S %Z")


def duration(ms: int) -> str:
    """The two largest units.

    >>> duration(3_725_000), duration(9_000)
    ('1h 2m', '9s')
    """
    seconds = max(0, ms) // 1_000
    units = [(seconds // 86_400, "d"), (seconds % 86_400 // 3_600, "h"), (seconds % 3_600 // 60, "m"), (seconds % 60, "s")]
    first = next((i for i, (n, _) in enumerate(units) if n), 3)
    return " ".join(f"{n}{u}" for n, u in units[first : first + 2] if n or (u == "s" and first == 3))
