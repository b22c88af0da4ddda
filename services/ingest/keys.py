"""Who sends: API keys from the configuration log and from this machine's key file. The tenant comes from here alone."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from kizashi.key_file import KEPT, KeyFile, KeyRecord, key_record
from kizashi.observe.logs import logger

SCOPE = "ingest"
NOBODY = "0" * 64


class Authenticator(Protocol):
    """Says whose a credential is."""

    def tenant(self, authorization: str, now_ms: int) -> str | None:
        """Tenant of an ``Authorization`` header, None when it may not send."""
        ...

    def key_tenant(self, key: str, now_ms: int) -> str | None:
        """Tenant of a bare key."""
        ...


@dataclass
class KeyRing:
    """Keys of the configuration log (``fold``) before those of the file ``home/secrets/api_keys.json``."""

    key_file: Path
    folded: dict[str, KeyRecord] = field(default_factory=dict)
    _file: KeyFile = field(init=False)

    def __post_init__(self) -> None:
        self._file = KeyFile(self.key_file)

    def fold(self, prefix: str, tenant: str, body: dict[str, Any] | None) -> None:
        """One version of a key object; None deletes it. Of a key that is kept in a key file the log has no hash, and the file decides."""
        self._file.told(tenant, prefix, body is None)
        record = key_record(body, prefix=prefix, tenant=tenant)
        if record is None:
            self.folded.pop(prefix, None)
            if body is not None and body.get("kept") != KEPT:
                logger().warning("key.unreadable", prefix=prefix)
            return
        self.folded[prefix] = record

    def tenant(self, authorization: str, now_ms: int) -> str | None:
        """Tenant of ``Bearer prefix.secret``, ``Token prefix.secret``, or ``Basic`` with the key as password.

        Takes the same time whether or not the prefix exists.
        """
        kind, _, key = authorization.partition(" ")
        if kind.lower() == "basic":
            kind, key = "bearer", _basic_password(key)
        prefix, dot, secret = key.strip().partition(".")
        if kind.lower() not in ("bearer", "token") or not dot or len(key) > 200:
            return None
        record = self.folded.get(prefix) or self._file.find(prefix)
        expected = record.sha256 if record else NOBODY
        same = hmac.compare_digest(expected, hashlib.sha256(secret.encode()).hexdigest())
        if not same or record is None or SCOPE not in record.scopes:
            return None
        expired = record.expires_ms is not None and now_ms >= record.expires_ms
        return None if expired else record.tenant

    def key_tenant(self, key: str, now_ms: int) -> str | None:
        """Tenant of a key that came in a body, as PagerDuty's routing key does."""
        return self.tenant(f"Bearer {key}", now_ms)


def _basic_password(encoded: str) -> str:
    try:
        return base64.b64decode(encoded.strip(), validate=True).decode().partition(":")[2]
    except ValueError:  # no base64, or no UTF-8
        return ""
