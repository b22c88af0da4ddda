"""The list of commands. Each is imported only when it is called, so that ``kizashi --help`` costs no numba and no Kafka client."""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True)
class Entry:
    """Where a command's function is, and its line in the help."""

    place: str
    line: str

    @property
    def module(self) -> str:
        """Module that holds the function."""
        return self.place.partition(":")[0]

    @property
    def installed(self) -> bool:
        """True when the function is in the module's text; nothing is imported but the packages above it."""
        parent, _, _ = self.module.rpartition(".")
        spec = importlib.util.find_spec(self.module) if importlib.util.find_spec(parent) else None
        if spec is None or spec.origin is None:
            return False
        name = re.escape(self.place.partition(":")[2])
        return re.search(rf"^(def {name}\(|{name}(:.*)? = )", Path(spec.origin).read_text(encoding="utf-8"), re.MULTILINE) is not None


START = {
    "up": Entry("services.roof.up:up", "Start everything on this machine."),
    "run": Entry("services.roof.up:run", "Run one service."),
    "demo": Entry("services.demo.cli:demo", "Stream this machine's metrics and a simulated landscape."),
    "setup": Entry("services.roof.setup:setup", "Fetch Kafka's jars and build the Java start-up cache."),
    "prepare": Entry("services.roof.ask:prepare", "Make topics and tables, before services start elsewhere."),
    "migrate": Entry("services.roof.ask:migrate", "Bring the store's tables to the newest version."),
}
LOOK = {
    "status": Entry("services.roof.look:status", "What runs, and whether it is ready."),
    "doctor": Entry("services.roof.look:doctor", "What is wrong on this machine, and what to do."),
    "topics": Entry("services.roof.look:topics", "Topics, partitions and lag."),
    "version": Entry("services.roof.look:version", "Versions of Kizashi and its engines."),
}
SEND = {
    "send": Entry("services.ingest.cli:send", "Send a CSV, JSON or NDJSON file to Kafka."),
    "tail": Entry("services.ingest.cli:tail", "Print what a topic carries, live."),
    "verify": Entry("services.roof.verify:verify", "Compare files with what is stored, exactly."),
    "dead-letters": Entry("services.ingest.cli:dead_letters", "List and replay refused messages."),
}
ASK = {
    "query": Entry("services.roof.ask:query", "One SELECT on the store's views."),
    "series": Entry("services.roof.findings:series", "Series by name and label."),
    "episodes": Entry("services.roof.findings:episodes", "Anomaly, change and trend episodes."),
    "explain": Entry("services.roof.findings:explain", "Why a series is or is not odd."),
    "forecast": Entry("services.roof.risks:forecast", "Where a series is heading, and what runs out first."),
    "incidents": Entry("services.roof.findings:incidents", "Incidents with causes and blast radius."),
    "rca": Entry("services.roof.causes:rca", "What caused a stretch of time, with the evidence."),
    "whatif": Entry("services.roof.causes:whatif", "Whom the failure of an entity would hit."),
    "topology": Entry("services.roof.causes:topology", "The dependency map: apply a file, show it at any time."),
    "slo": Entry("services.roof.promises:app", "Objectives and promises: as code, and where they stand."),
    "risk": Entry("services.roof.risks:risk", "What may be missed, run out or fail, likeliest first."),
    "rules": Entry("services.roof.alerting:rules", "Alerting as code: rules, routes, silences, schedules, channels."),
    "silences": Entry("services.roof.silences:app", "Silences: list, preview, add, end."),
    "channels": Entry("services.roof.channels:app", "Where alerts go: list, preview, test."),
    "replay": Entry("services.roof.alerting:replay", "Would it have paged me?"),
    "tune": Entry("services.roof.alerting:tune", "Where a rule's number should lie."),
    "why": Entry("services.roof.alerting:why", "Why a rule did not fire."),
    "alerts": Entry("services.roof.findings:alerts", "What on-call was told."),
    "dashboards": Entry("services.roof.dashboards:app", "Dashboards as code: apply, diff, export."),
    "grafana": Entry("services.roof.grafana:app", "Datasource, dashboards and alert rules for Grafana."),
    "queries": Entry("services.roof.queries:app", "Slow queries, plans, and measured advice."),
    "annotate": Entry("services.roof.annotate:annotate", "Write a note on the charts."),
    "token": Entry("services.roof.token:app", "API keys and login links."),
    "docs": Entry("services.roof.reference:docs", "Write the reference pages from the code."),
    "schema": Entry("services.roof.ask:schema", "Schemas of the messages and topics."),
    "backup": Entry("services.backup.cli:app", "Back up, verify, restore."),
}
MEASURE = {
    "bench": Entry("services.roof.bench:app", "Measure this machine: samples a second, delays, cost by stage."),
    "eval": Entry("services.roof.evaluate:app", "Run the models offline on files."),
    "accuracy": Entry("services.roof.accuracy:accuracy", "Score the models on labelled data, write the results page."),
}
PANELS = {"Start": START, "Send": SEND, "Look": LOOK, "Ask": ASK, "Measure": MEASURE}


def load(name: str, entry: Entry) -> Any:
    """The command behind an entry, imported now."""
    module, _, attribute = entry.place.partition(":")
    found = getattr(importlib.import_module(module), attribute)
    if isinstance(found, typer.Typer):
        command = typer.main.get_command(found)
    else:
        alone = typer.Typer(add_completion=False)
        alone.command(name)(found)
        command = typer.main.get_command(alone)
    command.name = name
    return command


class LazyGroup(TyperGroup):
    """A group whose commands are names and lines until one is called. ``panels`` maps a heading to its commands."""

    panels: ClassVar[Mapping[str, Mapping[str, Entry]]] = {}

    @property
    def _entries(self) -> dict[str, tuple[str, Entry]]:
        """Name → heading and entry, in order; what is not installed is left out."""
        return {name: (panel, e) for panel, group in self.panels.items() for name, e in group.items() if e.installed}

    def list_commands(self, ctx: Any) -> list[str]:
        """Names, in the order of the panels."""
        return list(self._entries)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A stand-in that has the help line; enough for help and completion."""
        if cmd_name not in self._entries:
            return None
        panel, entry = self._entries[cmd_name]
        return TyperCommand(cmd_name, help=entry.line, rich_help_panel=panel)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The real command, for the one that is called."""
        name, stand_in, rest = super().resolve_command(ctx, args)
        return name, load(name, self._entries[name][1]) if name and stand_in else stand_in, rest


class Catalogue(LazyGroup):
    """Every command of the house."""

    panels = PANELS
