"""A small landscape for the tests: shop → cart → db, with series, rollups and episodes made by hand."""

from __future__ import annotations

import numpy as np

from kizashi.contracts.batches import RollupBatch, SeriesInfo
from kizashi.contracts.findings import Episode
from kizashi.contracts.ids import finding_id, format_series_id, series_id
from kizashi.contracts.inputs import Event
from services.rca.model import PartitionModel

T0 = 1_700_000_000_000


def info(service: str, metric: str, tenant: str = "default") -> SeriesInfo:
    """A registered series of a service."""
    labels = {"service": service}
    return SeriesInfo(series_id(tenant, metric, labels), tenant, metric, labels)


def episode(service: str, metric: str, at_s: float, version: int = 1, closed_s: float | None = None, tenant: str = "default") -> Episode:
    """An episode that opened ``at_s`` seconds after T0."""
    series = info(service, metric, tenant)
    opened = T0 + round(1000 * at_s)
    return Episode(
        finding_id("episode", series.id, opened), version, tenant, format_series_id(series.id), metric, series.labels, "anomaly",
        "open" if closed_s is None else "closed", opened, opened if closed_s is None else T0 + round(1000 * closed_s),
        None if closed_s is None else T0 + round(1000 * closed_s), peak_score=3.0, peak_value=9.0, value=9.0, expected=1.0,
    )  # fmt: skip


def topology(*edges: tuple[str, str], at_s: float = 0.0, **attributes: object) -> Event:
    """A declared map."""
    return Event(
        "topology", "map", T0 + round(1000 * at_s), f"topology-{at_s}-{len(edges)}", edges=list(edges), attributes=dict(attributes)
    )


def rollup(infos: list[SeriesInfo], at_s: float, means: list[float]) -> RollupBatch:
    """Ten seconds of these series."""
    n = len(infos)
    x = np.array(means)
    ids = np.array([i.id for i in infos], np.uint64)
    return RollupBatch(
        "default", "t", 0, 0, 0, T0 + round(1000 * at_s), 10_000, ids, np.full(n, 10, np.uint32), x, x, x, np.zeros(n, np.float32)
    )


def feed(
    model: PartitionModel, infos: list[SeriesInfo], from_s: int, to_s: int, broken: dict[str, float] | None = None, seed: int = 1
) -> None:
    """Noise around 1 for every series; series of the broken services are shifted by so much."""
    rng = np.random.default_rng(seed + from_s)
    for i in infos:
        model.series(i)
    for t in range(from_s, to_s, 10):
        values = [1.0 + 0.05 * float(rng.normal()) + (broken or {}).get(i.labels["service"], 0.0) for i in infos]
        model.rollup(rollup(infos, t, values))
