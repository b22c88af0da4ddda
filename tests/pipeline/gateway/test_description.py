"""The API against its own description: Schemathesis on every operation, and every example in the description sent as it stands."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from hypothesis.strategies import SearchStrategy
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from kizashi.settings import KafkaSettings, StoreSettings
from kizashi.stream.config import internal_token, load_signing_key
from services.alerting.port import InnerPort
from services.gateway.roles import ROUTES, Door
from services.gateway.settings import GatewaySettings
from tests.pipeline.gateway.house import House, house

pytestmark = pytest.mark.pipeline
EXAMPLES = 4
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
LEFT_OUT = {
    "/api/v1/stream": "never ends; tests/pipeline/gateway/test_live.py",
    "/api/v1/logout": "would end the session that asks",
    "/login": "the one-time link answers with a redirect",
}
NOT_HTTP = "Invalid HTTP request received."
LISTS = ("groups", "rules", "silences", "maintenance")
LIMITS = GatewaySettings(stale_s=0.0, warm=False, requests_per_s=100_000.0, logins_per_minute=100_000)


async def anything(method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> Any:
    """Alerting's inner answer; its own questions are judged by its own tests."""
    if path in LISTS:
        return {"items": []}
    return {"ok": True} if path == "check" else {"now": [], "given": []}


@pytest.fixture
def served(kafka: KafkaSettings, clickhouse: StoreSettings, tmp_path: Path) -> Iterator[House]:
    """A gateway on a loop of its own, so that the tests may be synchronous."""
    ready: Future[House] = Future()
    ended = threading.Event()

    async def serve() -> None:
        async with house(kafka, clickhouse, tmp_path, LIMITS) as running:
            token = internal_token(load_signing_key(running.settings.signing_key_path), "alerting")
            port = InnerPort(running.settings.alerting_host, running.settings.alerting_port, token, anything, asyncio.get_running_loop())
            ready.set_result(running)
            await asyncio.to_thread(ended.wait)
            await asyncio.to_thread(port.close)

    def work() -> None:
        try:
            asyncio.run(serve())
        except BaseException as x:
            if not ready.done():
                ready.set_exception(x)
            raise

    thread = threading.Thread(target=work, name="gateway", daemon=True)
    thread.start()
    try:
        yield ready.result(120)
    finally:
        ended.set()
        thread.join(30)


def described(running: House) -> tuple[dict[str, Any], dict[str, str]]:
    headers = {"Authorization": f"Bearer {running.keys['default/read+operate+admin']}"}
    answer = httpx.get(f"{running.url}/api/v1/openapi.json", headers=headers, timeout=30)
    found = answer.json()
    assert found["openapi"].startswith("3.1")
    passed_on = {path for (_, path), access in ROUTES.items() if access in (Door.PASSED_ON, Door.SIGNED)}
    found["paths"] = {path: item for path, item in found["paths"].items() if path not in LEFT_OUT and path not in passed_on}
    return found, headers


def cases(strategy: SearchStrategy[Any], url: str, session: requests.Session, asked: list[str]) -> Callable[[], None]:
    """A property: every case is answered as the description says. ``asked`` gets what was sent."""

    @given(case=strategy)
    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def ask(case: Any) -> None:
        asked.append(f"{case.formatted_path} {case.query} {case.body}"[:300])
        answer = case.call(base_url=url, session=session, timeout=30)
        if answer.status_code == 400 and answer.text == NOT_HTTP:
            return  # headers that are not HTTP never reach the application: the server's parser refuses them
        case.validate_response(answer, checks=CHECKS)

    return ask


# The gateway runs in a thread beside the property and draws random numbers of its own: Hypothesis takes them for the strategy's.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
def test_nothing_breaks_and_every_answer_is_described(served: House) -> None:
    description, headers = described(served)
    tried: dict[str, list[str]] = {}
    found: dict[str, str] = {}
    session = requests.Session()  # one for all: sessions that are left open are warnings, and warnings are errors
    session.headers.update(headers)
    for result in schemathesis.openapi.from_dict(description).get_all_operations():
        assert isinstance(result, Ok), result
        operation = result.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            label = f"{operation.label} {mode.value}"
            asked: list[str] = tried.setdefault(label, [])
            try:
                cases(operation.as_strategy(generation_mode=mode), served.url, session, asked)()
            except Unsatisfiable:  # an operation without anything to get wrong has no negative cases
                continue
            except (Exception, BaseExceptionGroup) as x:
                parts = x.exceptions if isinstance(x, BaseExceptionGroup) else (x,)
                found[label] = f"{asked[-1:]}: {x} {[repr(part) for part in parts]}"[:1_200]
    session.close()
    assert not found, "\n\n".join(f"{where}: {what}" for where, what in found.items())
    assert len(tried) > 100 and sum(map(len, tried.values())) > 200
    assert sum("/alertmanager/" in label for label in tried) >= 8


def test_examples_of_the_description_are_taken(served: House) -> None:
    description, headers = described(served)
    sent = 0
    with httpx.Client(base_url=served.url, headers=headers, timeout=30) as client:
        for path, methods in description["paths"].items():
            for method, operation in methods.items():
                schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
                body = example_of(schema, description["components"]["schemas"])
                if body is None or "{" in path:
                    continue
                answer = client.request(method.upper(), path, json=body)
                sent += 1
                assert answer.status_code not in (422, 500), f"{method} {path} does not take its own example {body}: {answer.text}"
    assert sent >= 4


def example_of(schema: dict[str, Any], known: dict[str, Any]) -> dict[str, Any] | None:
    """An object out of the examples of its fields; None when a required field has none."""
    if "$ref" in schema:
        schema = known[schema["$ref"].rsplit("/", 1)[-1]]
    if schema.get("examples"):
        return dict(schema["examples"][0])
    fields = schema.get("properties", {})
    given = {name: field["examples"][0] for name, field in fields.items() if field.get("examples")}
    return given if given and set(schema.get("required", ())) <= set(given) else None
