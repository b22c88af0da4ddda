"""The anomaly service: samples, feedback and configuration in, scores, rollups, episodes and patterns out; and rates of groups back in."""

from __future__ import annotations

import asyncio

from kizashi.contracts import topics
from kizashi.errors import ConfigurationError
from kizashi.observe.logs import logger
from kizashi.settings import Settings
from kizashi.stream.admin import topic_ids
from kizashi.stream.config import load_signing_key
from kizashi.stream.faust_worker import Duty
from kizashi.stream.records import ProcessorFactory
from kizashi.stream.service import serve_duties
from services.anomaly.config import ModelConfig
from services.anomaly.groups_processor import GroupsFactory
from services.anomaly.model import warm_up
from services.anomaly.processor import AnomalyFactory

DUTY = Duty(
    "anomaly", (topics.SAMPLES.name,), topics.STATE_ANOMALY.name, controls=(topics.FEEDBACK.name, topics.CONFIG.name), snapshot_every_s=15.0
)

GROUPS = Duty(
    "groups", (topics.ROLLUPS.name, topics.EPISODES.name), topics.STATE_GROUPS.name, snapshot_every_s=30.0, within_s=0.5, part="groups"
)
"""Series are spread over the partitions of the samples, tenants over those of the findings: so two duties, in two groups."""


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Run until ``stop``. Kernels are compiled before the group is joined, so that a rebalance never waits for a compiler."""
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, warm_up)
    topic_id = (await loop.run_in_executor(None, topic_ids, settings.kafka, [topics.SAMPLES.name]))[topics.SAMPLES.name]
    factory = AnomalyFactory(topic_id, settings.kafka.partitions, ModelConfig(), _key(settings))
    duties: list[tuple[Duty, ProcessorFactory]] = [(DUTY, factory), (GROUPS, GroupsFactory(settings.kafka.partitions))]
    await serve_duties(settings, "anomaly", duties, stop)


def _key(settings: Settings) -> bytes:
    """The key that configuration is signed with; without it configuration is not followed, and that is said."""
    try:
        return load_signing_key(settings.signing_key_path)
    except ConfigurationError as x:
        logger().warning("anomaly.configuration_not_followed", why=str(x))
        return b""
