"""API keys that ``kizashi token`` keeps on this machine: read by ingest and by the gateway, who check the same file in the same way."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from kizashi.observe.logs import logger

REREAD_S = 0.05
"""An unknown prefix reads the file again even when its stamp looks the same (two writes within one tick of the file system's clock), but a
stream of guesses reads it twenty times a second at most."""


KEPT = "file"
"""``kept`` of a key object in the configuration log whose hash is in the key file of a machine."""


class KeyRecord(msgspec.Struct):
    """What is kept of a key ``prefix.secret``: the SHA-256 of its secret, its tenant and what it may do.

    A revoked key stays in the file without its hash, so that the audit trail learns who took it back; it opens nothing. Records that say
    who made or revoked them are told to the audit trail by the gateway, the others (a command's own key for five minutes) are not.
    """

    prefix: str
    tenant: str
    sha256: str = ""
    scopes: list[str] = []
    name: str = ""
    expires_ms: int | None = None
    made_by: str = ""
    made_at_ms: int = 0
    revoked_by: str = ""
    revoked_at_ms: int = 0


def key_record(body: object, **fixed: str) -> KeyRecord | None:
    """A record that can open something, out of a decoded object; None when it is none. ``fixed`` wins over what the object says."""
    record = any_record(body, **fixed)
    return record if record and record.sha256 else None


def any_record(body: object, **fixed: str) -> KeyRecord | None:
    """The same, also of a key that was revoked."""
    if not isinstance(body, dict):
        return None
    try:
        record = msgspec.convert({**body, **fixed}, KeyRecord)
    except msgspec.ValidationError:
        return None
    return record if record.prefix and record.tenant else None


@dataclass
class KeyFile:
    """Keys of one file, read again when it changes. One that cannot be read leaves the keys in force; one that is gone takes them away."""

    path: Path
    _deleted: set[tuple[str, str]] = field(default_factory=set)
    _records: dict[str, KeyRecord] = field(default_factory=dict)
    _stamp: tuple[int, int, int] | None = None
    _read_at: float = 0.0

    def told(self, tenant: str, prefix: str, deleted: bool) -> None:
        """What the configuration log says of a key: once deleted there, it opens nothing although the file has it."""
        (self._deleted.add if deleted else self._deleted.discard)((tenant, prefix))

    def find(self, prefix: str) -> KeyRecord | None:
        """The record of a prefix."""
        self._refresh()
        found = self._records.get(prefix)
        if found is None and time.monotonic() - self._read_at > REREAD_S:
            self._stamp = None
            self._refresh()
            found = self._records.get(prefix)
        return None if found is None or (found.tenant, prefix) in self._deleted else found

    def _refresh(self) -> None:
        try:
            status = self.path.stat()
        except OSError:
            self._records, self._stamp = {}, None
            return
        stamp = (status.st_mtime_ns, status.st_ino, status.st_size)
        if stamp == self._stamp:
            return
        self._read_at = time.monotonic()
        try:
            listed = msgspec.json.decode(self.path.read_bytes(), type=list[object])
        except (OSError, msgspec.DecodeError, msgspec.ValidationError) as x:
            logger().warning("keys.unreadable", path=str(self.path), error=str(x))
            return
        self._stamp = stamp
        self._records = {record.prefix: record for record in map(key_record, listed) if record}
