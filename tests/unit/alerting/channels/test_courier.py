"""The courier: at least once, in order within a group, patient but not for ever. Time is a manual clock's."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pytest

from kizashi.clock import ManualClock
from kizashi.contracts.findings import Delivery
from services.alerting.channels import courier as c
from services.alerting.channels.courier import Courier
from services.alerting.channels.outcome import Outcome
from services.alerting.notification import Notification
from services.alerting.queues import ChannelQueue, Job
from tests.unit.alerting.channels.outboxes import MemoryOutbox, ScriptedSender, message

RETRY, FAILED, SENT = Outcome("retry", "down"), Outcome("failed", "wrong"), Outcome("sent")


async def carried(
    outbox: MemoryOutbox, sender: ScriptedSender, until: Callable[[], bool], clock: ManualClock | None = None, tick_s: float = 1.0,
    each: Callable[[ManualClock], None] = lambda _: None,
) -> ManualClock:  # fmt: skip
    """Run a courier while the clock is pushed on, until ``until`` holds."""
    clock, stop = clock or ManualClock(1_000_000), asyncio.Event()
    courier = Courier(outbox, sender, clock, look_every_s=0.001)
    running = asyncio.create_task(courier.run(stop))
    for _ in range(200_000):
        if until() or running.done():
            break
        courier.wake()
        await asyncio.sleep(0)
        clock.advance(tick_s)
        each(clock)
    stop.set()
    await running
    assert until(), "it never came to that"
    return clock


async def test_a_notification_is_sent_once_and_written_down() -> None:
    outbox, sender = MemoryOutbox(), ScriptedSender()
    outbox.add(message())
    await carried(outbox, sender, lambda: not outbox.waiting)
    (delivery,) = outbox.deliveries
    assert (delivery.state, delivery.attempt, delivery.dedup_key, len(sender.tried)) == ("sent", 1, message().key, 1)


async def test_a_group_is_told_in_order_and_a_resolution_never_overtakes_its_alert() -> None:
    outbox = MemoryOutbox()
    sender = ScriptedSender(lambda n, tried: RETRY if n.sequence == 0 and tried < 5 else SENT)
    outbox.add(*(message(i) for i in (2, 0, 1)))
    await carried(outbox, sender, lambda: not outbox.waiting)
    done = [d.dedup_key for d in outbox.deliveries if d.state == "sent"]
    assert done == [message(i).key for i in range(3)] and len(sender.tried) == 8


async def test_groups_do_not_wait_for_one_another() -> None:
    outbox = MemoryOutbox()
    sender = ScriptedSender(lambda n, _tried: RETRY if n.group == "ill" else SENT)
    outbox.add(message(group="ill"), *(message(group=f"g{i}") for i in range(3)))
    await carried(outbox, sender, lambda: len(outbox.waiting) == 1)
    assert list(outbox.waiting) == [message(group="ill").key]


async def test_without_a_fallback_it_is_tried_for_four_hours_and_then_given_up_aloud() -> None:
    outbox, sender = MemoryOutbox(), ScriptedSender(lambda _n, _t: RETRY)
    clock = ManualClock(1_000_000)
    outbox.add(message(created_ms=clock.now_ms()))
    await carried(outbox, sender, lambda: not outbox.waiting, clock, tick_s=5)
    spent_s = (outbox.deliveries[-1].at_ms - 1_000_000) / 1_000
    assert outbox.deliveries[-1].state == "failed" and 14_400 <= spent_s <= 14_400 + 310
    assert {d.state for d in outbox.deliveries[:-1]} == {"retry"} and 30 < len(outbox.deliveries) < 120


async def test_the_fallback_takes_over_at_once_from_a_wrong_channel_and_after_the_budget_from_a_silent_one() -> None:
    for answer, least_s, most_s in ((FAILED, 0, 30), (RETRY, 300, 700)):
        outbox = MemoryOutbox(fallbacks={"a": "b"})
        sender = ScriptedSender(lambda n, _t, answer=answer: answer if n.channel == "a" else SENT, {"a": "b"}, 300)  # type: ignore[misc]
        clock = ManualClock(1_000_000)
        outbox.add(message(created_ms=clock.now_ms()))
        await carried(outbox, sender, lambda box=outbox: not box.waiting, clock)  # type: ignore[misc]
        last = outbox.deliveries[-1]
        assert (last.state, last.channel) == ("sent", "b") and least_s <= (last.at_ms - 1_000_000) / 1_000 <= most_s


async def test_a_wrong_channel_without_a_fallback_can_still_be_repaired() -> None:
    outbox = MemoryOutbox()
    sender = ScriptedSender(lambda _n, tried: FAILED if tried < 3 else SENT)
    outbox.add(message())
    await carried(outbox, sender, lambda: not outbox.waiting, tick_s=10)
    assert [d.state for d in outbox.deliveries] == ["retry", "retry", "retry", "sent"]


async def test_retry_after_holds_the_whole_channel_and_no_other() -> None:
    outbox = MemoryOutbox()
    limited = Outcome("retry", "HTTP 429", 60.0)
    sender = ScriptedSender(lambda n, tried: limited if n.group == "g0" and tried == 0 else SENT)
    outbox.add(message(group="g0"))
    clock = ManualClock(1_000_000)
    await carried(outbox, sender, lambda: len(outbox.deliveries) == 1, clock)
    # a new courier would know nothing of the pause; the same one is asked here, with more to tell on two channels
    outbox, sender.tried = MemoryOutbox(), []
    outbox.add(message(group="g0"))

    def more(now: ManualClock) -> None:
        if len(outbox.deliveries) == 1 and len(outbox.waiting) == 1:
            outbox.add(message(group="g1"), message(group="g2", channel="b"))

    await carried(outbox, sender, lambda: len(outbox.deliveries) == 4, clock, each=more)
    at = {d.dedup_key: d.at_ms for d in outbox.deliveries if d.state == "sent"}
    first = outbox.deliveries[0].at_ms
    assert at[message(group="g2", channel="b").key] - first < 10_000
    assert at[message(group="g1").key] - first >= 60_000 and at[message(group="g0").key] - first >= 60_000


async def test_the_breaker_spares_a_dead_channel() -> None:
    outbox, sender = MemoryOutbox(), ScriptedSender(lambda n, _t: RETRY if n.channel == "a" else SENT)
    clock = ManualClock(1_000_000)
    outbox.add(*(message(group=f"g{i}", created_ms=clock.now_ms()) for i in range(500)), message(channel="b"))
    await carried(outbox, sender, lambda: clock.now_ms() > 1_000_000 + 3_600_000, clock, tick_s=5)
    assert len(sender.tried) < 60, "500 messages for an hour: the breaker lets a probe through every five minutes"
    assert message(channel="b").key not in outbox.waiting


async def test_after_an_outage_everything_arrives() -> None:
    outbox = MemoryOutbox()
    clock = ManualClock(1_000_000)
    sender = ScriptedSender(lambda _n, _t: SENT if clock.now_ms() > 1_000_000 + 900_000 else RETRY)
    outbox.add(*(message(i % 3, f"g{i // 3}", created_ms=clock.now_ms()) for i in range(300)))
    await carried(outbox, sender, lambda: not outbox.waiting, clock)
    assert sum(d.state == "sent" for d in outbox.deliveries) == 300 and clock.now_ms() < 1_000_000 + 900_000 + 700_000


@pytest.mark.parametrize("jump_s", [7_200, -7_200, 10 * 365 * 86_400])
async def test_a_jumping_wall_clock_spends_no_budget(jump_s: int) -> None:
    class Jumping(ManualClock):
        offset_ms = 0

        def now_ms(self) -> int:
            return super().now_ms() + self.offset_ms

        def monotonic_s(self) -> float:
            return super().now_ms() / 1_000

    clock = Jumping(20_000_000_000)
    outbox, sender = MemoryOutbox(), ScriptedSender(lambda _n, tried: RETRY if tried < 6 else SENT)
    outbox.add(message(created_ms=clock.now_ms()))

    def jump(now: ManualClock) -> None:
        clock.offset_ms = jump_s * 1_000 if len(outbox.deliveries) > 2 else 0

    await carried(outbox, sender, lambda: not outbox.waiting, clock, each=jump)
    assert [d.state for d in outbox.deliveries] == ["retry"] * 6 + ["sent"]


async def test_a_record_that_kafka_does_not_take_is_written_again_and_nothing_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(c, "RECORD_AGAIN_S", 0.0)
    outbox, sender = MemoryOutbox(down=3), ScriptedSender()
    outbox.add(message())
    await carried(outbox, sender, lambda: not outbox.waiting)
    assert len(sender.tried) == 1 and len(outbox.deliveries) == 1


async def test_what_another_worker_has_told_is_forgotten() -> None:
    outbox, sender = MemoryOutbox(), ScriptedSender(lambda _n, _t: RETRY)
    outbox.add(message(0), message(1))

    def told(now: ManualClock) -> None:
        if len(outbox.deliveries) == 2:
            outbox.waiting.clear()

    clock = await carried(outbox, sender, lambda: len(outbox.deliveries) == 2, each=told)
    await carried(outbox, sender, lambda: clock.now_ms() > 10_000_000, clock, tick_s=60)
    assert len(sender.tried) == 2


def test_an_older_message_that_comes_during_an_attempt_takes_no_part_in_its_end() -> None:
    queue, older = ChannelQueue(), Job(message(1), 0.0, 0)
    queue.add(Job(message(2), 0.0, 0))
    under_way = queue.take(0.0)
    assert under_way is not None
    queue.add(older)  # another channel gave it up, and this one is its fallback
    queue.remove({under_way.n.key})
    queue.give_back(under_way, settled=True)
    assert queue.take(0.0) is older


async def test_a_bug_in_one_message_stops_no_other() -> None:
    def judge(n: Notification, tried: int) -> Outcome:
        if n.group == "bad":
            raise ZeroDivisionError
        return SENT

    outbox, sender = MemoryOutbox(fallbacks={"a": "b"}), ScriptedSender(judge, {"a": "b"})
    outbox.add(message(group="bad"), message(group="good"))
    await carried(outbox, sender, lambda: len([d for d in outbox.deliveries if d.state == "sent"]) == 1)
    assert any(d.state == "failed" and "ZeroDivisionError" in d.text for d in outbox.deliveries)


@pytest.mark.parametrize("seed", range(20))
async def test_whatever_fails_each_state_is_told_and_in_order(seed: int) -> None:
    """Random outcomes, groups and channels: nothing is lost, order within a group and channel holds, hands stay bounded."""
    rng = random.Random(seed)
    under_way, most = [0], [0]

    class Sender(ScriptedSender):
        async def send(self, n: Notification) -> Outcome:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
            await asyncio.sleep(0)
            under_way[0] -= 1
            return await super().send(n)

    outbox = MemoryOutbox()
    sender = Sender(lambda _n, _t: rng.choice([SENT, SENT, RETRY, FAILED, Outcome("retry", "", 3.0)]))
    told = [message(s, f"g{rng.randrange(8)}", rng.choice("abcdef"), 1_000_000) for s in range(200)]
    outbox.add(*rng.sample(told, len(told)))
    await carried(outbox, sender, lambda: not outbox.waiting, tick_s=3)
    done: dict[tuple[str, str], list[int]] = {}
    by_key = {n.key: n for n in told}
    for d in outbox.deliveries:
        if d.state == "sent":
            n = by_key[d.dedup_key]
            done.setdefault((n.channel, n.group), []).append(n.sequence)
    assert all(line == sorted(line) for line in done.values()) and sum(map(len, done.values())) == 200
    assert most[0] <= c.AT_ONCE


async def test_a_fault_ends_the_courier_loudly() -> None:
    async def fault(step: c.Step, key: str) -> None:
        if step == "recorded":
            raise MemoryError

    outbox = MemoryOutbox()
    outbox.add(message())
    with pytest.raises(MemoryError):
        await Courier(outbox, ScriptedSender(), ManualClock(), fault=fault, look_every_s=0.001).run(asyncio.Event())


async def test_everybody_who_wants_to_know_hears_of_a_delivery() -> None:
    heard: list[Delivery] = []
    outbox, stop = MemoryOutbox(), asyncio.Event()
    outbox.add(message())

    def hear(d: Delivery) -> None:
        heard.append(d)
        stop.set()

    await Courier(outbox, ScriptedSender(), ManualClock(), on_delivery=hear).run(stop)
    assert [d.state for d in heard] == ["sent"]
