"""The gateway's process: makes the parts, serves them with uvicorn, takes them down in order."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import uvicorn

from kizashi.cache import MemoryCache, connect
from kizashi.clock import SystemClock
from kizashi.contracts import topics
from kizashi.errors import ConfigurationError, KizashiError, Recoverable
from kizashi.observe.health import Health, ObservePort
from kizashi.observe.logs import logger
from kizashi.settings import Settings
from kizashi.store.client import Store
from kizashi.store.client import connect as connect_store
from kizashi.stream.config import ConfigFold, ConfigWriter, load_signing_key
from kizashi.stream.loop_producer import LoopProducer
from services.gateway.adviser import Adviser
from services.gateway.analyses import Analyses
from services.gateway.answers import Answers
from services.gateway.assets import OURS
from services.gateway.bus import Bus
from services.gateway.catalog import Catalog
from services.gateway.directory import Directory
from services.gateway.doors import Doors
from services.gateway.file_keys import keep_telling
from services.gateway.forward import Forwarder
from services.gateway.inner import Inner
from services.gateway.live.boards import Boards
from services.gateway.live.hub import Hub
from services.gateway.openings import Openings
from services.gateway.overview import overview, per_second
from services.gateway.painter import Painter
from services.gateway.pictures import Pictures
from services.gateway.problems import Problem
from services.gateway.query_samples import Reach
from services.gateway.range_cache import RangeCache
from services.gateway.ranges import Ranges
from services.gateway.routes.queries import READABLE
from services.gateway.scheduled_queries import ScheduledQueries
from services.gateway.sessions import Sessions
from services.gateway.settings import GatewaySettings
from services.gateway.stats import stats_board
from services.gateway.throttle import TokenBuckets
from services.gateway.vitals import EVERY_S, History
from services.gateway.warm import warm, warm_for_peaks
from services.gateway.web import create_app

GROUPS = {
    "kizashi-ingest": (topics.METRICS.name,),
    "kizashi.anomaly": (topics.SAMPLES.name,),
    "kizashi.forecast": (topics.SAMPLES.name,),
    "kizashi.risks": (topics.ROLLUPS.name, topics.EVENTS.name, topics.EPISODES.name),
    "kizashi.rca": (topics.EPISODES.name, topics.ROLLUPS.name, topics.RISKS.name, topics.EVENTS.name),
    "kizashi.alerting": (topics.EPISODES.name, topics.INCIDENTS.name, topics.RISKS.name, topics.OUTCOMES.name, topics.ROLLUPS.name),
    "kizashi.sink": (topics.SCORES.name, topics.SERIES.name, topics.EPISODES.name),
}
"""Consumer groups of the house and the topics whose lag the health page shows."""
CHECK_EVERY_S = 2.0
CONNECT_TRIES = 60
"""Seconds that the gateway waits at its start for a store or bus that is coming up."""
LIVE_WITHIN_S = 10.0
STOP_WITHIN_S = 4
KEEP_ALIVE_S = 75
"""A browser keeps a connection that long between two clicks; a proxy in front should let go earlier than we do."""


async def serve(settings: Settings, stop: asyncio.Event, limits: GatewaySettings | None = None) -> None:
    """Serve until ``stop`` is set. Raises ConfigurationError when the port is taken or the signing key is missing."""
    limits = limits or GatewaySettings(secure_cookies=settings.environment == "production")
    listen = _listen(settings.bind, settings.port)
    health = Health("gateway", needs=("bus", "store", "cache"))
    port = ObservePort(health, settings.observe_port, settings.bind)
    logger().info("gateway.starting", http=f"{settings.bind}:{listen.getsockname()[1]}", observe_port=port.port)
    try:
        async with _parts(settings, limits) as parts:
            await _run(parts, listen, health, stop)
    finally:
        port.close()
        listen.close()
        logger().info("gateway.stopped")


async def _run(parts: Doors, listen: socket.socket, health: Health, stop: asyncio.Event) -> None:
    config = uvicorn.Config(
        create_app(parts), log_config=None, access_log=False, lifespan="off", ws="websockets-sansio", server_header=False,
        ws_max_size=parts.limits.ws_in_bytes, ws_ping_interval=20.0, ws_ping_timeout=20.0, ws_per_message_deflate=False,
        timeout_graceful_shutdown=STOP_WITHIN_S - 1, timeout_keep_alive=KEEP_ALIVE_S, proxy_headers=True, forwarded_allow_ips="127.0.0.1",
    )  # fmt: skip
    server = Server(config)
    jobs = [
        asyncio.create_task(server.serve([listen]), name="http"),
        asyncio.create_task(_watch(parts, health), name="watch"),
        asyncio.create_task(_sample(parts), name="history"),
        asyncio.create_task(parts.boards.run(), name="boards"),
        asyncio.create_task(_warm(parts, stop), name="warm"),
        asyncio.create_task(parts.scheduled.run(), name="queries"),
        asyncio.create_task(keep_telling(parts), name="keys"),
        asyncio.create_task(stop.wait(), name="stop"),
    ]
    try:
        done, _ = await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
    finally:
        server.should_exit = True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(jobs[0]), STOP_WITHIN_S)
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
    for job in done:
        if job.exception() is not None:
            raise job.exception() or RuntimeError(job.get_name())


@asynccontextmanager
async def _parts(settings: Settings, limits: GatewaySettings) -> AsyncIterator[Doors]:
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        store = await _store(settings)
        stack.callback(store.close)
        near = MemoryCache(clock)
        cache = near if settings.redis is None else connect(settings.redis, clock)
        stack.push_async_callback(cache.close)
        sessions_cache = cache if settings.redis is not None else MemoryCache(clock, 32 << 20)
        answers = Answers(store, cache, near, limits)
        stack.callback(answers.close)
        directory = Directory(settings.home / "secrets" / "api_keys.json")
        key = load_signing_key(settings.signing_key_path)
        fold = ConfigFold(settings.kafka, key, directory.apply)
        await fold.start()
        stack.push_async_callback(fold.stop)
        producer = await stack.enter_async_context(LoopProducer(settings.kafka))
        forwarder = Forwarder(settings.ingest_host, settings.ingest_port)
        stack.push_async_callback(forwarder.close)
        inner = Inner(settings.alerting_places, key)
        stack.push_async_callback(inner.close)
        bus, history = Bus(settings.kafka, GROUPS), History()
        hub = Hub(settings.kafka, clock, limits.flush_s, await bus.partitions(topics.SCORES.name), history.delays_ms.append)
        hub.start()
        stack.push_async_callback(hub.stop)
        if not await hub.wait_connected(LIVE_WITHIN_S):
            logger().warning("live.waiting", detail="the live topics do not answer yet; pages show what is stored")
        painter = Painter(limits.ui / OURS, clock)
        stack.push_async_callback(painter.close)
        catalog, ranges = Catalog(answers, clock), Ranges(answers, RangeCache(), clock, hub.hot, hub.lately)
        boards = Boards({"overview": lambda t: overview(parts, t), "stats": lambda t: stats_board(parts, t)}, limits.overview_s)
        reach = Reach(settings.tenant, READABLE, settings.store.database)
        parts = Doors(
            settings=settings, limits=limits, clock=clock, cache=sessions_cache, answers=answers,
            analyses=Analyses(answers, clock), adviser=Adviser(settings.store, store), catalog=catalog,
            sessions=Sessions(sessions_cache, clock, limits.session_idle_s, limits.session_longest_s), directory=directory, config=fold,
            writer=ConfigWriter(fold, producer.send), producer=producer, bus=bus, forwarder=forwarder, inner=inner, hub=hub, boards=boards,
            buckets=TokenBuckets(limits.requests_per_s, limits.requests_per_s * 10), history=history,
            scheduled=ScheduledQueries(fold.state, answers, producer, clock, reach, settings.kafka.partitions),
            openings=Openings(clock, answers), ranges=ranges, pictures=Pictures(answers, catalog, ranges, painter), signing_key=key,
        )  # fmt: skip
        yield parts


async def _store(settings: Settings) -> Store:
    for _ in range(CONNECT_TRIES):
        try:
            return await asyncio.to_thread(connect_store, settings.store, None, "gateway")
        except Recoverable:
            await asyncio.sleep(1.0)
    raise Recoverable(f"ClickHouse at {settings.store.host}:{settings.store.port} did not answer for {CONNECT_TRIES} s")


async def _watch(parts: Doors, health: Health) -> None:
    """Ready means that store, cache and bus have just answered."""
    while True:
        health.turn()
        health.mark("store", await parts.answers.alive())
        health.mark("cache", await parts.cache.ready())
        health.mark("bus", parts.hub.connected)
        await asyncio.sleep(CHECK_EVERY_S)


async def _warm(parts: Doors, stop: asyncio.Event) -> None:
    """Fill the caches, then again before each peak; or wait like the others for the end."""
    if parts.limits.warm:
        await warm(parts)
        gc.collect()  # what is frozen is never looked at again, garbage included
        gc.freeze()  # modules and the catalogue of series stay: to walk over all of them stops everybody for a tenth of a second and more
        if parts.config.state.living("channel"):  # a message waits 1.5 s for its chart, and the first one would start the painter too
            await parts.pictures.painter.start()
        await warm_for_peaks(parts)
    await stop.wait()


async def _sample(parts: Doors) -> None:
    """Keep the throughput of the last quarter of an hour."""
    while True:
        now_ms = parts.clock.now_ms()
        try:
            parts.history.rates.append((now_ms, await per_second(parts, parts.settings.tenant, now_ms)))
        except (KizashiError, Problem) as x:
            logger().debug("history.gap", error=str(x))
        await asyncio.sleep(EVERY_S)


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=512)
    except OSError as x:
        raise ConfigurationError(f"{host}:{port} cannot be had ({x.strerror}): stop who listens there, or choose another --port") from x


class Server(uvicorn.Server):
    """uvicorn without its signal handlers: the process has one place that listens to signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield
