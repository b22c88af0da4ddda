"""AutoETS and AutoTheta of statsforecast on the series of ``kizashi bench forecast``, fitted anew at each origin, as they are meant to be.

Standard input: JSON with ``season``, ``horizon``, ``origins`` and ``series``. Standard output: one JSON line, for each model the mean
forecasts (series × origins × steps) and seconds spent.
"""

from __future__ import annotations

import json
import sys
import time
import warnings

import numpy as np
from statsforecast.models import AutoETS, AutoTheta

warnings.simplefilter("ignore")


def main() -> None:
    """Run both models over every series and origin."""
    order = json.load(sys.stdin)
    season, horizon, origins = order["season"], order["horizon"], order["origins"]
    out = {}
    for name, model in (
        ("statsforecast AutoETS", AutoETS(season_length=season)),
        ("statsforecast AutoTheta", AutoTheta(season_length=season)),
    ):
        model.forecast(y=np.array(order["series"][0][: 4 * season]), h=horizon)  # compiled before the clock runs
        began = time.perf_counter()
        means = [
            [np.asarray(model.forecast(y=np.array(y[:origin]), h=horizon)["mean"]).tolist() for origin in origins] for y in order["series"]
        ]
        out[name] = {"means": means, "seconds": time.perf_counter() - began}
    sys.stdout.write(json.dumps(out) + "\n")


if __name__ == "__main__":
    main()
