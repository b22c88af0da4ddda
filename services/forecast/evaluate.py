"""``python -m services.forecast.evaluate forecast|slo|incidents IN OUT …``: the evaluations without the roof."""

from __future__ import annotations

import typer

from services.forecast.cli import eval_forecast

app = typer.Typer(add_completion=False, help=__doc__)
app.command("forecast")(eval_forecast)


@app.callback()
def _several() -> None:
    """Keeps the command names: typer would drop the name of a lone command."""


if __name__ == "__main__":
    app()
