"""Asks the machine and the parts whether they are there: ports, the broker's first answer, HTTP readiness."""

from __future__ import annotations

import random
import socket
import struct
import sys
import urllib.error
import urllib.request

from kizashi.errors import Recoverable

PORTS = range(20_000, 32_000)
"""Below the ranges of outgoing connections of Linux (32768 and up) and macOS (49152 and up)."""
_given: set[int] = set()
_API_VERSIONS = 18
_CLIENT_ID = b"kizashi"


def free_port(bind: str = "127.0.0.1") -> int:
    """A port that nobody listens on now, and that no other call of this process was given.

    Not from the range that the system hands to outgoing connections: one of those can take such a port before its owner listens, and
    the system may name the same port twice when it is only asked and not used at once.
    """
    for port in random.sample(PORTS, len(PORTS)):
        if port not in _given and not port_taken(port, bind):
            _given.add(port)
            return port
    raise Recoverable(f"no free port between {PORTS.start} and {PORTS.stop}")


def port_taken(port: int, bind: str = "127.0.0.1") -> bool:
    """True when somebody listens there. A port in TIME_WAIT is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
        except OSError:
            return True
        return False


def kafka_answers(host: str, port: int, timeout_s: float = 1.0) -> bool:
    """True when the broker answers ApiVersions (v0): the protocol's own first question, so nothing depends on a log line."""
    body = struct.pack(">hhih", _API_VERSIONS, 0, 1, len(_CLIENT_ID)) + _CLIENT_ID
    try:
        with socket.create_connection((host, port), timeout=timeout_s) as link:
            link.sendall(struct.pack(">i", len(body)) + body)
            head = _exactly(link, 10)
    except OSError:
        return False
    _, correlation, error = struct.unpack(">iih", head)
    return bool(correlation == 1 and error == 0)


def http_ok(url: str, timeout_s: float = 1.0) -> bool:
    """True when ``url`` answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=timeout_s) as answer:  # noqa: S310 - addresses are our own
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _exactly(link: socket.socket, size: int) -> bytes:
    """Read ``size`` bytes or raise ConnectionError."""
    got = b""
    while len(got) < size:
        chunk = link.recv(size - len(got))
        if not chunk:
            raise ConnectionError("closed before the whole answer came")
        got += chunk
    return got


if __name__ == "__main__":  # the containers' health check: exit code 0 when the URL answers 200
    sys.exit(0 if http_ok(sys.argv[1], timeout_s=4.0) else 1)
