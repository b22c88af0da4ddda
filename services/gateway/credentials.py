"""API keys, passwords and the one-time login link: how they are made, kept and checked.

Keys are ``prefix.secret``: the prefix finds the record, the SHA-256 of the secret proves it. A 256-bit random secret needs no slow
hash; a password does, so those are argon2id with the library's defaults (RFC 9106, low-memory profile: 64 MiB, 3 passes).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from services.gateway.roles import Scope

PREFIX = "kz"
SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 256
"""Longer ones only make the hash slower for an attacker's benefit."""
_hasher = PasswordHasher()
_NOBODY = _hasher.hash(secrets.token_hex(16))
"""Checked when the user does not exist, so that both answers take the same time."""


@dataclass(frozen=True)
class KeyRecord:
    """What is kept of a key; the secret is not."""

    prefix: str
    sha256: str
    tenant: str
    scopes: frozenset[Scope]
    name: str = ""
    expires_ms: int | None = None


def new_key() -> tuple[str, str, str]:
    """A fresh key: the text shown once, its prefix, and the SHA-256 of its secret."""
    prefix = PREFIX + secrets.token_hex(5)
    secret = secrets.token_urlsafe(32)
    return f"{prefix}.{secret}", prefix, digest(secret)


def digest(secret: str) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(secret.encode()).hexdigest()


def split_key(key: str) -> tuple[str, str]:
    """Prefix and secret; two empty texts when it is not a key."""
    prefix, dot, secret = key.partition(".")
    return (prefix, secret) if dot and prefix and secret and len(key) < 200 else ("", "")


def key_opens(record: KeyRecord | None, secret: str, now_ms: int) -> bool:
    """Whether the secret belongs to the record and the record has not expired; takes the same time either way."""
    expected = record.sha256 if record else "0" * 64
    same = hmac.compare_digest(expected, digest(secret))
    return same and record is not None and (record.expires_ms is None or now_ms < record.expires_ms)


def hash_password(password: str) -> str:
    """argon2id hash; raises ValueError when the password is too short or too long."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise ValueError(f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
    return _hasher.hash(password)


def password_opens(hashed: str | None, password: str) -> bool:
    """Whether the password is right; about 50 ms whether or not there is such a user. CPU bound: call it in a thread."""
    try:
        right = _hasher.verify(hashed or _NOBODY, password[: LONGEST_PASSWORD + 1])
    except (Argon2Error, InvalidHashError):
        return False
    return right and hashed is not None


def token(size: int = 32) -> str:
    """An unguessable text for sessions, CSRF and tickets."""
    return secrets.token_urlsafe(size)


def same(a: str, b: str) -> bool:
    """Equality in constant time."""
    return hmac.compare_digest(a.encode(), b.encode())
