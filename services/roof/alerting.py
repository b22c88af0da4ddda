"""``kizashi rules``, ``replay``, ``tune`` and ``why``: alerting as code, and what it would have done.

The chain is the alerting service's own; here is only where recordings and configuration come from, and how answers are shown.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Annotated, Any

import typer

from kizashi.errors import ConfigurationError, Refused
from services import wiring
from services.roof.output import as_json, out, table
from services.roof.promises import bring, text_of

Row = dict[str, Any]
Json = Annotated[bool, typer.Option("--json", help="One JSON document.")]
File = Annotated[str, typer.Argument(metavar="FILE|-", help="YAML with rules, route, silences, schedules, …; - reads standard input.")]
From = Annotated[str, typer.Option("--from", help="Start: 2026-02-25T06:00, or back from now: 90m, 12h, 7d.")]
To = Annotated[str, typer.Option("--to", help="End, the same; now when it is not said.")]
Config = Annotated[str, typer.Option("--config", help="YAML that is compared with the configuration in force.")]

rules = typer.Typer(no_args_is_help=True, add_completion=False, help="Alerting as code: rules, routes, silences, schedules, channels.")


@rules.callback()
def _rules() -> None:
    """Alerting as code."""


@rules.command()
def apply(
    file: File,
    prune: Annotated[bool, typer.Option("--prune", help="Delete what the file does not have, of the kinds that it has.")] = False,
    as_document: Json = False,
) -> None:
    """Bring the configuration in force to what the file says. A file with a mistake changes nothing.

    Example:  kizashi rules apply alerting.yaml
    """
    _bring(file, prune, True, as_document)


@rules.command()
def diff(file: File, prune: Annotated[bool, typer.Option("--prune", help="As apply --prune.")] = False, as_document: Json = False) -> None:
    """What ``apply`` would change.

    Example:  kizashi rules diff alerting.yaml
    """
    _bring(file, prune, False, as_document)


@rules.command()
def test(file: File, as_document: Json = False) -> None:
    """Check a file without a broker: every mistake with its line, and names that lead nowhere.

    Example:  kizashi rules test alerting.yaml
    """
    from services.alerting.as_code import read_alerting, running_set

    now_ms = time.time_ns() // 1_000_000
    found = read_alerting(text_of(file), file, now_ms)
    dangling = running_set(found, now_ms).dangling()
    if as_document:
        as_json({"objects": [{"kind": w.kind, "id": w.id} for w in found], "dangling": dangling})
    else:
        out.print(f"{len(found)} objects can be taken", *dangling, sep="\n")


@rules.command("list")
def list_(as_document: Json = False) -> None:
    """Every rule in force, defaults too, with its reason.

    Example:  kizashi rules list
    """
    import msgspec

    from services.roof.recording import running_now

    running = running_now(wiring.load())
    rows = [
        {
            "rule": i, "kind": msgspec.to_builtins(r)["kind"], "severity": r.severity, "on": r.enabled,
            "own": i in running.own_rules, "reason": r.reason,
        }
        for i, r in running.rules.items()
    ]  # fmt: skip
    as_json(rows) if as_document else table(rows)


def replay(
    start: From = "24h",
    end: To = "0s",
    config: Config = "",
    rule: Annotated[str, typer.Option("--rule", help="This rule alone.")] = "",
    ask: Annotated[str, typer.Option(hidden=True)] = "",
    as_document: Json = False,
) -> None:
    """Would it have paged me? The recorded findings through rules, groups, silences and routes; nothing is sent.

    Example:  kizashi replay --from 7d --config alerting.yaml
    """
    from services.roof.recording import answer

    if ask:
        as_json(answer(wiring.load(), ask, json.load(sys.stdin)))
        return
    now_ms = time.time_ns() // 1_000_000
    question: Row = {"from_ms": _when(start, now_ms), "to_ms": _when(end, now_ms), "alone": rule}
    if config:
        question["file"] = text_of(config)
    found = answer(wiring.load(), "replay", question)
    as_json(found) if as_document else _show(found)


def tune(
    rule: Annotated[str, typer.Argument(help="Id of the rule.")], start: From = "7d", end: To = "0s", as_document: Json = False
) -> None:
    """Pages a day against reported incidents caught, for each number that a rule could have; and the one to choose.

    Example:  kizashi tune anomaly --from 14d
    """
    from services.roof.recording import answer

    now_ms = time.time_ns() // 1_000_000
    found = answer(wiring.load(), "tuning", {"rule": rule, "from_ms": _when(start, now_ms), "to_ms": _when(end, now_ms)})
    if as_document:
        as_json(found)
    else:
        table(found["points"])
        out.print(found["evidence"])


def why(
    rule: Annotated[str, typer.Argument(help="Id of the rule.")],
    target: Annotated[str, typer.Argument(help="A series (16 hexadecimal digits), or an episode, incident, risk or alert.")],
    at: Annotated[str, typer.Option("--at", help="When: 2026-02-25T06:00, or back from now: 90m.")] = "0s",
    as_document: Json = False,
) -> None:
    """Why did a rule not fire? Every gate in order, and the first that stopped it.

    Example:  kizashi why disk-full 9c1f0e2ab3d44c55 --at 2h
    """
    from services.roof.recording import answer

    question = {"rule": rule, "at_ms": _when(at, time.time_ns() // 1_000_000), "series" if "-" not in target else "target": target}
    found = answer(wiring.load(), "why-not", question)
    if as_document:
        as_json(found)
    else:
        table(found["gates"])
        out.print(found["verdict"])


def _bring(file: str, prune: bool, write: bool, as_document: bool) -> None:
    from services.alerting.as_code import read_alerting

    rows = asyncio.run(bring(read_alerting(text_of(file), file, time.time_ns() // 1_000_000), prune, write))
    as_json(rows) if as_document else table(rows) if rows else out.print("the file holds nothing")


def _when(text: str, now_ms: int) -> int:
    from datetime import datetime

    number, unit = text[:-1], {"s": 1, "m": 60, "h": 3_600, "d": 86_400}.get(text[-1:], 0)
    if unit and number.replace(".", "", 1).isdigit():
        return now_ms - round(float(number) * unit * 1000)
    try:
        return round(datetime.fromisoformat(text).astimezone().timestamp() * 1000)
    except ValueError as x:
        raise ConfigurationError(f"{text!r} is not a time: write 2026-02-25T06:00, or 90m, 12h, 7d back from now") from x


def _show(found: Row) -> None:
    if not found["inputs"]:
        raise Refused("nothing was recorded in this window")
    sides = {"now": found["now"]} | ({"changed": found["changed"]} if found["changed"] else {})
    facts = ("pages", "pages_a_day", "alerts", "by_rule", "by_person", "by_severity", "held_back")
    table([{"": name} | {side: played[name] for side, played in sides.items()} for name in facts])
    for side, played in sides.items():
        leads = [c["lead_s"] for c in played["caught"]]
        told = f"{len(leads)} reported incidents caught, {len(played['missed'])} missed"
        out.print(f"{side}: {told}" + (f", median lead {sorted(leads)[len(leads) // 2]:.0f} s" if leads else ""))
    for which, pages in (found["difference"] or {}).items():
        for page in pages[:20]:
            out.print(f"{which}: {page['title']}")
    out.print(f"{sum(found['inputs'].values())} messages in {found['seconds']:.1f} s, {found['speed']:.0f} x real time")
