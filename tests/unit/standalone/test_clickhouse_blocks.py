"""ClickHouse's own blocks: what is packed is read again, what is damaged is refused, what is too large is not unpacked."""

from __future__ import annotations

import struct
import tracemalloc

import pytest
import zstandard
from clickhouse_cityhash.cityhash import CityHash128
from hypothesis import given
from hypothesis import strategies as st

from kizashi.errors import Refused
from kizashi.standalone.clickhouse_blocks import BLOCK_BYTES, LZ4, NONE, ZSTD, Blocks, unpack_blocks
from kizashi.standalone.clickhouse_codecs import TooLarge, packer, unpack

LIMIT = 8 << 20


def block(method: int, data: bytes, size: int) -> bytes:
    rest = struct.pack("<BII", method, 9 + len(data), size) + data
    number = CityHash128(rest)
    return struct.pack("<QQ", number >> 64, number & (1 << 64) - 1) + rest


@given(st.lists(st.binary(max_size=2_000), max_size=4))
def test_what_is_packed_in_pieces_is_read_as_one(pieces: list[bytes]) -> None:
    pack = Blocks()
    assert unpack_blocks(b"".join(pack.feed(p) for p in pieces) + pack.end(), LIMIT) == b"".join(pieces)


def test_long_answers_are_cut_and_may_be_encoded_once_more() -> None:
    data = bytes(range(256)) * (BLOCK_BYTES // 128)
    assert unpack_blocks(Blocks().feed(data), LIMIT) == data
    pack = Blocks(packer("gzip"))
    assert unpack_blocks(unpack(pack.feed(data) + pack.end(), "gzip", LIMIT), LIMIT) == data


def test_the_other_methods_are_read() -> None:
    text = b"tickets " * 100
    packed = zstandard.ZstdCompressor().compress(text)
    assert unpack_blocks(block(NONE, text, len(text)) + block(ZSTD, packed, len(text)), LIMIT) == text * 2
    assert unpack_blocks(b"", LIMIT) == b""


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"short", "middle"), (block(NONE, b"abc", 3)[:-1], "middle"), (block(0x11, b"abc", 3), "0x11"),
        (block(NONE, b"abc", 4), "as long"),
        (block(LZ4, b"\xff\xff\xff", 9), "unpacked"), (block(ZSTD, b"no zstd", 9), "unpacked"),
        (block(NONE, b"abc", 3)[:-1] + b"d", "checksum"),
        (b"x" + block(NONE, b"abc", 3)[1:], "checksum"),
        (struct.pack("<QQBII", 0, 0, LZ4, 0, 0), "middle"),
    ],
)  # fmt: skip
def test_damage_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(Refused, match=said):
        unpack_blocks(body, LIMIT)


def test_a_block_that_claims_too_much_is_not_unpacked() -> None:
    with pytest.raises(TooLarge):
        unpack_blocks(Blocks().feed(b"a" * 1_000) * 3, 2_500)
    with pytest.raises(TooLarge):
        unpack_blocks(block(LZ4, b"", 0xFFFFFFFF), LIMIT)


def test_a_frame_that_holds_more_than_the_block_says_is_not_unpacked() -> None:
    """The frame's own head claims 10 MB too, which the one-shot decompressor believes and allocates."""
    packed = zstandard.ZstdCompressor().compress(bytes(10 << 20))
    assert zstandard.get_frame_parameters(packed).content_size == 10 << 20
    body = block(ZSTD, packed, 10)
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            unpack_blocks(body, LIMIT)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20
