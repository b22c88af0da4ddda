"""``kizashi channels``: which there are, what they would send, and the test button."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any

import typer

from kizashi.errors import NotFound, Refused
from services import wiring
from services.roof.output import as_json, out, table

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Channels of alerting: list, preview, test.")
Json = Annotated[bool, typer.Option("--json", help="One JSON document.")]
Name = Annotated[str, typer.Argument(help="Id of the channel.")]


@app.callback()
def channels() -> None:
    """Channels of alerting."""


@app.command("list")
def list_(as_document: Json = False) -> None:
    """Every channel, and whether its secrets are in place.

    Example:  kizashi channels list
    """
    from kizashi.secret_files import FOLDER, SecretFiles

    settings = wiring.load()
    secrets = SecretFiles(settings.home / FOLDER)
    rows = [{"channel": name, **_row(body, secrets, settings.tenant)} for name, body in _channels().items()]
    rows.append({"channel": "topic", "type": "topic", "fallback": "", "secrets": "", "note": "built in: every alert is on the alert topic"})
    as_json(rows) if as_document else table(rows)


@app.command()
def test(name: Name, as_document: Json = False) -> None:
    """Send an example page through a channel. Exit code 1 when it was not taken.

    Example:  kizashi channels test ops-chat
    """
    outcome = asyncio.run(_send_test(_body(name), name))
    as_json(outcome) if as_document else out.print(f"{outcome['state']}: {outcome['text']}")
    raise typer.Exit(0 if outcome["state"] == "sent" else 1)


@app.command()
def preview(name: Name, as_document: Json = False) -> None:
    """What an example page through a channel looks like; nothing is sent.

    Example:  kizashi channels preview ops-chat --json
    """
    from services.alerting.channels import switchboard

    settings, now_ms = wiring.load(), time.time_ns() // 1_000_000
    made = switchboard.preview(_body(name), switchboard.example(settings.tenant, name, now_ms), settings.people_url, now_ms)
    as_json(made) if as_document else out.print(made["text"], markup=False)


def _channels() -> dict[str, dict[str, Any]]:
    from services.roof.recording import running_now

    return running_now(wiring.load()).channels


def _body(name: str) -> dict[str, Any]:
    if name == "topic":
        return {"type": "topic"}
    found = _channels()
    if name not in found:
        raise NotFound(f"there is no channel {name!r}: {', '.join(sorted(found)) or 'only the built-in one, topic'}")
    return found[name]


def _row(body: dict[str, Any], secrets: Any, tenant: str) -> dict[str, str]:
    problems = []
    for field, file in body.items():
        if field.endswith("_file"):
            try:
                secrets.read(str(file), tenant)
            except Refused as x:
                problems.append(str(x))
    said = "; ".join(problems) or "in place"
    return {"type": str(body.get("type")), "fallback": str(body.get("fallback", "")), "secrets": said, "note": str(body.get("note", ""))}


async def _send_test(body: dict[str, Any], name: str) -> dict[str, str]:
    from kizashi.clock import SystemClock
    from kizashi.secret_files import FOLDER, SecretFiles
    from services.alerting.channels.doors import Doors
    from services.alerting.channels.https import Https
    from services.alerting.channels.switchboard import Switchboard
    from services.alerting.targets import Reach

    settings = wiring.load()
    reach = Reach.of(settings.environment == "development", settings.alerting_hosts)
    doors = Doors(Https(reach), SecretFiles(settings.home / FOLDER), SystemClock(), settings.people_url)
    try:
        outcome = await Switchboard(lambda _tenant, _name: body, doors).send_test(settings.tenant, body, name)
    finally:
        await doors.https.close()
    return {"state": outcome.state, "text": outcome.text}
