"""People's verdicts, sent on to the models."""

from __future__ import annotations

import secrets
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from kizashi.contracts.findings import Feedback
from services.gateway.answers import json_answer
from services.gateway.guard import Parts, Who

router = APIRouter(prefix="/api/v1")


class Verdict(BaseModel):
    """What somebody thinks of an episode, alert or cause; ``undo`` takes an earlier verdict back."""

    model_config = ConfigDict(extra="forbid")
    target: str = Field(min_length=1, max_length=128, examples=["episode-f8dc359457c30cba"])
    verdict: Literal["true", "false", "expected", "duplicate", "cause", "not_cause", "acknowledge", "note"]
    series_id: str = Field(default="", pattern=r"^([0-9a-f]{16})?$")
    note: str = Field(default="", max_length=4_000)
    undo: bool = False
    id: str = Field(default="", max_length=64, description="Makes a retry harmless")


@router.post("/feedback", status_code=202)
async def give(body: Verdict, parts: Parts, who: Who) -> Response:
    """202 after Kafka has acknowledged; the models apply it within seconds and say from which sample on."""
    feedback = Feedback(
        body.id or f"feedback-{secrets.token_hex(8)}", who.tenant, body.target, body.verdict, who.name, parts.clock.now_ms(),
        body.series_id, body.note, body.undo,
    )  # fmt: skip
    await parts.producer.publish_feedback(feedback)
    return json_answer({"id": feedback.id}, status=202)
