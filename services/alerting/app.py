"""The alerting service: findings, feedback and configuration in, alerts and deliveries out; and the courier that delivers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any

from kizashi.clock import Clock, SystemClock
from kizashi.contracts import codec, topics
from kizashi.contracts.findings import Delivery
from kizashi.contracts.ids import tenant_partition
from kizashi.secret_files import FOLDER, SecretFiles
from kizashi.settings import Settings
from kizashi.stream.config import internal_token, load_signing_key, picture_key
from kizashi.stream.faust_worker import Duty
from kizashi.stream.loop_producer import LoopProducer
from kizashi.stream.service import serve_duty
from services.alerting.answers import answer
from services.alerting.channels.courier import Courier
from services.alerting.channels.doors import Doors
from services.alerting.channels.heartbeat import Heartbeats
from services.alerting.channels.https import Https
from services.alerting.channels.pictures import Pictures
from services.alerting.channels.switchboard import Switchboard, example, preview
from services.alerting.notification import Notification
from services.alerting.port import Elsewhere, InnerPort, Replayer
from services.alerting.processor import AlertingFactory
from services.alerting.targets import Reach
from services.alerting.tenant import Tenant

DUTY = Duty(
    "alerting",
    (
        topics.EPISODES.name,
        topics.INCIDENTS.name,
        topics.RISKS.name,
        topics.OUTCOMES.name,
        topics.ROLLUPS.name,
        topics.DELIVERIES.name,
        topics.EVENTS.name,
    ),
    topics.STATE_ALERTING.name,
    controls=(topics.FEEDBACK.name, topics.CONFIG.name),
    ticks=True,
)
ALIVE_WITHIN_MS = 15_000
"""A model or courier that has not turned for so long is not alive, and the dead man's switch falls silent."""

ANYWHERE = ("check", "oncall/preview")
"""Questions that need nothing of a tenant: any worker answers them."""


@dataclass(frozen=True)
class ModelOutbox:
    """The model's pending notifications, and the deliveries topic, as the courier sees them."""

    factory: AlertingFactory
    producer: LoopProducer
    partitions: int

    def pending(self) -> Iterable[Notification]:
        """What no recorded delivery has ended yet."""
        return self.factory.pending()

    async def record(self, delivery: Delivery) -> None:
        """Durable when it returns. Raises BusUnavailable."""
        partition = tenant_partition(delivery.tenant, self.partitions)
        await self.producer.send(topics.DELIVERIES.name, partition, delivery.alert_id.encode(), codec.encode(delivery))


@dataclass
class Questions:
    """What the inner port answers."""

    factory: AlertingFactory
    switchboard: Switchboard
    replayer: Replayer
    clock: Clock

    async def ask(self, method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> Any:
        """The answer as it becomes JSON. Raises Refused and its kin."""
        name = query.get("tenant", "default")
        if method == "POST" and path == "channels/test":
            outcome = await self.switchboard.send_test(name, body.get("body") or {}, str(body.get("name", "test")))
            return {"state": outcome.state, "text": outcome.text}
        if method == "POST" and path == "channels/preview":
            now_ms = self.clock.now_ms()
            return preview(body.get("body") or {}, example(name, "preview", now_ms), now_ms=now_ms)
        if method == "POST" and (path in ("replay", "tuning") or (path == "why-not" and body.get("at_ms"))):
            return await self.replayer.run(["replay", "--ask", path], {**body, "tenant": name})
        return answer(self._tenant(name, path), method, path, query, body)

    def _tenant(self, name: str, path: str) -> Tenant:
        """The tenant, or what one is of which nothing has come yet. Raises Elsewhere when another worker has its partition."""
        found = self.factory.tenant(name)
        if found is not None:
            return found
        if path not in ANYWHERE and not self.factory.owns(name):
            raise Elsewhere(f"another worker has the tenant {name[:40]!r}")
        quiet = Tenant(name)
        quiet.advance(self.clock.now_ms())
        return quiet


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Run until ``stop``. Raises ConfigurationError when the signing key is missing or the port is taken."""
    key = load_signing_key(settings.signing_key_path)
    factory, clock = AlertingFactory(key, settings.kafka.partitions), SystemClock()
    reach = Reach.of(settings.environment == "development", settings.alerting_hosts)
    pictures = Pictures(settings.gateway_url, settings.public_url, picture_key(key), clock)
    doors = Doors(Https(reach), SecretFiles(settings.home / FOLDER), clock, settings.people_url, pictures)
    switchboard = Switchboard(factory.channel, doors)
    questions = Questions(factory, switchboard, Replayer(), clock)
    port = InnerPort(
        settings.alerting_host, settings.alerting_port, internal_token(key, "alerting"), questions.ask, asyncio.get_running_loop()
    )
    try:
        async with _delivering(settings, factory, switchboard, doors, clock, stop):
            await serve_duty(settings, DUTY, factory, stop)
    finally:
        port.close()
        await doors.https.close()
        await pictures.close()


@contextlib.asynccontextmanager
async def _delivering(
    settings: Settings, factory: AlertingFactory, switchboard: Switchboard, doors: Doors, clock: Clock, stop_all: asyncio.Event
) -> AsyncIterator[None]:
    """The courier and the dead man's switch, beside the model; they end after it. When one of them dies, the whole service does."""
    stop = asyncio.Event()
    async with LoopProducer(settings.kafka) as producer:
        courier = Courier(ModelOutbox(factory, producer, settings.kafka.partitions), switchboard, clock)

        async def alive() -> bool:
            turned = clock.monotonic_s() - courier.turned_s < ALIVE_WITHIN_MS / 1000
            return turned and clock.now_ms() - factory.turned_ms() < ALIVE_WITHIN_MS and await producer.answers()

        tasks = [
            asyncio.create_task(courier.run(stop)),
            asyncio.create_task(Heartbeats(factory.channels, alive, doors, clock).run(stop)),
        ]
        for task in tasks:
            task.add_done_callback(lambda _: stop_all.set())
        factory.on_pending = courier.wake
        try:
            yield
        finally:
            stop.set()
            await asyncio.gather(*tasks)
