"""Users and API keys by name, folded from the configuration log and from the key file of this machine."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kizashi.contracts.ids import parse_series_id
from kizashi.observe.logs import logger
from kizashi.stream.config import ConfigObject
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
    log: list[ConfigObject] = field(default_factory=list)
    """Every version of every object, in order: the audit trail."""
    _from_file: dict[str, KeyRecord] = field(default_factory=dict)
    _stamp: int = -1

    def apply(self, change: ConfigObject) -> None:
        """Fold one object version."""
        self.log.append(change)
        if change.kind == "user":
            self._fold_user(change)
        elif change.kind == "key":
            self._fold_key(change)
        elif change.kind == "share":
            self._fold_share(change)

    def deleted(self, kind: str, tenant: str) -> list[ConfigObject]:
        """Newest versions of objects that were deleted and not made again."""
        newest = {o.id: o for o in self.log if o.kind == kind and o.tenant == tenant}
        return [o for o in newest.values() if o.body is None]

    def key(self, prefix: str) -> KeyRecord | None:
        """Record of a key, from the log or from the file."""
        self._read_file()
        return self.keys.get(prefix) or self._from_file.get(prefix)

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
        standing = self.keys.get(change.id)
        if standing and standing.tenant != change.tenant:
            return
        record = None if change.body is None else _record({**change.body, "prefix": change.id, "tenant": change.tenant})
        if record:
            self.keys[change.id] = record
        else:
            self.keys.pop(change.id, None)

    def _fold_share(self, change: ConfigObject) -> None:
        standing = self.shares.get(change.id)
        if standing and standing.record.tenant != change.tenant:
            return
        body = change.body
        record = None if body is None else _record({"scopes": [], **body, "prefix": change.id, "tenant": change.tenant})
        if body is None or record is None:
            self.shares.pop(change.id, None)
            return
        self.shares[change.id] = ShareRecord(record, frozenset(parse_series_id(s) for s in body.get("series", [])), body)

    def _read_file(self) -> None:
        try:
            stamp = self.key_file.stat().st_mtime_ns
        except OSError:
            self._from_file, self._stamp = {}, -1
            return
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            listed = json.loads(self.key_file.read_text())
        except (OSError, ValueError) as x:  # keep the keys in force; a half-written file is read again when it changes
            logger().warning("keys.unreadable", path=str(self.key_file), error=str(x))
            return
        records = [_record(item) for item in listed if isinstance(item, dict)]
        self._from_file = {r.prefix: r for r in records if r}


def _record(item: dict[str, object]) -> KeyRecord | None:
    scopes = item.get("scopes")
    texts = [item.get(name) for name in ("prefix", "sha256", "tenant")]
    if not isinstance(scopes, list) or not all(isinstance(t, str) and t for t in texts):
        return None
    prefix, sha256, tenant = map(str, texts)
    known = frozenset(Scope(s) for s in scopes if s in list(Scope))
    expires = item.get("expires_ms")
    return KeyRecord(prefix, sha256, tenant, known, str(item.get("name", "")), expires if isinstance(expires, int) else None)
