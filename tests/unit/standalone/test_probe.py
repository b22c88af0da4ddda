"""Ports that are promised to several parts before any of them listens."""

from __future__ import annotations

import socket

from kizashi.standalone import probe


def test_no_port_is_given_twice_and_none_that_is_taken() -> None:
    given = [probe.free_port() for _ in range(200)]
    assert len(set(given)) == len(given) and set(given) <= set(probe.PORTS)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", given[0]))
        assert probe.port_taken(given[0])
    assert not probe.port_taken(given[0])
