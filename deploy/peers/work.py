"""What both peers do with a message: the decoded list of samples, each scored by River's Gaussian model of its series, then learned.

A peer is started as ``peer.py BROKER INPUT OUTPUT SAMPLES SECONDS``, stops when it has scored SAMPLES or when SECONDS have gone by since
its first message, and prints one JSON object.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from typing import Any

from river import anomaly

Sample = dict[str, Any]
gaussian_scorer: Any = anomaly.GaussianScorer  # River annotates none of its scorers' methods


class Scorer:
    """One River model a series, in memory; more than a naive program would lose in a crash, and cheaper than its state store."""

    def __init__(self, wanted: int, seconds: float) -> None:
        self.wanted, self.seconds, self.done = wanted, seconds, 0
        self._models: dict[tuple[str, tuple[tuple[str, str], ...]], Any] = {}
        self._began = self._cpu = 0.0

    def score(self, samples: list[Sample]) -> list[Sample]:
        """The samples with their scores."""
        if not self.done:
            self._began, self._cpu = time.monotonic(), _cpu_s()
        out = []
        for sample in samples:
            key = (sample["metric"], tuple(sorted(sample["labels"].items())))
            model = self._models.get(key) or self._models.setdefault(key, gaussian_scorer(grace_period=10))
            out.append({**sample, "score": model.score_one(None, sample["value"])})
            model.learn_one(None, sample["value"])
        self.done += len(samples)
        return out

    @property
    def finished(self) -> bool:
        """All that was asked for is scored, or the time is over."""
        return self.done >= self.wanted or time.monotonic() - self._began >= self.seconds

    def report(self) -> None:
        """Print samples, seconds of wall and CPU since the first message."""
        took, cpu = time.monotonic() - self._began, _cpu_s() - self._cpu
        found = {"samples": self.done, "series": len(self._models), "seconds": round(took, 2), "samples_per_s": round(self.done / took)}
        sys.stdout.write(json.dumps(found | {"cpu_s_per_million": round(cpu / self.done * 1e6, 2)}) + "\n")
        sys.stdout.flush()


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def asked() -> tuple[str, str, str, Scorer]:
    """Broker, input topic, output topic and the scorer, from the command line."""
    broker, source, target, samples, seconds = sys.argv[1:6]
    return broker, source, target, Scorer(int(samples), float(seconds))
