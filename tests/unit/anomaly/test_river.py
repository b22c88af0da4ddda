"""The detector in River's shape passes those of River's own checks that need no scikit-learn data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from river import anomaly, preprocessing
from river.checks import common

from services.anomaly.detector import SeriesDetector

GENERAL = (
    "repr",
    "str",
    "tags",
    "clone_same_class",
    "clone_is_idempotent",
    "init_has_default_params_for_tests",
    "init_default_params_are_not_mutable",
    "doc",
    "clone_changes_memory_addresses",
    "mutate_can_be_idempotent",
    "pickling_supports_roundtrip",
    "repr_roundtrips_clone",
    "clone_with_new_params_applies",
    "get_params_matches_signature",
)
WITH_DATA = (
    "learn_one",
    "pickling",
    "shuffle_features_no_impact",
    "predict_one_pure",
    "predict_one_before_any_learn",
    "no_state_aliasing_with_input",
    "emerging_features",
    "disappearing_features",
    "radically_disappearing_features",
)


def check(name: str) -> Callable[..., Any]:
    found: Callable[..., Any] = getattr(common, f"check_{name}")
    return found


@pytest.mark.parametrize("name", GENERAL)
def test_general_checks(name: str) -> None:
    check(name)(SeriesDetector())


@pytest.mark.parametrize("name", WITH_DATA)
def test_checks_with_data(name: str) -> None:
    rng = np.random.default_rng(0)
    data = [({"value": float(v), "a": 1.0, "b": 2.0, "c": 3.0}, False) for v in rng.normal(size=40)]
    check(name)(SeriesDetector(), data)


def test_it_works_at_the_end_of_a_pipeline_and_inside_a_filter() -> None:
    values = np.random.default_rng(1).normal(10.0, 1.0, 400).tolist()
    piped: Any = preprocessing.StandardScaler() | SeriesDetector()
    filtered: Any = anomaly.QuantileFilter(SeriesDetector(), q=0.99)
    for x in values:
        piped.learn_one({"value": x})
        filtered.learn_one({"value": x})
    assert piped.score_one({"value": 10.0}) < 1.0 < piped.score_one({"value": 200.0})
    assert not filtered.classify(filtered.score_one({"value": 10.0}))
    assert filtered.classify(filtered.score_one({"value": 200.0}))
