"""``kizashi token``: API keys for senders and programs, and new one-time login links for people."""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from kizashi.errors import NotFound, Refused
from kizashi.standalone.home import owner, write_atomically
from services import wiring
from services.roof.output import as_json, err, out, table

DAY_MS = 86_400_000
app = typer.Typer(no_args_is_help=True, add_completion=False, help="API keys and login links.")
Json = Annotated[bool, typer.Option("--json", help="One JSON document.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Whom the key is for.")],
    scope: Annotated[list[str] | None, typer.Option(help="ingest, read, operate or admin; several times for several.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Whose data the key opens; the settings' tenant unless told.")] = None,
    days: Annotated[int, typer.Option(min=1, max=3_650, help="Days until it expires.")] = 365,
    as_document: Json = False,
) -> None:
    """Make an API key and show it once; only its hash is kept, in a file of this machine, so this works while the house is stopped.

    The audit trail says who made it as soon as a gateway reads the file: within seconds when the house runs, else at its next start.

    Example:  kizashi token create collector --scope ingest
    """
    from services.gateway.credentials import new_key
    from services.gateway.roles import Scope

    settings = wiring.load()
    scopes = scope or ["ingest"]
    if unknown := [word for word in scopes if word not in set(Scope)]:
        raise Refused(f"there is no scope {unknown[0]!r}; there are {', '.join(Scope)}")
    text, prefix, digest = new_key()
    now_ms = round(time.time() * 1_000)
    record: dict[str, object] = {
        "prefix": prefix, "sha256": digest, "tenant": tenant or settings.tenant, "scopes": scopes, "name": name,
        "expires_ms": now_ms + days * DAY_MS, "made_by": who(), "made_at_ms": now_ms,
    }  # fmt: skip
    change_keys(key_file(settings.home), lambda records: [*records, record])
    if as_document:
        as_json({"key": text, **{k: record[k] for k in ("prefix", "tenant", "scopes", "expires_ms")}})
    else:
        out.print(text)
        err.print("Shown once. Send it as:  Authorization: Bearer <key>", style="dim")
    _say_when_told(settings.home)


@app.command("list")
def list_keys(as_document: Json = False) -> None:
    """Keys made on this machine (without their secrets).

    Example:  kizashi token list
    """
    records = _standing(key_file(wiring.load().home))
    shown = [{k: record.get(k) for k in ("prefix", "name", "tenant", "scopes", "expires_ms", "made_by")} for record in records]
    if as_document:
        as_json(shown)
    else:
        table(shown) if shown else out.print("no keys; make one with: kizashi token create NAME")


@app.command()
def revoke(prefix: Annotated[str, typer.Argument(help="The part of the key before the dot.")]) -> None:
    """Take a key back; it opens nothing from now on. The audit trail learns who did it as with ``create``.

    Example:  kizashi token revoke kz0123456789
    """
    home = wiring.load().home
    file = key_file(home)
    if prefix not in {record.get("prefix") for record in _standing(file)}:
        raise NotFound(f"no key begins with {prefix!r}: see kizashi token list")
    told = {"revoked_by": who(), "revoked_at_ms": round(time.time() * 1_000)}
    change_keys(file, lambda records: [without_hash(r) | told if r.get("prefix") == prefix else r for r in records])
    out.print(f"{prefix} is revoked")
    _say_when_told(home)


@app.command()
def login(as_document: Json = False) -> None:
    """A new one-time link into the web client, as administrator; an unused one stops working.

    Example:  kizashi token login
    """
    from services.gateway.login_link import issue

    settings = wiring.load()
    link = f"{settings.near_url}/login?token={issue(settings.home)}"
    if as_document:
        as_json({"url": link})
    else:
        out.print(link)


def key_file(home: Path) -> Path:
    """Where hashes of keys made on this machine are kept; ingest and the gateway read it when it changes."""
    return home / "secrets" / "api_keys.json"


def who() -> str:
    """The person at this machine, for the audit trail: the name of the process' user, which no environment variable changes."""
    try:
        return f"cli:{pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:
        return f"cli:uid {os.getuid()}"


def without_hash(record: dict[str, object]) -> dict[str, object]:
    """A key that opens nothing any more."""
    return {name: value for name, value in record.items() if name != "sha256"}


def _say_when_told(home: Path) -> None:
    if owner(home) is None:
        err.print(f"Nothing runs on {home}: this counts, and is in the audit trail, from when a gateway starts there.", style="dim")


def _standing(file: Path) -> list[dict[str, object]]:
    """Keys that were not revoked."""
    return [record for record in _read(file) if "revoked_by" not in record]


def _read(file: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
    return found


def change_keys(file: Path, how: Callable[[list[dict[str, object]]], list[dict[str, object]]]) -> None:
    """Read, change and write the key file under a lock, so that two commands at once lose no key."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        write_atomically(file, json.dumps(how(_read(file)), indent=1), mode=0o600)
