"""Alerts of other systems: Alertmanager and Grafana at /api/v2/alerts, PagerDuty Events v2 at /v2/enqueue."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from kizashi.errors import InvalidMessage
from services.ingest.alerts_in import alert_event, decode_alerts, decode_pagerduty, pagerduty_event
from services.ingest.receivers.bodies import read_body
from services.ingest.receivers.doors import Doors
from services.ingest.receivers.problems import Problem

ALERTS_A_REQUEST = 2_000


def router(doors: Doors) -> APIRouter:
    """Both paths; 2xx only after Kafka acknowledged."""
    api = APIRouter()

    @api.post("/api/v2/alerts")
    async def alerts(request: Request) -> Response:
        """A list, as Prometheus sends it to an Alertmanager, or the webhook that Alertmanager and Grafana send."""
        tenant = doors.tenant(request)
        found = decode_alerts(await read_body(request, doors.limits))
        if len(found) > ALERTS_A_REQUEST:
            raise Problem(413, f"a request has at most {ALERTS_A_REQUEST} alerts")
        now_ms = doors.clock.now_ms()
        await doors.events.publish([alert_event(a, tenant, now_ms) for a in found])
        return JSONResponse({"accepted": len(found)}, 200)

    @api.post("/v2/enqueue", status_code=202)
    async def enqueue(request: Request) -> Response:
        """PagerDuty's answers: 202 with the dedup key, 400 with errors. The key is the routing key or a header."""
        body = await read_body(request, doors.limits)
        try:
            event = decode_pagerduty(body)
        except InvalidMessage as x:
            doors.tenant(request)  # who has no key learns nothing more
            wrong = {"status": "invalid event", "message": "Event object is invalid", "errors": [str(x)]}
            return JSONResponse(wrong, 400)
        now_ms = doors.clock.now_ms()
        tenant = doors.keys.key_tenant(event.routing_key, now_ms) or doors.tenant(request)
        made, key = pagerduty_event(event, tenant, now_ms)
        await doors.events.publish([made])
        return JSONResponse({"status": "success", "message": "Event processed", "dedup_key": key}, 202)

    return api
