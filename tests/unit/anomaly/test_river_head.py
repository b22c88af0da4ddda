"""River models as further heads: every one of them restarts bit for bit, and what is no model is refused."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from kizashi.errors import ConfigurationError
from services.anomaly.bank import Bank
from services.anomaly.config import ModelConfig
from services.anomaly.river_head import SPAN, RiverHead, Saved

MODELS = ("GaussianScorer", "StandardAbsoluteDeviation", "PredictiveAnomalyDetection", "OneClassSVM", "HalfSpaceTrees", "LODA")
SLOW = {"HalfSpaceTrees", "LODA"}
PLACES = [(name, cut) for name in MODELS for cut in (100, SPAN, 2 * SPAN + 50) if name not in SLOW or cut == SPAN]


def values(n: int, seed: int = 0) -> list[float]:
    x = np.random.default_rng(seed).normal(10.0, 1.0, n)
    x[::97] += 20.0
    return [float(v) for v in x]


@pytest.mark.parametrize(("name", "cut"), PLACES)
def test_a_restart_changes_no_score(name: str, cut: int) -> None:
    whole, x = RiverHead(f"river.anomaly.{name}"), values(cut + 200)
    said = [whole.step(k + 1, v) for k, v in enumerate(x)]
    first = RiverHead(f"river.anomaly.{name}")
    before = [first.step(k + 1, v) for k, v in enumerate(x[:cut])]
    saved = msgspec.msgpack.decode(msgspec.msgpack.encode(first.saved()), type=Saved)
    back = RiverHead.restored(saved)
    assert before + [back.step(k + 1, v) for k, v in enumerate(x[cut:], cut)] == said
    assert back.saved() == whole.saved()


@pytest.mark.parametrize("name", MODELS)
def test_constants_repeats_and_unreal_values_are_harmless(name: str) -> None:
    head = RiverHead(f"river.anomaly.{name}")
    said = [head.step(k + 1, 5.0) for k in range(300)]
    assert all(np.isfinite(said))
    state = head.saved()
    assert [head.step(300, 1e9), head.step(301, float("nan")), head.step(302, float("inf"))] == [0.0, 0.0, 0.0]
    assert head.saved() == state


def test_a_counter_is_scored_as_a_rate() -> None:
    counter, gauge = RiverHead("river.anomaly.GaussianScorer", counter=True), RiverHead("river.anomaly.GaussianScorer")
    rates = values(600)
    total = np.cumsum(rates)
    counter.step(1000, 0.0)
    said = [counter.step(1000 * (k + 2), float(t)) for k, t in enumerate(total)]
    assert said == pytest.approx([gauge.step(1000 * (k + 2), r) for k, r in enumerate(rates)], abs=1e-6)


@pytest.mark.parametrize(
    "path", ["os.system", "river.anomaly.Nothing", "river.anomaly", "river.stats.Mean", "river.anomaly.QuantileFilter"]
)
def test_what_is_no_detector_is_refused(path: str) -> None:
    with pytest.raises(ConfigurationError, match="model: "):
        RiverHead(path)


def test_a_configured_model_is_a_head_of_every_series_offline() -> None:
    bank = Bank(ModelConfig(model="river.anomaly.GaussianScorer"))
    x = np.array(values(800))
    scored = bank.score(np.ones(800, np.uint64), np.arange(1, 801) * 60_000, x, np.zeros(800, np.uint8))
    assert list(bank.heads) == [1]
    assert np.isfinite(scored.score).all()
