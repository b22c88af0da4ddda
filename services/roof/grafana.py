"""``kizashi grafana``: what Grafana provisions from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from services import wiring
from services.roof.output import as_json, out

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Dashboards and alert rules for Grafana.")


@app.callback()
def grafana() -> None:
    """Dashboards and alert rules for Grafana."""


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="Folder that becomes /etc/grafana/provisioning.")],
    host: Annotated[str, typer.Option(help="ClickHouse as Grafana reaches it; the settings' host unless told.")] = "",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Its HTTP port; the settings' port unless told.")] = 0,
    as_document: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Write datasource, dashboards and alert rules for the official ClickHouse plugin.

    Example:  kizashi grafana export grafana --host clickhouse
    """
    from services.gateway.grafana.export import export as write

    store = wiring.load().store
    files = write(folder, host or store.host, port or store.port, store.user, store.database, store.secure)
    if as_document:
        as_json([str(file) for file in files])
    else:
        for file in files:
            out.print(str(file))
