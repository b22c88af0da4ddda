"""How far the load goes ahead: of its rate, of the store where it is told to, and never of the clock."""

from __future__ import annotations

from services.demo.load import Order, Sender, instructions


def ahead(order: Order, sent: int, elapsed_s: float = 1.0, landed: int = 0) -> bool:
    """Whether the sender waits."""
    sender = Sender(order)
    sender.sent, sender.landed = sent, landed
    return sender._ahead(elapsed_s)


def test_nobody_has_to_tell_the_sender_what_has_landed() -> None:
    order = Order("nowhere:1", rate=50_000, seconds=3_600)
    assert not ahead(order, 50_000 * 600, elapsed_s=600)
    assert ahead(order, 50_000 * 601, elapsed_s=600)


def test_a_bound_that_is_named_holds() -> None:
    order = Order("nowhere:1", outstanding=1_000)
    assert ahead(order, 1_001) and not ahead(order, 1_001, landed=1)


def test_times_of_few_series_do_not_run_ahead_of_the_clock() -> None:
    assert ahead(Order("nowhere:1", series=10), 10 * 1_100)
    assert not ahead(Order("nowhere:1", series=10), 10 * 1_000)
    assert ahead(Order("nowhere:1", series=10, rate=1_000_000), 10 * 1_100)


def test_a_load_without_end_can_be_ordered() -> None:
    order = Order("nowhere:1", seconds=float("inf"))
    assert "Infinity" in instructions(order) and ahead(order, 10**9, elapsed_s=10.0)
