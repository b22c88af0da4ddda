"""``kizashi dashboards``: dashboards as files that are kept beside the code: one JSON file each, named after its id."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import httpx
import typer

from kizashi.errors import Conflict, Refused
from services import wiring
from services.roof.house_api import house_api, said
from services.roof.output import as_json, err, out

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Dashboards as code.")
Folder = Annotated[Path, typer.Argument(help="Folder with one ID.json a dashboard.")]
Url = Annotated[str, typer.Option(envvar="KIZASHI_URL", help="Gateway of a house elsewhere.")]
Key = Annotated[str, typer.Option(envvar="KIZASHI_KEY", help="API key with the scopes read and operate.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document.")]
PLACE = "/api/v1/config/dashboard"
SCOPES = ["read", "operate"]


@app.command()
def export(folder: Folder, url: Url = "", key: Key = "", as_document: Json = False) -> None:
    """Write every dashboard as a file.

    Example:  kizashi dashboards export dashboards
    """
    folder.mkdir(parents=True, exist_ok=True)
    with house_api(wiring.load(), SCOPES, url, key) as client:
        standing = _standing(client)
    for name, found in standing.items():
        (folder / f"{name}.json").write_text(_text(found["body"]), encoding="utf-8")
    _tell([{"id": name, "did": "written"} for name in standing], as_document)


@app.command()
def diff(folder: Folder, url: Url = "", key: Key = "") -> None:
    """Show what ``apply`` would change; exit code 1 when there is something.

    Example:  kizashi dashboards diff dashboards
    """
    wanted = _files(folder)
    with house_api(wiring.load(), SCOPES, url, key) as client:
        standing = _standing(client)
    changed = False
    for name in sorted({*wanted, *standing}):
        before = _text(standing[name]["body"]) if name in standing else ""
        after = _text(wanted[name]) if name in wanted else ""
        lines = list(
            difflib.unified_diff(before.splitlines(), after.splitlines(), f"house/{name}", f"{folder.name}/{name}.json", lineterm="")
        )
        changed |= bool(lines)
        for line in lines:
            out.print(line, markup=False)
    raise typer.Exit(int(changed))


@app.command()
def apply(
    folder: Folder,
    prune: Annotated[bool, typer.Option(help="Delete dashboards that have no file (they can be restored).")] = False,
    url: Url = "",
    key: Key = "",
    as_document: Json = False,
) -> None:
    """Bring the house to what the files say. What somebody changes meanwhile is not overwritten: the command stops and says so.

    Example:  kizashi dashboards apply dashboards
    """
    wanted = _files(folder)
    done = []
    with house_api(wiring.load(), SCOPES, url, key) as client:
        standing = _standing(client)
        for name, body in wanted.items():
            found = standing.get(name)
            if found and found["body"] == body:
                done.append({"id": name, "did": "unchanged"})
                continue
            _change(client, "PUT", name, found, json.dumps(body))
            done.append({"id": name, "did": "changed" if found else "made"})
        for name in sorted(set(standing) - set(wanted)) if prune else ():
            _change(client, "DELETE", name, standing[name], None)
            done.append({"id": name, "did": "deleted"})
    _tell(done, as_document)


def _change(client: httpx.Client, method: str, name: str, found: dict[str, Any] | None, body: str | None) -> None:
    headers = {"If-Match": f'"{found["version"]}"'} if found else {}
    answer = client.request(method, f"{PLACE}/{quote(name, safe='')}", content=body, headers=headers)
    if answer.status_code in (409, 412, 428):
        raise Conflict(f"dashboard {name!r} was changed meanwhile: look with `kizashi dashboards diff`, then apply again")
    said(answer)


def _standing(client: httpx.Client) -> dict[str, dict[str, Any]]:
    return {str(item["id"]): item for item in said(client.get(PLACE))["items"]}


def _files(folder: Path) -> dict[str, dict[str, Any]]:
    wanted = {}
    for file in sorted(folder.glob("*.json")):
        try:
            body = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as x:
            raise Refused(f"{file} is not JSON: {x}") from x
        if not isinstance(body, dict):
            raise Refused(f"{file} does not hold a dashboard: a JSON object is needed")
        wanted[file.stem] = body
    if not wanted:
        raise Refused(f"there is no .json file in {folder}")
    return wanted


def _text(body: object) -> str:
    return json.dumps(body, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _tell(done: list[dict[str, str]], as_document: bool) -> None:
    if as_document:
        as_json(done)
        return
    for item in done:
        out.print(f"{item['did']:9} {item['id']}", markup=False)
    if not done:
        err.print("no dashboards", style="dim")
