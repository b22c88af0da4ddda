"""Users and API keys by name, folded from the configuration log and from the key file of this machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kizashi import key_file
from kizashi.contracts.ids import parse_series_id
from kizashi.key_file import KeyFile, key_record
from kizashi.stream.config import ConfigObject
from services.gateway.audit import Trail
from services.gateway.credentials import KeyRecord, digest
from services.gateway.roles import ROLES, Scope


@dataclass(frozen=True)
class UserRecord:
    """A local user. ``proof`` changes with anything that must end running sessions."""

    name: str
    tenant: str
    role: str
    password: str

    @property
    def proof(self) -> str:
        """Short digest of what a session was opened on."""
        return digest(f"{self.tenant}\x1f{self.role}\x1f{self.password}")[:16]


@dataclass(frozen=True)
class ShareRecord:
    """A share link: its proof, the series it shows, and what the page needs."""

    record: KeyRecord
    series: frozenset[int]
    body: dict[str, Any]


@dataclass
class Directory:
    """``apply`` is called with every configuration object in order; other kinds are ignored."""

    key_file: Path
    users: dict[str, UserRecord] = field(default_factory=dict)
    keys: dict[str, KeyRecord] = field(default_factory=dict)
    shares: dict[str, ShareRecord] = field(default_factory=dict)
    trail: Trail = field(default_factory=Trail)
    """Every version of every object, in order."""
    _file: KeyFile = field(init=False)

    def __post_init__(self) -> None:
        self._file = KeyFile(self.key_file)

    def apply(self, change: ConfigObject) -> None:
        """Fold one object version."""
        self.trail.add(change)
        if change.kind == "user":
            self._fold_user(change)
        elif change.kind == "key":
            self._fold_key(change)
        elif change.kind == "share":
            self._fold_share(change)

    def deleted(self, kind: str, tenant: str) -> list[ConfigObject]:
        """Newest versions of objects that were deleted and not made again."""
        newest = {o.id: o for o in self.trail.changes(tenant) if o.kind == kind}
        return [o for o in newest.values() if o.body is None]

    def key(self, prefix: str) -> KeyRecord | None:
        """Record of a key, from the log or from the file."""
        if found := self.keys.get(prefix):
            return found
        kept = self._file.find(prefix)
        return None if kept is None else _with_scopes(kept)

    def _fold_user(self, change: ConfigObject) -> None:
        standing = self.users.get(change.id)
        if standing and standing.tenant != change.tenant:
            return  # names are unique over all tenants: the first one keeps it
        body = change.body
        if body is None or body.get("disabled") or body.get("role") not in ROLES or not isinstance(body.get("password"), str):
            self.users.pop(change.id, None)
            return
        self.users[change.id] = UserRecord(change.id, change.tenant, str(body["role"]), str(body["password"]))

    def _fold_key(self, change: ConfigObject) -> None:
        self._file.told(change.tenant, change.id, change.body is None)
        standing = self.keys.get(change.id)
        if standing and standing.tenant != change.tenant:
            return
        record = None if change.body is None else _record(change.body, prefix=change.id, tenant=change.tenant)
        if record:
            self.keys[change.id] = record
        else:
            self.keys.pop(change.id, None)

    def _fold_share(self, change: ConfigObject) -> None:
        standing = self.shares.get(change.id)
        if standing and standing.record.tenant != change.tenant:
            return
        body = change.body
        record = None if body is None else _record({"scopes": [], **body}, prefix=change.id, tenant=change.tenant)
        if body is None or record is None:
            self.shares.pop(change.id, None)
            return
        self.shares[change.id] = ShareRecord(record, frozenset(parse_series_id(s) for s in body.get("series", [])), body)


def _record(body: object, **fixed: str) -> KeyRecord | None:
    kept = key_record(body, **fixed)
    return None if kept is None else _with_scopes(kept)


def _with_scopes(kept: key_file.KeyRecord) -> KeyRecord:
    known = frozenset(Scope(s) for s in kept.scopes if s in list(Scope))
    return KeyRecord(kept.prefix, kept.sha256, kept.tenant, known, kept.name, kept.expires_ms)
