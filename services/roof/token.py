"""``kizashi token``: API keys for senders and programs, and new one-time login links for people."""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from kizashi.errors import NotFound, Refused
from kizashi.standalone.home import write_atomically
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
    """Make an API key and show it once; only its hash is kept.

    Example:  kizashi token create collector --scope ingest
    """
    from services.gateway.credentials import new_key
    from services.gateway.roles import Scope

    settings = wiring.load()
    scopes = scope or ["ingest"]
    if unknown := [word for word in scopes if word not in set(Scope)]:
        raise Refused(f"there is no scope {unknown[0]!r}; there are {', '.join(Scope)}")
    text, prefix, digest = new_key()
    record: dict[str, object] = {
        "prefix": prefix, "sha256": digest, "tenant": tenant or settings.tenant, "scopes": scopes, "name": name,
        "expires_ms": round(time.time() * 1_000) + days * DAY_MS,
    }  # fmt: skip
    change_keys(key_file(settings.home), lambda records: [*records, record])
    if as_document:
        as_json({"key": text, **{k: record[k] for k in ("prefix", "tenant", "scopes", "expires_ms")}})
    else:
        out.print(text)
        err.print("Shown once. Send it as:  Authorization: Bearer <key>", style="dim")


@app.command("list")
def list_keys(as_document: Json = False) -> None:
    """Keys made on this machine (without their secrets).

    Example:  kizashi token list
    """
    records = _read(key_file(wiring.load().home))
    shown = [{k: record.get(k) for k in ("prefix", "name", "tenant", "scopes", "expires_ms")} for record in records]
    if as_document:
        as_json(shown)
    else:
        table(shown) if shown else out.print("no keys; make one with: kizashi token create NAME")


@app.command()
def revoke(prefix: Annotated[str, typer.Argument(help="The part of the key before the dot.")]) -> None:
    """Take a key back; it opens nothing from now on.

    Example:  kizashi token revoke kz0123456789
    """
    file = key_file(wiring.load().home)
    if prefix not in {record.get("prefix") for record in _read(file)}:
        raise NotFound(f"no key begins with {prefix!r}: see kizashi token list")
    change_keys(file, lambda records: [record for record in records if record.get("prefix") != prefix])
    out.print(f"{prefix} is revoked")


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


def _read(file: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
    return found


def change_keys(file: Path, how: Callable[[list[dict[str, object]]], list[dict[str, object]]]) -> None:
    """Read, change and write the key file under a lock, so that two commands at once lose no key."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        write_atomically(file, json.dumps(how(_read(file)), indent=1), mode=0o600)
