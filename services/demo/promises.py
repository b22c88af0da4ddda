"""What the demo landscape promises: objectives of its services and of its desk, written once, and not again when somebody deletes them."""

from __future__ import annotations

from typing import Any

from kizashi.contracts.findings import ConfigChange
from kizashi.errors import ConfigurationError, Conflict
from kizashi.observe.logs import logger
from kizashi.settings import Settings
from kizashi.stream.config import ConfigFold, ConfigWriter, load_signing_key
from kizashi.stream.loop_producer import LoopProducer
from services.demo.desk import PRIORITIES

Body = dict[str, Any]


def _answers(service: str, threshold_ms: float) -> Body:
    metric = {"metric": "latency_p95_ms", "labels": {"service": service}}
    return {"name": f"{service} answers within {threshold_ms:g} ms", "entity": service, "objective": 0.99, "kind": "latency",
            "metric": metric, "threshold": threshold_ms, "window": "28d"}  # fmt: skip


def _errors(service: str, share: float) -> Body:
    metric = {"metric": "error_ratio", "labels": {"service": service}}
    return {"name": f"{service} fails less than {100 * share:g} %", "entity": service, "objective": 0.98, "kind": "latency",
            "metric": metric, "threshold": share, "window": "7d"}  # fmt: skip


PROMISED: tuple[tuple[str, str, Body], ...] = (
    ("slo", "demo-web-latency", _answers("web", 170.0)),
    ("slo", "demo-checkout-latency", _answers("checkout", 280.0)),
    ("slo", "demo-payments-errors", _errors("payments", 0.05)),
    ("slo", "demo-orders-db-errors", _errors("orders-db", 0.05)),
    ("limit", "demo-memory", {"metric": "memory_ratio", "labels": {"env": "demo"}, "threshold": 0.85}),
    *(
        ("promise", f"demo-{priority.lower()}", {"priority": priority, "respond_s": 60.0 * answer, "resolve_s": 3_600.0 * hours})
        for (priority, _, _), answer, hours in zip(PRIORITIES, (15.0, 30.0, 60.0), (2.0, 4.0, 12.0), strict=True)
    ),
)
"""Kind, id and body of each configuration object."""


async def introduce(settings: Settings, now_ms: int) -> None:
    """Write what was never there. Without the house's signing key (a demo elsewhere) nothing is promised."""
    try:
        key = load_signing_key(settings.signing_key_path)
    except ConfigurationError as x:
        logger().info("demo.no_promises", why=str(x))
        return
    fold = ConfigFold(settings.kafka, key)
    async with LoopProducer(settings.kafka) as producer:
        await fold.start()
        try:
            for kind, id_, body in PROMISED:
                if not fold.state.versions(kind, id_, settings.tenant):
                    change = ConfigChange(kind, id_, 0, body, "demo", now_ms, f"demo-{kind}-{id_}", settings.tenant)
                    await _write(ConfigWriter(fold, producer.send), change)
        finally:
            await fold.stop()


async def _write(writer: ConfigWriter, change: ConfigChange) -> None:
    try:
        await writer.write(change)
    except Conflict:
        return  # somebody wrote one of this name meanwhile: theirs counts
