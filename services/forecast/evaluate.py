"""``python -m services.forecast.evaluate forecast|slo|incidents|tickets IN OUT …``: the evaluations without the roof."""

from __future__ import annotations

import typer

from services.forecast.cli import bench, eval_forecast, eval_incidents, eval_slo, eval_tickets

app = typer.Typer(add_completion=False, help=__doc__)
app.command("forecast")(eval_forecast)
app.command("slo")(eval_slo)
app.command("incidents")(eval_incidents)
app.command("tickets")(eval_tickets)
app.command("bench")(bench)


if __name__ == "__main__":
    app()
