"""The one registry of topics: names, partitions, retention and who owns the value's schema.

Everything that produces, consumes, creates or documents a topic takes it from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DAY_MS = 86_400_000
HOT_PARTITIONS = 4
"""More than the workers ever wanted on one small machine: each further one costs every stage a message a turn (decision 0059). A cluster
sets more. Set once, since a series never changes partition."""

PartitionedBy = Literal["any", "series", "tenant", "one"]


@dataclass(frozen=True)
class Topic:
    """One topic as it should exist on the broker.

    ``retention_ms`` of -1 keeps for ever; ``compacted`` keeps the last value of each key.
    ``hot`` topics are the ones whose partition count follows the ``partitions`` setting.
    """

    name: str
    key: str
    value: str
    partitioned_by: PartitionedBy
    retention_ms: int
    compacted: bool = False
    hot: bool = True

    def partitions(self, hot_partitions: int = HOT_PARTITIONS) -> int:
        """Number of partitions when hot topics have ``hot_partitions``."""
        return 1 if self.partitioned_by == "one" else hot_partitions

    def config(self) -> dict[str, str]:
        """Broker-side topic configuration."""
        policy = {(True, True): "compact", (True, False): "compact,delete"}.get((self.compacted, self.retention_ms < 0), "delete")
        return {"cleanup.policy": policy, "retention.ms": str(self.retention_ms), "max.message.bytes": "8388608"}

    @property
    def dead_letters(self) -> str:
        """Name of the dead-letter topic for messages of this one."""
        return f"{self.name.removesuffix('.v1')}.dlq.v1"


METRICS = Topic("kizashi.metrics.v1", "any", "SampleIn: one, a list, or NDJSON", "any", 3 * DAY_MS)
EVENTS = Topic("kizashi.events.v1", "entity", "Event", "tenant", 30 * DAY_MS)
SAMPLES = Topic("kizashi.samples.v1", "partition of the series id", "SamplesBatch (msgpack)", "series", 3 * DAY_MS)
SERIES = Topic("kizashi.series.v1", "series id", "SeriesInfo", "series", -1, compacted=True)
SCORES = Topic("kizashi.scores.v1", "partition", "ScoresBatch (msgpack)", "series", 3 * DAY_MS)
ROLLUPS = Topic("kizashi.rollups.v1", "tenant", "RollupBatch (msgpack)", "tenant", 3 * DAY_MS)
EPISODES = Topic("kizashi.episodes.v1", "episode id", "Episode", "tenant", 30 * DAY_MS)
FORECASTS = Topic("kizashi.forecasts.v1", "series id", "Forecast", "series", 30 * DAY_MS)
RISKS = Topic("kizashi.risks.v1", "entity", "Risk", "tenant", 30 * DAY_MS)
INCIDENTS = Topic("kizashi.incidents.v1", "incident id", "Incident", "tenant", 90 * DAY_MS)
EDGES = Topic("kizashi.edges.v1", "caller and callee", "Edge: a dependency as rca knows it", "tenant", -1, compacted=True)
OUTCOMES = Topic("kizashi.outcomes.v1", "change id", "Event: what became of a change", "tenant", 90 * DAY_MS)
ALERTS = Topic("kizashi.alerts.v1", "alert id", "Alert", "tenant", 90 * DAY_MS)
DELIVERIES = Topic("kizashi.deliveries.v1", "alert id", "Delivery", "tenant", 90 * DAY_MS)
CONFIG = Topic("kizashi.config.v1", "kind and id", "ConfigChange, signed", "one", -1, hot=False)
FEEDBACK = Topic("kizashi.feedback.v1", "alert or series id", "Feedback", "one", 365 * DAY_MS, hot=False)
PATTERNS = Topic("kizashi.patterns.v1", "series id", "Pattern: season, trend, shape findings of a series", "series", -1, compacted=True)
STATE_ANOMALY = Topic("kizashi.state.anomaly.v1", "partition, generation, chunk", "StateChunk", "series", -1, compacted=True)
STATE_GROUPS = Topic("kizashi.state.groups.v1", "partition, generation, chunk", "StateChunk", "tenant", -1, compacted=True)
STATE_FORECAST = Topic("kizashi.state.forecast.v1", "partition, generation, chunk", "StateChunk", "series", -1, compacted=True)
STATE_RCA = Topic("kizashi.state.rca.v1", "partition, generation, chunk", "StateChunk", "tenant", -1, compacted=True)
STATE_RISKS = Topic("kizashi.state.risks.v1", "partition, generation, chunk", "StateChunk", "tenant", -1, compacted=True)
STATE_ALERTING = Topic("kizashi.state.alerting.v1", "partition, generation, chunk", "StateChunk", "tenant", -1, compacted=True)


def _with_dead_letters(*topics: Topic) -> tuple[Topic, ...]:
    """Each topic that outsiders or services can poison, beside its dead-letter topic."""
    return tuple(
        Topic(t.dead_letters, "as the source", "original bytes; place and reason in the headers", "one", 14 * DAY_MS, hot=False)
        for t in topics
    )


TOPICS: tuple[Topic, ...] = (
    METRICS, EVENTS, SAMPLES, SERIES, SCORES, ROLLUPS, EPISODES, FORECASTS, RISKS, INCIDENTS,
    EDGES, OUTCOMES, ALERTS, DELIVERIES, CONFIG, FEEDBACK, PATTERNS,
    STATE_ANOMALY, STATE_GROUPS, STATE_FORECAST, STATE_RISKS, STATE_RCA, STATE_ALERTING,
    *_with_dead_letters(
        METRICS, EVENTS, SAMPLES, SERIES, SCORES, ROLLUPS, EPISODES, FORECASTS, RISKS, INCIDENTS, EDGES, OUTCOMES,
        ALERTS, DELIVERIES, CONFIG, FEEDBACK, PATTERNS,
    ),
)  # fmt: skip

BY_NAME: dict[str, Topic] = {t.name: t for t in TOPICS}
