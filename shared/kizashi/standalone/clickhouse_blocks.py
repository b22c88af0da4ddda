"""ClickHouse's own block compression, which its clients ask for with ``compress=1`` and ``decompress=1``.

A block is: CityHash128 (version 1.0.2, low half first) of all that follows; method, one byte; size of what follows the checksum, and size
unpacked, four bytes each, little endian; the data. Methods: 0x82 LZ4, 0x90 ZSTD, 0x02 none. See ``CompressedWriteBuffer`` of ClickHouse.
"""

from __future__ import annotations

import struct

import lz4.block
import zstandard
from clickhouse_cityhash.cityhash import CityHash128

from kizashi.errors import Refused
from kizashi.standalone.clickhouse_codecs import Packer, TooLarge, unzstd

LZ4, ZSTD, NONE = 0x82, 0x90, 0x02
BLOCK_BYTES = 1 << 20
"""Unpacked size of a block that is sent, as the server's ``max_compress_block_size``."""
_SUM = struct.Struct("<QQ")
_HEAD = struct.Struct("<BII")


class Blocks:
    """Packs a stream in blocks, each piece as it comes, and hands them to a content encoding when there is one."""

    def __init__(self, outer: Packer | None = None) -> None:
        self._outer = outer

    def feed(self, data: bytes) -> bytes:
        """The blocks of a piece."""
        packed = b"".join(_block(data[at : at + BLOCK_BYTES]) for at in range(0, len(data), BLOCK_BYTES))
        return packed if self._outer is None else self._outer.feed(packed)

    def end(self) -> bytes:
        """What the content encoding holds back; of blocks nothing is."""
        return b"" if self._outer is None else self._outer.end()


def _block(piece: bytes) -> bytes:
    packed = bytes(lz4.block.compress(piece, mode="fast", store_size=False))
    rest = _HEAD.pack(LZ4, _HEAD.size + len(packed), len(piece)) + packed
    return _sum(rest) + rest


def _sum(data: bytes) -> bytes:
    number = CityHash128(data)
    return _SUM.pack(number >> 64, number & (1 << 64) - 1)


def unpack_blocks(data: bytes, limit: int) -> bytes:
    """The body without its blocks. Raises Refused for damage, TooLarge above ``limit`` bytes, before they are allocated."""
    out: list[bytes] = []
    at = size = 0
    while at < len(data):
        start = at + _SUM.size
        if start + _HEAD.size > len(data):
            raise Refused("the body ends in the middle of a compressed block")
        method, packed, unpacked = _HEAD.unpack_from(data, start)
        end = start + packed
        if packed < _HEAD.size or end > len(data):
            raise Refused("the body ends in the middle of a compressed block")
        size += unpacked
        if size > limit:
            raise TooLarge(f"the body unpacks to more than {limit} bytes")
        if _sum(data[start:end]) != data[at:start]:
            raise Refused("the checksum of a compressed block is wrong: the body was damaged on its way")
        out.append(_unpacked(method, data[start + _HEAD.size : end], unpacked))
        at = end
    return b"".join(out)


def _unpacked(method: int, data: bytes, size: int) -> bytes:
    try:
        if method == LZ4:
            found = lz4.block.decompress(data, uncompressed_size=size)
        elif method == ZSTD:
            found = unzstd(data, size)
        elif method == NONE:
            found = data
        else:
            raise Refused(f"compression method {method:#04x} is not known here: LZ4, ZSTD or none")
    except (lz4.block.LZ4BlockError, zstandard.ZstdError) as x:
        raise Refused(f"a compressed block cannot be unpacked: {x}") from x
    if len(found) != size:
        raise Refused("a compressed block is not as long as its head says")
    return bytes(found)
