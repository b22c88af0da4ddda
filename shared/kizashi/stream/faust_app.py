"""A Faust app as our measurements say it should be configured. Made by a function: importing a module makes nothing.

Reasons for each setting: docs/decisions on the stream layer; the pattern is "no Faust acks, we commit what a snapshot covers".
"""

from __future__ import annotations

from pathlib import Path

import faust
from faust.tables.manager import TableManager

from kizashi.settings import KafkaSettings
from kizashi.stream.kafka_client import faust_credentials


class NoTables(TableManager):
    """Faust's table manager sleeps a fixed second at start; we keep state in snapshots and have no tables."""

    async def on_start(self) -> None:
        await self._update_channels()
        await self.recovery.start()


def make_app(name: str, kafka: KafkaSettings, data: Path, max_fetch_bytes: int = 4 << 20) -> faust.App:
    """An app whose group is ``name``. Sessions of 10 s with heartbeats of 1 s: a killed worker's partitions move within 11 s."""
    folder = data / "faust" / name
    folder.mkdir(parents=True, exist_ok=True)
    return faust.App(
        name,
        broker=[f"kafka://{host}" for host in kafka.bootstrap.split(",")],
        broker_credentials=faust_credentials(kafka),
        TableManager=f"{NoTables.__module__}:{NoTables.__qualname__}",
        datadir=str(folder),
        store="memory://",
        broker_heartbeat_interval=1.0,
        broker_session_timeout=10.0,
        broker_rebalance_timeout=20.0,
        broker_request_timeout=30.0,
        broker_max_poll_records=200,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=max_fetch_bytes,
        producer_request_timeout=30.0,
        stream_wait_empty=False,
        stream_buffer_maxsize=512,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        autodiscover=False,
        loghandlers=[],
    )
