"""Several workers of alerting: whichever is asked first, the one that has the tenant answers; nobody needs to know which that is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from kizashi.clock import SystemClock
from kizashi.contracts.ids import tenant_partition
from kizashi.errors import ConfigurationError
from kizashi.settings import Settings
from kizashi.stream.config import internal_token
from services.alerting.app import Questions
from services.alerting.port import InnerPort, Replayer
from services.alerting.processor import AlertingFactory
from services.gateway.inner import Inner
from services.gateway.problems import Problem

KEY, HOST = b"k" * 32, "127.0.0.1"
PARTITIONS = 4
TENANTS = ("default", "acme", "umbrella", "wayne", "stark")


class Workers:
    """Two workers that share four partitions, as alerting's own ports show them, and the gateway's side."""

    def __init__(self) -> None:
        self.factories = [AlertingFactory(KEY, PARTITIONS) for _ in range(2)]
        self.kept = {p: self.factories[p % 2].new(p) for p in range(PARTITIONS)}
        self.asked: list[int] = []
        self.ports: list[InnerPort] = []

    def move(self, partition: int, to: int | None) -> None:
        """The partition goes to another worker, or to nobody for the moment."""
        del self.kept[partition]
        if to is not None:
            self.kept[partition] = self.factories[to].new(partition)


@asynccontextmanager
async def running() -> AsyncIterator[tuple[Workers, Inner]]:
    w = Workers()
    for n, factory in enumerate(w.factories):
        questions = Questions(factory, None, Replayer(), SystemClock())  # type: ignore[arg-type]  # no channel is asked for here

        async def ask(*given: Any, n: int = n, questions: Questions = questions) -> Any:
            w.asked.append(n)
            return await questions.ask(*given)

        w.ports.append(InnerPort(HOST, 0, internal_token(KEY, "alerting"), ask, asyncio.get_running_loop()))
    inner = Inner([(HOST, p.port) for p in w.ports], KEY)
    try:
        yield w, inner
    finally:
        await inner.close()
        for p in w.ports:
            await asyncio.to_thread(p.close)


async def test_every_question_finds_the_worker_that_has_the_tenant_also_a_quiet_one() -> None:
    async with running() as (w, inner):
        for name in TENANTS:
            for place in ("state", "groups", "rules", "silences", "maintenance", "oncall"):
                json.loads(await inner.ask(name, place))
            assert json.loads(await inner.ask(name, "route", body={"labels": {"a": "b"}}))["plans"][0]["path"] == "root"
            with pytest.raises(ConfigurationError, match=r"\$\.above"):
                await inner.check(name, "rule", "r", {"kind": "threshold", "metric": "m", "above": "x"})
            owner, before = tenant_partition(name, PARTITIONS) % 2, len(w.asked)
            await inner.ask(name, "state")
            assert w.asked[before:] == [owner], "the second time the right one is asked at once"
        assert {tenant_partition(n, PARTITIONS) % 2 for n in TENANTS} == {0, 1}, "both workers have somebody"
        assert not any(p.model.tenants for p in w.kept.values()), "asking about a quiet tenant makes none"


async def test_a_tenant_that_moves_is_found_again_and_said_to_move_meanwhile() -> None:
    async with running() as (w, inner):
        partition = tenant_partition("acme", PARTITIONS)
        await inner.ask("acme", "state")
        w.move(partition, None)
        with pytest.raises(Problem, match="moving") as moving:
            await inner.ask("acme", "state")
        assert moving.value.status == 503 and moving.value.retry_after_s
        await inner.check("acme", "rule", "r", {"kind": "anomaly"})
        w.kept[partition] = w.factories[1 - partition % 2].new(partition)
        assert json.loads(await inner.ask("acme", "state"))["firing"] == 0


async def test_a_dead_worker_keeps_nobody_from_the_others() -> None:
    async with running() as (w, inner):
        on_the_second = next(n for n in TENANTS if tenant_partition(n, PARTITIONS) % 2)
        on_the_first = next(n for n in TENANTS if not tenant_partition(n, PARTITIONS) % 2)
        await asyncio.to_thread(w.ports[0].close)  # before anybody connected: the port is free, connections are refused
        await inner.ask(on_the_second, "state")
        with pytest.raises(Problem, match="not running") as away:
            await inner.ask(on_the_first, "state")
        assert away.value.status == 503
        w.ports.pop(0)


async def test_what_reached_a_worker_is_not_asked_of_the_next_unless_it_changes_nothing() -> None:
    asked: list[str] = []

    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Takes a whole question and hangs up, as a worker that is killed."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        if length := next((int(line[15:]) for line in head.lower().split("\r\n") if line.startswith("content-length:")), 0):
            await reader.readexactly(length)
        asked.append(head.split(" ")[0])
        writer.close()

    servers = [await asyncio.start_server(break_off, HOST, 0) for _ in range(2)]
    inner = Inner([(HOST, 1), *((HOST, s.sockets[0].getsockname()[1]) for s in servers)], KEY)  # nobody listens on port 1
    with pytest.raises(Problem, match="broke off") as broken:
        await inner.ask("acme", "channels/test", body={"type": "slack"})
    assert broken.value.status == 503 and asked == ["POST"]
    with pytest.raises(Problem, match="not running"):
        await inner.ask("acme", "state")
    assert asked == ["POST", "GET", "GET"]
    await inner.close()
    for server in servers:
        server.close()
        await server.wait_closed()


def test_workers_are_named_in_the_settings() -> None:
    assert Settings(alerting_host="a", alerting_port=1, alerting_workers="b, c:3").alerting_places == [("a", 1), ("b", 1), ("c", 3)]
    assert Settings().alerting_places == [("127.0.0.1", 8082)]
    for bad in ("b:x", "b c:1:2", "http://b", "b;c"):
        with pytest.raises(ValueError, match="alerting_workers"):
            Settings(alerting_workers=bad)


def test_a_name_of_several_workers_is_bound_where_this_machine_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """192.0.2.1 (RFC 5737) is nobody's address: the next one is tried; a port that is taken is not hidden by that."""
    import socket

    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 0)) for ip in ("192.0.2.1", HOST)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: found)
    port = InnerPort("alerting", 0, "t", None, None)  # type: ignore[arg-type]  # nobody asks
    try:
        with pytest.raises(ConfigurationError, match="alerting_port"):
            InnerPort("alerting", port.port, "t", None, None)  # type: ignore[arg-type]  # as above
    finally:
        port.close()
