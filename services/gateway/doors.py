"""What a request may reach: made once by ``serve``, handed to routes through the application's state. No global anything."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from starlette.requests import HTTPConnection

from kizashi.cache import Cache
from kizashi.clock import Clock
from kizashi.settings import Settings
from kizashi.stream.config import ConfigFold, ConfigWriter
from kizashi.stream.loop_producer import LoopProducer
from services.gateway.adviser import Adviser
from services.gateway.analyses import Analyses
from services.gateway.answers import Answers
from services.gateway.bus import Bus
from services.gateway.catalog import Catalog
from services.gateway.directory import Directory
from services.gateway.forward import Forwarder
from services.gateway.inner import Inner
from services.gateway.live.boards import Boards
from services.gateway.live.hub import Hub
from services.gateway.openings import Openings
from services.gateway.pictures import Pictures
from services.gateway.ranges import Ranges
from services.gateway.scheduled_queries import ScheduledQueries
from services.gateway.sessions import Sessions
from services.gateway.settings import GatewaySettings
from services.gateway.throttle import TokenBuckets
from services.gateway.vitals import History


@dataclass
class Doors:
    """The gateway's parts."""

    settings: Settings
    limits: GatewaySettings
    clock: Clock
    cache: Cache
    answers: Answers
    adviser: Adviser
    analyses: Analyses
    catalog: Catalog
    sessions: Sessions
    directory: Directory
    config: ConfigFold
    writer: ConfigWriter
    producer: LoopProducer
    bus: Bus
    forwarder: Forwarder
    inner: Inner
    hub: Hub
    boards: Boards
    buckets: TokenBuckets
    history: History
    ranges: Ranges
    scheduled: ScheduledQueries
    openings: Openings
    pictures: Pictures
    signing_key: bytes = field(repr=False)
    open_sockets: dict[str, int] = field(default_factory=dict)
    """WebSockets open now, by user or key."""
    ends: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Topic → (when, end) as seen last, for rates."""


def doors(connection: HTTPConnection) -> Doors:
    """The parts, for a route's dependency."""
    return cast("Doors", connection.app.state.doors)
