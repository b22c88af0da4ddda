"""What other services call back: signed by them, so no key and no session is asked for."""

from __future__ import annotations

import asyncio
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import Response

from kizashi.errors import InvalidMessage, Refused
from kizashi.secret_files import FOLDER, SecretFiles
from services.gateway import pagerduty
from services.gateway.answers import json_answer
from services.gateway.guard import Parts
from services.gateway.problems import Problem

router = APIRouter(prefix="/api/v1/hooks")
LARGEST_BODY = 256 << 10


@router.post("/pagerduty/{tenant}/{channel}")
async def from_pagerduty(tenant: str, channel: str, request: Request, parts: Parts) -> Response:
    """An event of a webhook subscription; 401 for whatever is not signed with the channel's secret, also when there is no such channel."""
    body = await _body(request)
    obj = parts.config.state.get("channel", channel, tenant)
    name = str((obj.body or {}).get("webhook_secret_file", "")) if obj else ""
    secret = await asyncio.to_thread(_secret, parts.settings.home / FOLDER, tenant, name)
    if not secret or not pagerduty.signed(body, request.headers.get("x-pagerduty-signature", ""), secret):
        raise Problem(401, "the signature is not that of this channel's webhook secret")
    try:
        found = pagerduty.feedback(body, tenant, parts.clock.now_ms())
    except InvalidMessage as x:
        raise Problem(400, str(x)) from x
    if found is not None:
        await parts.producer.publish_feedback(found)
    return json_answer({"taken": found is not None}, status=202)


async def _body(request: Request) -> bytes:
    """The body, never more of it than is allowed: nobody has shown who they are yet."""
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > LARGEST_BODY:
            raise Problem(413, f"an event has at most {LARGEST_BODY} bytes")
    return bytes(read)


def _secret(folder: Path, tenant: str, name: str) -> str:
    """Empty when there is none that can be read: whoever asks learns no more than that."""
    try:
        return SecretFiles(folder).read(name, tenant)
    except Refused:
        return ""
