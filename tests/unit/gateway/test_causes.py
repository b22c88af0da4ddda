"""Shares of judged incidents that were ranked right."""

from __future__ import annotations

from services.gateway.routes.causes import _shares


def test_shares_add_up_over_days_and_are_unknown_without_any() -> None:
    days = [{"judged": 3, "first": 1, "among_three": 2}, {"judged": 1, "first": 1, "among_three": 1}]
    assert _shares(days) == {"judged": 4, "top1": 0.5, "top3": 0.75}
    assert _shares([]) == {"judged": 0, "top1": None, "top3": None}
