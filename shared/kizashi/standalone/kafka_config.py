"""The broker's settings for one machine, as pure text: ports in, ``server.properties`` out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kizashi.contracts.topics import HOT_PARTITIONS, TOPICS

MIB = 1024 * 1024
MESSAGE_MAX_BYTES = 12 * MIB
"""Above the largest batch a topic of ours allows (8 MiB) with its overhead."""
SEGMENT_BYTES = 16 * MIB
"""Small, since retention and compaction work on whole closed segments."""
NODE_ID = 1


@dataclass(frozen=True)
class BrokerPlan:
    """What one broker is told. ``disk_mb`` caps the closed segments of all topics together."""

    data: Path
    port: int
    controller_port: int
    bind: str = "127.0.0.1"
    disk_mb: int = 16_384

    @property
    def retention_bytes(self) -> int:
        """Cap of one partition, so that all of them together stay within ``disk_mb``; two segments at least."""
        partitions = sum(topic.partitions(HOT_PARTITIONS) for topic in TOPICS)
        return max(2 * SEGMENT_BYTES, self.disk_mb * MIB // partitions)


def properties(plan: BrokerPlan) -> dict[str, str]:
    """One KRaft node that is broker and controller. Static voters, so that the controller's port may differ at each start."""
    listeners = f"PLAINTEXT://{plan.bind}:{plan.port},CONTROLLER://127.0.0.1:{plan.controller_port}"
    return {
        "process.roles": "broker,controller",
        "node.id": str(NODE_ID),
        "controller.quorum.voters": f"{NODE_ID}@127.0.0.1:{plan.controller_port}",
        "listeners": listeners,
        "advertised.listeners": f"PLAINTEXT://{plan.bind}:{plan.port}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": str(plan.data),
        **_single_node(),
        **_limits(plan),
        **_small_footprint(),
    }


def _single_node() -> dict[str, str]:
    """Internal topics without replicas, and no wait for members that cannot come."""
    return {
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": "0",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "8",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "share.coordinator.state.topic.num.partitions": "1",
        "broker.session.timeout.ms": "3000",  # after a kill -9 the controller, which is the same process, waits this long for the old self
        "broker.heartbeat.interval.ms": "500",
    }


def _limits(plan: BrokerPlan) -> dict[str, str]:
    """Message size, and disk use that stays within the plan."""
    return {
        "message.max.bytes": str(MESSAGE_MAX_BYTES),
        "replica.fetch.max.bytes": str(MESSAGE_MAX_BYTES),
        "log.segment.bytes": str(SEGMENT_BYTES),
        "log.retention.bytes": str(plan.retention_bytes),
        "log.retention.check.interval.ms": "30000",
        "log.segment.delete.delay.ms": "5000",
        "metadata.max.retention.bytes": str(64 * MIB),
        "metadata.log.segment.bytes": str(8 * MIB),
    }


def _small_footprint() -> dict[str, str]:
    """Threads and buffers for two cores; the stock cleaner alone takes 128 MiB of heap."""
    return {
        "num.network.threads": "2",
        "num.io.threads": "4",
        "background.threads": "2",
        "num.recovery.threads.per.data.dir": "2",
        "log.cleaner.threads": "1",
        "log.cleaner.dedupe.buffer.size": str(16 * MIB),
        "log.cleaner.io.buffer.size": str(MIB),
    }


def render(values: dict[str, str]) -> str:
    """``server.properties``. Backslashes are the format's escape character."""
    return "".join(f"{key}={value.replace(chr(92), chr(92) * 2)}\n" for key, value in values.items())
