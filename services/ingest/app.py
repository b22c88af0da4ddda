"""The ingest process: the lane in its thread, HTTP receivers in the event loop, keys folded from configuration."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Iterator, Sequence

import uvicorn

from kizashi.clock import SystemClock
from kizashi.contracts import codec
from kizashi.contracts.batches import SeriesInfo
from kizashi.contracts.ids import tenant_partition
from kizashi.contracts.inputs import Event
from kizashi.contracts.topics import EVENTS, METRICS, SAMPLES, SERIES
from kizashi.errors import BusUnavailable, ConfigurationError, InvalidMessage
from kizashi.observe.health import Health, ObservePort
from kizashi.observe.logs import logger
from kizashi.observe.metrics import LAG
from kizashi.settings import KafkaSettings, Settings
from kizashi.stream.admin import BusAdmin
from kizashi.stream.config import ConfigFold, ConfigObject, load_signing_key
from kizashi.stream.consumer import GroupConsumer, Lookout
from kizashi.stream.producer import AsyncProducer, Producer, Record
from services.ingest.intake import Intake
from services.ingest.keys import KeyRing
from services.ingest.lane import Lane
from services.ingest.receivers.doors import Doors
from services.ingest.receivers.web import make_app
from services.ingest.registry import SeriesRegistry
from services.ingest.settings import IngestLimits, Pace
from services.ingest.submit import LaneDoor
from services.ingest.tally import Tally

GROUP = "kizashi-ingest"
LAG_EVERY_S = 15.0
TOPICS = (METRICS.name, rf"^{METRICS.name.replace('.', '[.]')}[.][A-Za-z0-9_-]+$")
"""The topic of the default tenant and those of all others."""


class EventPublisher:
    """Publishes events; one tenant's events share a partition, so that rca sees the tenant whole."""

    def __init__(self, producer: AsyncProducer, partitions: int, timeout_s: float) -> None:
        self._producer, self._partitions, self._timeout_s = producer, partitions, timeout_s

    async def publish(self, events: Sequence[Event]) -> None:
        """Send and wait for the acknowledgements."""
        records = [Record(EVENTS.name, codec.encode(e), e.entity.encode(), tenant_partition(e.tenant, self._partitions)) for e in events]
        await self._producer.deliver(records, self._timeout_s)


def known_series(kafka: KafkaSettings) -> set[int]:
    """Ids that the series topic holds: after a restart they are not new again."""
    lookout = Lookout(kafka, SERIES.name)
    known: set[int] = set()
    try:
        for message in lookout.until_end():
            with contextlib.suppress(InvalidMessage):  # its owner is this service; a stranger's message tells us nothing
                known.add(codec.decode(message.value() or b"", SeriesInfo).id)
    finally:
        lookout.close()
    return known


def make_lane(settings: Settings, limits: IngestLimits, pace: Pace, tally: Tally, health: Health, group: str = GROUP) -> Lane:
    """The lane with its Kafka clients. Raises BusUnavailable, ConfigurationError."""
    partitions = BusAdmin(settings.kafka).topics().get(SAMPLES.name, 0)
    if partitions != settings.kafka.partitions:
        raise ConfigurationError(f"{SAMPLES.name} has {partitions} partitions, the settings say {settings.kafka.partitions}")
    registry = SeriesRegistry(partitions, limits, known_series(settings.kafka))
    consumer = GroupConsumer(settings.kafka, group, TOPICS)
    producer = Producer(settings.kafka, "kizashi-ingest", give_up_s=None)
    health.mark("bus", True)
    health.mark("input", True)
    clock = SystemClock()
    return Lane(consumer, producer, Intake(registry, limits), tally, clock, health, pace, limits, partitions, settings.tenant)


async def serve(settings: Settings, stop: asyncio.Event, limits: IngestLimits | None = None, pace: Pace | None = None) -> None:
    """Serve until ``stop``; then drain what is in flight. Raises what the lane raised."""
    limits, pace = limits or settings.ingest, pace or Pace()
    health, tally = Health("ingest", needs=("bus", "input")), Tally()
    listen = _listen(settings.ingest_host, settings.ingest_port)
    port = ObservePort(health, settings.observe_port, settings.bind)
    logger().info("ingest.starting", observe_port=port.port, http=f"{settings.ingest_host}:{listen.getsockname()[1]}")
    try:
        lane = await asyncio.to_thread(make_lane, settings, limits, pace, tally, health)
        async with _keys(settings) as keys, _events(settings, pace) as events:
            doors = Doors(keys, LaneDoor(lane, pace.acknowledge_s), events, limits, tally, SystemClock())
            await _run(lane, doors, listen, settings.kafka, stop)
    finally:
        port.close()
        listen.close()
        logger().info("ingest.stopped", **tally.stats())


async def _run(lane: Lane, doors: Doors, listen: socket.socket, kafka: KafkaSettings, stop: asyncio.Event) -> None:
    """HTTP stops before the lane does, so that every request taken is settled."""
    leave = threading.Event()
    lane_task = asyncio.create_task(asyncio.to_thread(lane.run, leave))
    server = _Server(uvicorn.Config(make_app(doors), log_config=None, access_log=False, lifespan="off"))
    http_task = asyncio.create_task(server.serve([listen]))
    stop_task = asyncio.create_task(stop.wait())
    lag_task = asyncio.create_task(_tell_lag(kafka))
    try:
        await asyncio.wait((lane_task, http_task, stop_task), return_when=asyncio.FIRST_COMPLETED)
    finally:
        server.should_exit = True
        stop_task.cancel()
        lag_task.cancel()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(http_task, 4.0)
        leave.set()
        await lane_task


async def _tell_lag(kafka: KafkaSettings) -> None:
    """How far behind the group is, every few seconds; a broker that does not answer is told by readiness."""
    admin = BusAdmin(kafka)
    while True:
        with contextlib.suppress(BusUnavailable):
            for topic, behind in (await asyncio.to_thread(admin.lag, GROUP, [METRICS.name])).items():
                LAG.labels(topic).set(behind)
        await asyncio.sleep(LAG_EVERY_S)


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=512)
    except OSError as x:
        raise ConfigurationError(f"{host}:{port} for ingest cannot be had ({x.strerror}): stop who listens there or set ingest_port") from x


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the process has one place that listens to signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


@contextlib.asynccontextmanager
async def _keys(settings: Settings) -> AsyncIterator[KeyRing]:
    ring = KeyRing(settings.home / "secrets" / "api_keys.json")

    def fold(change: ConfigObject) -> None:
        if change.kind == "key":
            ring.fold(change.id, change.tenant, change.body)

    try:
        key = load_signing_key(settings.signing_key_path)
    except ConfigurationError as x:
        logger().warning("ingest.keys_from_file_only", why=str(x))
        yield ring
        return
    folded = ConfigFold(settings.kafka, key, fold)
    await folded.start()
    try:
        yield ring
    finally:
        await folded.stop()


@contextlib.asynccontextmanager
async def _events(settings: Settings, pace: Pace) -> AsyncIterator[EventPublisher]:
    producer = AsyncProducer(Producer(settings.kafka, "kizashi-events", give_up_s=pace.acknowledge_s))
    try:
        yield EventPublisher(producer, settings.kafka.partitions, pace.acknowledge_s)
    finally:
        with contextlib.suppress(BusUnavailable):  # nobody waits for it any more; its request was answered 503
            await asyncio.to_thread(producer.close)
