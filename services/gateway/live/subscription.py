"""One panel's wish: some series of one tenant, or one topic; and how far in the log it has been served."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from kizashi.contracts.ids import series_partition
from services.gateway.live.cursor import format_cursor
from services.gateway.live.rows import Fragment, points_message


class Client(Protocol):
    """Where a subscription's messages go; never blocks."""

    tenant: str

    def points(self, sub_id: str, cursor: str, found: dict[int, Fragment]) -> None: ...

    def send(self, message: bytes) -> None: ...

    def drop_points(self, sub_id: str) -> None: ...


@dataclass(eq=False)
class SeriesSubscription:
    """Series of one panel. While ``replay`` is set, live points wait in ``held`` until what lies between is sent."""

    client: Client
    id: str
    series: frozenset[int]
    partitions: frozenset[int]
    since: dict[int, int] | None = None
    joined: bool = False
    replaying: bool = False
    held: list[tuple[str, dict[int, Fragment]]] = field(default_factory=list)

    def deliver(self, cursor: str, found: dict[int, Fragment]) -> None:
        """Live points of one flush."""
        if self.replaying:
            self.held.append((cursor, found))
        else:
            self.client.points(self.id, cursor, found)

    def replay_ends(self, replayed: list[bytes], cursor: str) -> None:
        """Send what was missed, then what came meanwhile, in order and without conflation."""
        self.client.send(points_message(self.id, cursor, replayed))
        for held_cursor, found in self.held:
            self.client.send(points_message(self.id, held_cursor, [f.full for f in found.values()]))
        self.held.clear()
        self.replaying = False

    def cursor(self, positions: Callable[[int], int]) -> str:
        """Where the client stands when it has everything before these positions."""
        return format_cursor({p: positions(p) for p in self.partitions})


def partitions_of(series: frozenset[int], partitions: int) -> frozenset[int]:
    """Partitions of the score topic that hold these series."""
    return frozenset(series_partition(s, partitions) for s in series)
