"""docker-compose.yml and its files, as far as they can be checked without Docker: shape, names, settings, commands."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from services import wiring
from services.roof import plan
from services.roof.catalogue import PANELS
from services.roof.serve import SERVICES

ROOT = Path(__file__).parents[3]
CORE = {"ingest", "anomaly", "forecast", "rca", "alerting", "sink", "gateway"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    return {key: value for key, value in document.items() if not key.startswith("x-")}


@pytest.fixture(scope="module")
def ours(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: service for name, service in compose["services"].items() if service["image"].startswith("kizashi:")}


def test_shape_is_that_of_the_compose_specification(compose: dict[str, Any]) -> None:
    schema = json.loads((ROOT / "tests" / "data" / "compose.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(compose)


def test_every_name_that_is_used_is_defined(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name, service in services.items():
        assert set(service.get("depends_on", {})) <= set(services), name
        assert set(service.get("secrets", [])) <= set(compose["secrets"]), name
        assert set(service.get("networks", [])) <= set(compose["networks"]), name
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert (ROOT / source).exists() if source.startswith(".") else source in compose["volumes"], f"{name}: {volume}"


def test_waited_for_services_can_say_that_they_are_healthy(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        for other, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "test" in compose["services"][other].get("healthcheck", {}), f"{name} waits for {other}"


def test_every_service_of_the_house_is_there_with_a_real_command(ours: dict[str, dict[str, Any]]) -> None:
    assert CORE <= set(ours) - {"prepare"} <= {name for name in SERVICES if plan.installed(name)}
    commands = {name for panel in PANELS.values() for name in panel}
    for name, service in ours.items():
        assert service["command"][0] in commands
        assert service["command"] == (["prepare"] if name == "prepare" else ["run", name])


def test_settings_of_the_containers_are_known_and_safe(ours: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret")
    environ = {k: str(v) for k, v in ours["anomaly"]["environment"].items()}
    settings = wiring.load(environ | {"KIZASHI_CLICKHOUSE_PASSWORD_FILE": str(tmp_path / "password"), "KIZASHI_HOME": str(tmp_path)})
    assert settings.environment == "production" and settings.kafka.bootstrap == "kafka:9092" and settings.store.host == "clickhouse"
    assert settings.observe_port == 9600 and settings.redis is not None


def test_containers_of_ours_are_locked_down(ours: dict[str, dict[str, Any]]) -> None:
    for name, service in ours.items():
        assert service["read_only"] and service["cap_drop"] == ["ALL"] and service["user"] != "0:0", name
        assert "no-new-privileges:true" in service["security_opt"], name


def test_no_image_floats(compose: dict[str, Any]) -> None:
    assert not [s["image"] for s in compose["services"].values() if s["image"].endswith(":latest")]


def test_prometheus_scrapes_the_services_on_their_observe_port(ours: dict[str, dict[str, Any]]) -> None:
    (job,) = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"]
    (found,) = job["dns_sd_configs"]
    assert set(found["names"]) == set(ours) - {"prepare"}
    assert str(found["port"]) == ours["sink"]["environment"]["KIZASHI_OBSERVE_PORT"]


def test_haproxy_checks_readiness_and_names_the_gateway() -> None:
    text = (ROOT / "deploy" / "haproxy" / "haproxy.cfg").read_text(encoding="utf-8")
    assert re.search(r"httpchk GET /readyz", text) and re.search(r"check port 9600", text)
    assert re.search(r"server-template gateway \S+ gateway:8080", text)


@pytest.mark.parametrize("file", ["datasources/clickhouse.yaml", "dashboards/kizashi.yaml"])
def test_grafana_files_are_yaml_of_version_1(file: str) -> None:
    assert yaml.safe_load((ROOT / "deploy" / "grafana" / "provisioning" / file).read_text(encoding="utf-8"))["apiVersion"] == 1
