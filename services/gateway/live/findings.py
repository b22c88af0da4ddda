"""Findings on their way to screens: episodes, incidents and alerts, each version once, to the tenant it belongs to, never conflated."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from kizashi.contracts import codec, topics
from kizashi.contracts.findings import Alert, Episode, Incident
from kizashi.errors import InvalidMessage
from kizashi.observe.logs import logger
from kizashi.stream.records import Record
from services.gateway.live.subscription import Client
from services.gateway.whole import whole

KINDS: dict[str, type[Episode] | type[Incident] | type[Alert]] = {"episodes": Episode, "incidents": Incident, "alerts": Alert}
TOPIC_OF = {"episodes": topics.EPISODES.name, "incidents": topics.INCIDENTS.name, "alerts": topics.ALERTS.name}
_KIND_OF = {name: kind for kind, name in TOPIC_OF.items()}


@dataclass
class FindingDesk:
    """Who wants which kind. Holds no history: a screen loads the list over HTTP and gets changes from here."""

    _wants: dict[str, set[tuple[Client, str]]] = field(default_factory=lambda: {kind: set() for kind in KINDS})

    @property
    def topics(self) -> list[str]:
        """Topics of findings; they are small, so they are followed always and a subscription starts at once."""
        return list(TOPIC_OF.values())

    def subscribe(self, client: Client, sub_id: str, kind: str) -> None:
        """Send each new finding of this kind and the client's tenant."""
        self._wants[kind].add((client, sub_id))

    def unsubscribe(self, client: Client, sub_id: str | None = None) -> None:
        """Forget one subscription, or all of a client."""
        for kind, wants in self._wants.items():
            self._wants[kind] = {w for w in wants if w[0] is not client or (sub_id is not None and w[1] != sub_id)}

    def handle(self, record: Record) -> None:
        """Decode once and send to whoever wants it."""
        kind = _KIND_OF.get(record.topic)
        if kind is None or not self._wants[kind] or not record.value:
            return
        try:
            finding = codec.decode(record.value, KINDS[kind])
        except InvalidMessage as x:
            logger().warning("live.unreadable", topic=record.topic, offset=record.offset, error=str(x))
            return
        item = msgspec.json.encode(whole(finding))
        for client, sub_id in tuple(self._wants[kind]):
            if client.tenant == finding.tenant:
                client.send(finding_message(sub_id, kind, item))


def finding_message(sub_id: str, topic: str, item: bytes) -> bytes:
    """A ``finding`` message around an item that is JSON already."""
    return b'{"op":"finding","id":' + msgspec.json.encode(sub_id) + b',"topic":"' + topic.encode() + b'","item":' + item + b"}"
