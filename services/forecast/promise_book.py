"""The configuration that concerns us, folded from the log: objectives, ticket promises, calendars and capacity limits.

A change that makes no sense is kept in the fold, so that versions count on, but what was in force before stays in force.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from kizashi.contracts import codec
from kizashi.contracts.findings import ConfigChange
from kizashi.contracts.promises import Promised, decode_promised
from kizashi.errors import ConfigurationError, Damaged, InvalidMessage
from kizashi.stream.config import ConfigState

Place = tuple[str, str, str]
"""Tenant, kind and id."""


class PromiseBook:
    """Objects in force, of some kinds and of the tenants that ``mine`` admits. Without a key no change can be believed."""

    def __init__(self, kinds: frozenset[str], key: bytes | None, mine: Callable[[str], bool]) -> None:
        self._kinds, self._mine = kinds, mine
        self._fold = ConfigState(key) if key else None
        self._taken: list[bytes] = []
        self.in_force: dict[Place, Promised] = {}

    def take(self, data: bytes) -> Place | None:
        """Fold one change; the place of the object when what is in force changed. Raises InvalidMessage for one that makes no sense."""
        change = codec.decode(data, ConfigChange)
        if self._fold is None or change.kind not in self._kinds or not self._mine(change.tenant):
            return None
        new = self._fold.apply(data)
        if new is None:
            return None
        self._taken.append(data)
        place = (new.tenant, new.kind, new.id)
        if new.body is None:
            return place if self.in_force.pop(place, None) is not None else None
        try:
            self.in_force[place] = decode_promised(new.kind, new.id, new.tenant, dict(new.body))
        except ConfigurationError as x:
            raise InvalidMessage(str(x), "configuration") from x
        return place

    def of_kind(self, kind: str, tenant: str) -> list[tuple[str, Promised]]:
        """Objects of a kind and tenant with their ids, by id."""
        return [(i, found) for (t, k, i), found in sorted(self.in_force.items(), key=lambda x: x[0]) if k == kind and t == tenant]

    def dump(self) -> bytes:
        """State as bytes: the changes taken, in order."""
        return msgspec.msgpack.encode(self._taken)

    def restore(self, data: bytes) -> None:
        """Inverse of ``dump``; raises Damaged."""
        try:
            taken = msgspec.msgpack.decode(data, type=list[bytes])
        except (msgspec.DecodeError, msgspec.ValidationError) as x:
            raise Damaged(f"the kept configuration is not readable: {x}") from x
        for one in taken:
            try:
                self.take(one)
            except InvalidMessage:
                continue  # refused then, refused now
