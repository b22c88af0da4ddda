"""``kizashi eval``: the production models, offline, on files. Each service brings its own part."""

from __future__ import annotations

from types import MappingProxyType

import typer

from services.roof.catalogue import Entry, LazyGroup

PARTS = {
    "anomaly": Entry("services.anomaly.cli:eval_anomaly", "Scores of time series."),
    "forecast": Entry("services.forecast.cli:eval_forecast", "Forecasts with quantiles."),
    "slo": Entry("services.forecast.cli:eval_slo", "Probability of missing an objective."),
    "incidents": Entry("services.forecast.cli:eval_incidents", "Probability of an incident in the next days."),
    "tickets": Entry("services.forecast.cli:eval_tickets", "Probability of a late ticket, on a simulated desk."),
    "rca": Entry("services.rca.case_eval:eval_rca", "Ranked causes of a case."),
    "alerts": Entry("services.rca.storm_eval:eval_alerts", "Groups, roots and blast radius of an alert storm."),
}


class Parts(LazyGroup):
    """What the services can measure."""

    panels = MappingProxyType({"Parts": PARTS})


app = typer.Typer(cls=Parts, no_args_is_help=True, add_completion=False)


@app.callback()
def evaluate() -> None:
    """Run the models offline on files; never reads labels.

    Example:  kizashi eval anomaly IN OUT
    """
