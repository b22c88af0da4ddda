"""Which entity (service, host, queue) a series speaks about."""

from __future__ import annotations

from collections.abc import Mapping

_LABELS = ("service", "host", "instance", "pod", "job")
"""From the most to the least telling label: a service is what people page for, a job is only how it was scraped."""


def entity_of(metric: str, labels: Mapping[str, str]) -> str:
    """First of the labels service, host, instance, pod, job that is not empty, else the metric's name.

    >>> entity_of("cpu", {"host": "db-1", "job": "node"})
    'db-1'
    >>> entity_of("queue_depth", {})
    'queue_depth'
    """
    return next((labels[k] for k in _LABELS if labels.get(k)), metric)
