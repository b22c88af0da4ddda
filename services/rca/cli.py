"""Commands of rca for the roof: ``kizashi eval rca IN OUT`` and ``kizashi eval alerts IN OUT``."""

from __future__ import annotations

from services.rca.case_eval import eval_rca
from services.rca.storm_eval import eval_alerts

__all__ = ["eval_alerts", "eval_rca"]
