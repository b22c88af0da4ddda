"""Matchers of labels: the contract's, which the gateway reads too."""

from __future__ import annotations

from kizashi.contracts.matchers import Matcher, all_match, matcher, matchers

__all__ = ["Matcher", "all_match", "matcher", "matchers"]
