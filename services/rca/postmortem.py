"""An incident as a Markdown document, to start a post-mortem from: what is known is filled in, what only people know is left open."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from kizashi.contracts.findings import Cause, Incident

Language = Literal["en", "ja"]

_TEXT: dict[Language, dict[str, str]] = {
    "en": {
        "summary": "Summary", "state": "State", "severity": "Severity", "from": "From", "to": "To", "still": "still open", "min": "min",
        "causes": "Suspected causes", "none": "Inconclusive: no entity stands out.", "rank": "Rank", "entity": "Entity", "score": "Score",
        "terms": "Terms", "evidence": "Evidence", "radius": "Blast radius", "meaning": "Meaning", "chance": "Chance", "eta": "Delay (s)",
        "path": "Path", "live": "degraded now", "structural": "could follow", "timeline": "Timeline", "time": "Time (UTC)", "what": "What",
        "text": "Text", "changes": "Linked changes", "similar": "Similar past incidents", "open": "To be filled in",
        "questions": "What ended it?|What would have shown it earlier?|What will we change, who, by when?",
    },
    "ja": {
        "summary": "概要", "state": "状態", "severity": "重大度", "from": "開始", "to": "終了", "still": "継続中", "min": "分",
        "causes": "原因の候補", "none": "判定不能：際立った対象はありません。", "rank": "順位", "entity": "対象", "score": "スコア",
        "terms": "内訳", "evidence": "根拠", "radius": "影響範囲", "meaning": "種別", "chance": "確率", "eta": "遅れ (秒)",
        "path": "経路", "live": "現在劣化中", "structural": "波及の恐れ", "timeline": "タイムライン", "time": "時刻 (UTC)", "what": "種類",
        "text": "内容", "changes": "関連する変更", "similar": "類似した過去の障害", "open": "記入欄",
        "questions": "何によって収束しましたか？|より早く気付くには何が必要でしたか？|誰が、いつまでに、何を変えますか？",
    },
}  # fmt: skip


def postmortem(incident: Incident, language: Language = "en") -> str:
    """The document; the same incident gives the same text."""
    t = _TEXT[language]
    end = _time(incident.closed_ms) if incident.closed_ms is not None else t["still"]
    minutes = ((incident.closed_ms or incident.updated_ms) - incident.opened_ms) / 60_000
    parts = [
        f"# {_cell(incident.title)}", f"`{incident.id}`", f"## {t['summary']}",
        _table([t["state"], t["severity"], t["from"], t["to"], t["min"]],
               [[incident.state, incident.severity, _time(incident.opened_ms), end, f"{minutes:.0f}"]]),
        f"## {t['causes']}", _causes(incident, t),
        f"## {t['radius']}",
        _table([t["entity"], t["meaning"], t["chance"], t["eta"], t["path"]],
               [[a.entity, t[a.meaning], f"{a.probability:.2f}", "" if a.eta_s is None else f"{a.eta_s:.0f}", " → ".join(a.path)]
                for a in incident.blast]),
        f"## {t['timeline']}",
        _table([t["time"], t["what"], t["text"]], [[_time(e.at_ms), e.what, e.text] for e in incident.timeline]),
        *_list(t["changes"], [incident.change_titles.get(c) or c for c in incident.changes]),
        *_list(t["similar"], incident.similar), *_list(t["open"], t["questions"].split("|")),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _causes(incident: Incident, t: dict[str, str]) -> str:
    if incident.verdict == "inconclusive" or not incident.causes:
        return t["none"]
    rows = [[str(i), _who(c), f"{c.score:.2f}", _terms(c), c.text] for i, c in enumerate(incident.causes, 1)]
    return _table([t["rank"], t["entity"], t["score"], t["terms"], t["evidence"]], rows)


def _who(c: Cause) -> str:
    return f"{c.entity} ({c.change_title or c.change_id})" if c.change_id else c.entity


def _terms(c: Cause) -> str:
    return ", ".join(f"{k} {v:+.2f}" for k, v in c.terms.items())


def _list(title: str, items: list[str]) -> list[str]:
    return [f"## {title}", "\n".join(f"- {_cell(i)}" for i in items)] if items else []


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(x) for x in row) + " |" for row in lines)


def _cell(text: str) -> str:
    """Names come from outside: no line break, bar or markup of theirs may reach the document."""
    flat = " ".join(text.split())
    for mark in "\\`|<>[]*_#":
        flat = flat.replace(mark, "\\" + mark)
    return flat


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
