"""A channel's own words: ``{{ name }}`` in a title or text, filled from the notification. Pure.

No expressions, loops or attribute access: a template is configuration that somebody else's labels flow through, and a language that can
only name things cannot be tricked into doing any. An unknown name is refused when the channel is written, not when it should page.
"""

from __future__ import annotations

import re

from kizashi.errors import ConfigurationError
from services.alerting.page import Page

NAMES = ("heading", "title", "kind", "severity", "group", "key", "text", "facts", "note", "links", "count", "rule", "value", "on_call")
"""What a template may name, besides ``labels.NAME`` and ``annotations.NAME`` of the first alert."""
LONGEST_TEMPLATE = 4_000
_PLACE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_NAME = re.compile(r"[a-z_]+|(labels|annotations)\.[a-zA-Z_][a-zA-Z0-9_]*")


def check(template: str, where: str) -> None:
    """Raises ConfigurationError that names the line and the part that cannot be filled."""
    if len(template) > LONGEST_TEMPLATE:
        raise ConfigurationError(f"{where}: a template has at most {LONGEST_TEMPLATE} characters, this one {len(template)}")
    for found in _PLACE.finditer(template):
        name = found.group(1).strip()
        if not _NAME.fullmatch(name) or ("." not in name and name not in NAMES):
            line = template.count("\n", 0, found.start()) + 1
            known = ", ".join((*NAMES, "labels.NAME", "annotations.NAME"))
            raise ConfigurationError(f"{where}, line {line}: there is no {name[:40]!r}; what there is: {known}")
    if "{{" in _PLACE.sub("", template):
        raise ConfigurationError(f"{where}: a '{{{{' has no '}}}}'")


def fill(template: str, page: Page) -> str:
    """The template with every name replaced; what is not there is empty. What is filled in is never looked at again."""
    return _PLACE.sub(lambda m: _value(m.group(1).strip(), page), template)


def _value(name: str, page: Page) -> str:
    n = page.notification
    first = n.alerts[0] if n.alerts else None
    kind, _, key = name.partition(".")
    if key:
        held = {} if first is None else first.labels if kind == "labels" else first.annotations
        return " ".join(held.get(key, "").split())
    values = {
        "heading": page.heading, "title": page.title, "kind": page.word[n.kind], "severity": page.word[n.severity], "group": n.group,
        "key": n.key, "text": "\n".join(n.body), "note": page.note, "count": str(len(n.alerts)), "on_call": ", ".join(n.recipients),
        "facts": "\n".join(f"{label}: {text}" for s in page.sections for label, text in s.facts),
        "links": "\n".join(f"{label}: {url}" for label, url in page.links),
        "rule": first.rule if first else "", "value": "" if first is None or first.value is None else f"{first.value:g}",
    }  # fmt: skip
    return values.get(name, "")
