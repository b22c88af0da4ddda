"""Configuration objects on their way in and out: what is hidden, what is hashed, what is too big. Pure."""

from __future__ import annotations

from typing import Any

from kizashi.contracts.promises import PROMISE_KINDS, decode_promised
from kizashi.contracts.scoring import SERIES_KIND, TENANT_KIND, scoring_from, sensitivity_from
from kizashi.errors import ConfigurationError
from kizashi.key_file import KEPT
from kizashi.stream.config import ConfigObject
from services.gateway import credentials, notes
from services.gateway.roles import KINDS, ROLES, Scope

SECRET_FIELDS = {"user": ("password",), "key": ("sha256",), "share": ("sha256",)}
DEEPEST = 16
MOST_VALUES = 20_000
LONGEST_ID = 128


def shown(obj: ConfigObject) -> dict[str, Any]:
    """An object as the API shows it: hashes stay inside."""
    hidden = SECRET_FIELDS.get(obj.kind, ())
    body = None if obj.body is None else {k: v for k, v in obj.body.items() if k not in hidden}
    return {
        "kind": obj.kind, "id": obj.id, "version": obj.version, "author": obj.author, "made_at_ms": obj.made_at_ms, "body": body,
    }  # fmt: skip


def check_place(kind: str, object_id: str) -> None:
    """Raises ConfigurationError for an unknown kind or an id that cannot be one."""
    if kind not in KINDS:
        raise ConfigurationError(f"there is no configuration kind {kind[:40]!r}: {', '.join(sorted(KINDS))}")
    if not 1 <= len(object_id) <= LONGEST_ID or not object_id.isprintable() or "/" in object_id:
        raise ConfigurationError(f"an id has 1 to {LONGEST_ID} printable characters and no '/'")


def check_shape(body: object) -> None:
    """Raises ConfigurationError when the body is too deep or holds too many values."""
    seen = 0
    stack: list[tuple[object, int]] = [(body, 1)]
    while stack:
        value, depth = stack.pop()
        seen += 1
        if depth > DEEPEST:
            raise ConfigurationError(f"the object is nested deeper than {DEEPEST} levels")
        if seen > MOST_VALUES:
            raise ConfigurationError(f"the object holds more than {MOST_VALUES} values")
        if isinstance(value, dict):
            stack.extend((v, depth + 1) for v in value.values())
        elif isinstance(value, list):
            stack.extend((v, depth + 1) for v in value)


def accepted(kind: str, body: dict[str, Any], standing: ConfigObject | None) -> dict[str, Any]:
    """The body as it is kept. A user's password becomes its hash; without one the standing hash stays. CPU bound for users."""
    check_shape(body)
    if kind == "user":
        return _user(body, standing)
    if kind == "key":
        return _key(body, standing)
    if kind == TENANT_KIND:
        scoring_from(body)
    if kind == SERIES_KIND:
        sensitivity_from(body)
    if kind in PROMISE_KINDS:
        decode_promised(kind, "this one", "default", dict(body))
    if kind == notes.KIND:
        notes.annotation_from(body)
    if kind == "dashboard" and not isinstance(body.get("panels", []), list):
        raise ConfigurationError("'panels' of a dashboard is a list")
    return body


def _user(body: dict[str, Any], standing: ConfigObject | None) -> dict[str, Any]:
    if body.get("role") not in ROLES:
        raise ConfigurationError(f"'role' is one of {', '.join(ROLES)}")
    password = body.get("password")
    if isinstance(password, str) and password:
        try:
            hashed = credentials.hash_password(password)
        except ValueError as x:
            raise ConfigurationError(str(x)) from x
    elif standing and standing.body and "password" in standing.body:
        hashed = standing.body["password"]
    else:
        raise ConfigurationError("a new user needs a 'password'")
    kept: dict[str, Any] = {k: body[k] for k in ("role", "name", "language", "disabled") if k in body}
    kept["password"] = hashed
    return kept


def _key(body: dict[str, Any], standing: ConfigObject | None) -> dict[str, Any]:
    if standing is None or standing.body is None:
        raise ConfigurationError("keys are made with POST /api/v1/tokens, so that their secret is random")
    if standing.body.get("kept") == KEPT:
        raise ConfigurationError(
            "this key is kept in the key file of a machine: delete it here, and make another with `kizashi token create`"
        )
    scopes = body.get("scopes", standing.body["scopes"])
    if not isinstance(scopes, list) or not set(scopes) <= set(Scope):
        raise ConfigurationError(f"'scopes' is a list out of {', '.join(Scope)}")
    kept = dict(standing.body)
    kept.update({k: body[k] for k in ("name", "expires_ms") if k in body}, scopes=scopes)
    return kept
