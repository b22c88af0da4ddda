"""The audit trail as a hash chain: each hash covers the entry and the hash before it, so a noted hash tells later whether all still stands.

hash(n) = SHA-256(hash(n-1) ‖ entry(n)), a chain a tenant; the content goes in as its own SHA-256. The trail is folded from the signed
configuration log, so every replica has the same chain, and each new head goes to the process log, which is kept elsewhere. Pure.

Changes are kept in memory for ever, as the configuration itself is. Of log-ins, which never end, the newest are, and of older ones the
hash: the log has them all.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from kizashi.stream.config import LOGIN_KIND, ConfigObject

GENESIS = "0" * 64
HASH_BYTES = 32
MOST_LOGINS = 20_000
"""Of a tenant, at about 1 KB each; they are counted apart from changes, so that nobody pushes these out of the list by logging in."""


@dataclass(frozen=True)
class Entry:
    """A change and its place: ``number`` counts from 1 in its tenant."""

    number: int
    hash: str
    change: ConfigObject


@dataclass
class _Chain:
    """Of one tenant."""

    entries: dict[int, Entry] = field(default_factory=dict)
    """By number, oldest first."""
    logins: deque[int] = field(default_factory=deque)
    """Numbers of the log-ins among them."""
    hashes: bytearray = field(default_factory=bytearray)
    """Of every entry that there ever was, ``HASH_BYTES`` each."""
    head: str = GENESIS


@dataclass
class Trail:
    """Every change and the newest log-ins, in order."""

    _chains: dict[str, _Chain] = field(default_factory=dict)

    def add(self, change: ConfigObject) -> Entry:
        """Append a change to its tenant's chain."""
        chain = self._chains.setdefault(change.tenant, _Chain())
        chain.head = link(chain.head, change)
        chain.hashes += bytes.fromhex(chain.head)
        entry = Entry(len(chain.hashes) // HASH_BYTES, chain.head, change)
        chain.entries[entry.number] = entry
        if change.kind == LOGIN_KIND:
            chain.logins.append(entry.number)
            if len(chain.logins) > MOST_LOGINS:
                del chain.entries[chain.logins.popleft()]
        return entry

    def newest(self, tenant: str, before: int | None = None) -> Iterator[Entry]:
        """Entries of a tenant that are in memory, newest first, from below the number ``before``."""
        found = reversed(self._chain(tenant).entries.values())
        return (entry for entry in found if before is None or entry.number < before)

    def changes(self, tenant: str) -> Iterator[ConfigObject]:
        """Changes of a tenant, oldest first."""
        return (entry.change for entry in self._chain(tenant).entries.values())

    def stands(self, tenant: str, number: int, hash_: str) -> bool:
        """Whether the chain, as it was computed here from the log's first entry on, has this hash at this number."""
        end = number * HASH_BYTES
        hashes = self._chain(tenant).hashes
        return 0 < end <= len(hashes) and hashes[end - HASH_BYTES : end].hex() == hash_

    def _chain(self, tenant: str) -> _Chain:
        return self._chains.get(tenant) or _Chain()


def link(before: str, change: ConfigObject) -> str:
    """The hash of a change behind the hash before it."""
    body = hashlib.sha256(msgspec.json.encode(change.body, order="deterministic")).hexdigest()
    fields = (change.tenant, change.kind, change.id, change.version, change.author, change.made_at_ms, body)
    return hashlib.sha256(before.encode() + msgspec.json.encode(fields)).hexdigest()
