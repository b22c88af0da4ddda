"""HTTP content encodings of the embedded server: lz4 and zstd frames, gzip, deflate. Sizes are bounded while unpacking."""

from __future__ import annotations

import zlib
from typing import Protocol

import lz4.frame
import zstandard

from kizashi.errors import Refused

PREFERRED = ("lz4", "zstd", "gzip", "deflate")
"""Cheapest first: the one machine talks to itself, so CPU matters and bytes do not."""
_STEP = 1 << 20


class TooLarge(Refused):
    """The unpacked body passes the limit."""


class Packer(Protocol):
    """Compresses a stream chunk by chunk."""

    def feed(self, data: bytes) -> bytes: ...

    def end(self) -> bytes: ...


class _Lz4:
    def __init__(self) -> None:
        self._frame = lz4.frame.LZ4FrameCompressor()
        self._head = self._frame.begin()

    def feed(self, data: bytes) -> bytes:
        head, self._head = self._head, b""
        return bytes(head + self._frame.compress(data))

    def end(self) -> bytes:
        head, self._head = self._head, b""
        return bytes(head + self._frame.flush())


class _Zstd:
    def __init__(self) -> None:
        self._frame = zstandard.ZstdCompressor(level=1).compressobj()

    def feed(self, data: bytes) -> bytes:
        return self._frame.compress(data)

    def end(self) -> bytes:
        return self._frame.flush()


class _Zlib:
    def __init__(self, wbits: int) -> None:
        self._frame = zlib.compressobj(level=3, wbits=wbits)

    def feed(self, data: bytes) -> bytes:
        return self._frame.compress(data)

    def end(self) -> bytes:
        return self._frame.flush()


def choose(accept: str) -> str:
    """The first encoding that both sides know; empty when there is none.

    >>> choose("br, gzip;q=0.8, zstd")
    'zstd'
    """
    offered = {part.split(";")[0].strip().lower() for part in accept.split(",")}
    return next((name for name in PREFERRED if name in offered), "")


def packer(encoding: str) -> Packer:
    """A fresh compressor of one of ``PREFERRED``."""
    if encoding == "lz4":
        return _Lz4()
    if encoding == "zstd":
        return _Zstd()
    return _Zlib(31 if encoding == "gzip" else 15)


def unpack(data: bytes, encoding: str, limit: int) -> bytes:
    """The whole body, unpacked; raises TooLarge above ``limit`` bytes before allocating more, Refused for damage."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return data
    try:
        if encoding == "lz4":
            return _drain(lz4.frame.LZ4FrameDecompressor(), data, limit)
        if encoding in ("gzip", "x-gzip", "deflate"):
            return _inflate(data, 47 if encoding != "deflate" else 15, limit)
        if encoding == "zstd":
            return unzstd(data, limit)
    except (RuntimeError, zlib.error, zstandard.ZstdError, EOFError) as x:
        raise Refused(f"the body is not {encoding}: {x}") from x
    raise Refused(f"Content-Encoding {encoding[:20]} is not known here; use one of {', '.join(PREFERRED)}")


def _drain(frame: lz4.frame.LZ4FrameDecompressor, data: bytes, limit: int) -> bytes:
    out, size = [], 0
    while True:
        piece = frame.decompress(data, max_length=_STEP)
        data = b""
        out.append(piece)
        size += len(piece)
        if size > limit:
            raise TooLarge(f"the body unpacks to more than {limit} bytes")
        if frame.eof:
            if frame.unused_data:  # several frames behind one another are one body
                data, frame = frame.unused_data, lz4.frame.LZ4FrameDecompressor()
                continue
            return b"".join(out)
        if frame.needs_input and not piece:
            raise Refused("the body ends in the middle of an lz4 frame")


def _inflate(data: bytes, wbits: int, limit: int) -> bytes:
    frame = zlib.decompressobj(wbits)
    out = frame.decompress(data, limit + 1)
    if len(out) > limit:
        raise TooLarge(f"the body unpacks to more than {limit} bytes")
    if not frame.eof:
        raise Refused("the body ends in the middle of a gzip stream")
    return out


def unzstd(data: bytes, limit: int) -> bytes:
    """Zstandard frames, unpacked; raises TooLarge above ``limit`` bytes, whatever their heads say, and ``zstandard.ZstdError`` for damage.

    By the stream reader: the one-shot ``decompress`` allocates what a frame's head claims, also where it is given a limit.
    """
    reader = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(data, read_across_frames=True)
    out = reader.read(limit + 1)
    if len(out) > limit:
        raise TooLarge(f"the body unpacks to more than {limit} bytes")
    return out
