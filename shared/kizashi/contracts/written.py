"""Configuration written by people: a YAML file whose every part knows its line, so that each mistake is named with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from kizashi.errors import ConfigurationError

Place = tuple[str | int, ...]
_WHERE = re.compile(r" - at `\$([^`]*)`")
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]")


@dataclass(frozen=True)
class Written:
    """One configuration object of a file, as it is sent."""

    kind: str
    id: str
    body: dict[str, Any]


@dataclass
class WrittenFile:
    """The lines of a file's parts, and the mistakes found so far."""

    name: str
    lines: dict[Place, int] = field(default_factory=dict)
    mistakes: list[str] = field(default_factory=list)

    def refuse(self, where: Place, why: object) -> None:
        """Note a mistake at the line of the deepest part of ``where`` that the file has."""
        while where and where not in self.lines:
            where = where[:-1]
        self.mistakes.append(f"{self.name}:{self.lines.get(where, 1)}: {why}")

    def refuse_at(self, here: Place, text: str) -> None:
        """Note a mistake whose text ends with msgspec's place, such as ``$.match[2]``, below ``here``."""
        found = _WHERE.search(text)
        below = tuple(name or int(number) for name, number in _STEP.findall(found[1])) if found else ()
        self.refuse((*here, *below), _WHERE.sub(lambda m: f" - at {m[1].lstrip('.')}" if m[1] else "", text))

    def entries(self, section: str, rows: object) -> Iterator[tuple[str, dict[str, Any], Place]]:
        """(id, body, place) of each entry of a section that is a list of mappings with an ``id``; others are noted as mistakes."""
        if not isinstance(rows, list):
            self.refuse((section,), f"{section} is a list")
            return
        seen: set[str] = set()
        for k, row in enumerate(rows):
            if not isinstance(row, dict) or not isinstance(row.get("id"), str) or not row["id"]:
                self.refuse((section, k), "every entry has an id")
                continue
            if row["id"] in seen:
                self.refuse((section, k, "id"), f"{row['id']!r} is there twice")
            seen.add(row["id"])
            yield row["id"], {key: value for key, value in row.items() if key != "id"}, (section, k)

    def done(self) -> None:
        """Raises ConfigurationError with a line for each mistake, if there is one."""
        if self.mistakes:
            raise ConfigurationError("\n".join(self.mistakes))


def read_yaml(text: str, name: str, sections: tuple[str, ...]) -> tuple[dict[str, Any], WrittenFile]:
    """The file's mapping and its lines; sections nobody knows are noted as mistakes. Raises ConfigurationError when it is no mapping."""
    file = WrittenFile(name)
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        _remember(node, (), file.lines)
        data = loader.construct_document(node) if node is not None else {}
    except (yaml.YAMLError, ValueError, RecursionError) as x:
        mark = getattr(x, "problem_mark", None)
        raise ConfigurationError(f"{name}:{mark.line + 1 if mark else 1}: not YAML: {getattr(x, 'problem', None) or x}") from x
    if not isinstance(data, dict) or not data:
        raise ConfigurationError(f"{name}:1: write one or more of the sections {', '.join(sections)}")
    for section in data:
        if section not in sections:
            file.refuse((section,), f"there is no section {section!r}: {', '.join(sections)}")
    return data, file


def _remember(node: yaml.Node | None, path: Place, lines: dict[Place, int]) -> None:
    """The line of every part of the file."""
    if node is None:
        return
    lines[path] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            _remember(value, (*path, str(key.value)), lines)
            lines[*path, str(key.value)] = key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for k, value in enumerate(node.value):
            _remember(value, (*path, k), lines)
