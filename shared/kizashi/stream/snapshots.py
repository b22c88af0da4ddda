"""State snapshots as Kafka messages: compressed, in chunks with checksums, two generations, manifest last.

Keys are ``slot/chunk`` and ``slot/manifest`` with slot 0 or 1 in turn, so compaction keeps two whole generations. A reader takes the
manifest with the highest positions whose chunks all verify: a fenced owner may write late, and its chunks then spoil one slot, never
both. Control markers (``marker/N``) say from which input offset a configuration change or feedback counts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec
import zstandard

from kizashi.errors import Damaged
from kizashi.stream.records import Emit, Record

FORMAT = 1
CHUNK_BYTES = 480_000
"""Below Kafka's default message limit with room for headers, and small enough not to hold up other requests."""


class Manifest(msgspec.Struct):
    """Describes one generation. ``positions`` maps an input topic to the next offset that the state has not seen."""

    format: int
    generation: int
    positions: dict[str, int]
    controls: dict[str, int]
    markers: int
    chunks: list[str]
    size: int


class Marker(msgspec.Struct):
    """A control record that counts from ``offset`` of ``topic`` on, durably, so that a replay applies it at the same place."""

    number: int
    topic: str
    offset: int
    control_topic: str
    control_offset: int
    key: bytes
    value: bytes


@dataclass(frozen=True)
class Entry:
    """One keyed message of a state topic."""

    key: bytes
    value: bytes

    def emit(self, topic: str, partition: int) -> Emit:
        """The entry as a message to send."""
        return Emit(topic, partition, self.value, self.key)


@dataclass
class Snapshot:
    """What a state partition gives back: the newest whole state, and the markers that lie ahead of it."""

    state: bytes | None = None
    manifest: Manifest = field(default_factory=lambda: Manifest(FORMAT, 0, {}, {}, 0, [], 0))
    markers: list[Marker] = field(default_factory=list)


def encode_snapshot(state: bytes, manifest: Manifest) -> list[Entry]:
    """Entries in the order in which they must be written; fills the manifest's chunk list."""
    packed = zstandard.ZstdCompressor(level=1).compress(state)
    pieces = [packed[i : i + CHUNK_BYTES] for i in range(0, len(packed), CHUNK_BYTES)]
    manifest.chunks, manifest.size = [_checksum(p) for p in pieces], len(state)
    slot = manifest.generation % 2
    out = [Entry(f"{slot}/{i}".encode(), piece) for i, piece in enumerate(pieces)]
    return [*out, Entry(f"{slot}/manifest".encode(), msgspec.msgpack.encode(manifest))]


def encode_marker(marker: Marker) -> Entry:
    """Entry of a marker."""
    return Entry(f"marker/{marker.number}".encode(), msgspec.msgpack.encode(marker))


def read_snapshot(records: Iterable[Record]) -> Snapshot:
    """The newest verifiable generation in a state partition, and the markers that are not in it yet.

    Raises Damaged when there are manifests but none of them verifies, or one has a format this program does not know.
    """
    last = {r.key: r.value for r in records if r.key is not None}
    manifests = [msgspec.msgpack.decode(last[k], type=Manifest) for k in (b"0/manifest", b"1/manifest") if last.get(k)]
    unknown = [m.format for m in manifests if m.format != FORMAT]
    if unknown:
        raise Damaged(
            f"state format {unknown[0]}, this program reads {FORMAT}: start the newer program, or delete the state topic to rebuild"
        )
    markers = sorted(
        (msgspec.msgpack.decode(v, type=Marker) for k, v in last.items() if k.startswith(b"marker/") and v), key=lambda m: m.number
    )
    for manifest in sorted(manifests, key=lambda m: (sum(m.positions.values()), m.generation), reverse=True):
        pieces = [last.get(f"{manifest.generation % 2}/{i}".encode()) for i in range(len(manifest.chunks))]
        if all(p is not None and _checksum(p) == c for p, c in zip(pieces, manifest.chunks, strict=True)):
            state = zstandard.ZstdDecompressor().decompress(b"".join(p for p in pieces if p), max_output_size=manifest.size)
            return Snapshot(state, manifest, [m for m in markers if m.number >= manifest.markers])
    if manifests:
        raise Damaged("no generation of the state verifies against its checksums")
    return Snapshot(markers=markers)


def _checksum(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()
