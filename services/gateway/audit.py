"""The audit trail as a hash chain: each hash covers the entry and the hash before it, so a noted hash tells later whether all still stands.

hash(n) = SHA-256(hash(n-1) ‖ entry(n)), a chain a tenant; the content goes in as its own SHA-256. The trail is folded from the signed
configuration log, so every replica has the same chain, and each new head goes to the process log, which is kept elsewhere. Pure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from kizashi.stream.config import ConfigObject

GENESIS = "0" * 64


@dataclass(frozen=True)
class Entry:
    """A change and its place: ``number`` counts from 1 in its tenant."""

    number: int
    hash: str
    change: ConfigObject


@dataclass
class Trail:
    """Every change, in order."""

    _entries: dict[str, list[Entry]] = field(default_factory=dict)

    def add(self, change: ConfigObject) -> Entry:
        """Append a change to its tenant's chain."""
        entries = self._entries.setdefault(change.tenant, [])
        before = entries[-1].hash if entries else GENESIS
        entry = Entry(len(entries) + 1, link(before, change), change)
        entries.append(entry)
        return entry

    def newest(self, tenant: str, before: int | None = None) -> Iterator[Entry]:
        """Entries of a tenant, newest first, from below the number ``before``."""
        entries = self._entries.get(tenant, [])
        end = len(entries) if before is None else max(0, min(before - 1, len(entries)))
        return (entries[n] for n in range(end - 1, -1, -1))

    def changes(self, tenant: str) -> Iterator[ConfigObject]:
        """Changes of a tenant, oldest first."""
        return (entry.change for entry in self._entries.get(tenant, []))

    def stands(self, tenant: str, number: int, hash_: str) -> bool:
        """Whether the chain, computed anew from its beginning, has this hash at this number."""
        entries = self._entries.get(tenant, [])
        if not 1 <= number <= len(entries):
            return False
        now = GENESIS
        for entry in entries[:number]:
            now = link(now, entry.change)
        return now == hash_


def link(before: str, change: ConfigObject) -> str:
    """The hash of a change behind the hash before it."""
    body = hashlib.sha256(msgspec.json.encode(change.body, order="deterministic")).hexdigest()
    fields = (change.tenant, change.kind, change.id, change.version, change.author, change.made_at_ms, body)
    return hashlib.sha256(before.encode() + msgspec.json.encode(fields)).hexdigest()
