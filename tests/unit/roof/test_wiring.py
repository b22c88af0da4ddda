"""Settings: file, variables, a running house, and the mistakes that must be named."""

from __future__ import annotations

from pathlib import Path

import pytest

from kizashi.errors import ConfigurationError
from kizashi.standalone import home as house
from services import wiring


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_defaults_need_nothing() -> None:
    assert wiring.load({}).port == 8080


def test_variables_beat_the_file(tmp_path: Path) -> None:
    (tmp_path / "kizashi.toml").write_text('port = 9000\ntenant = "shop"\n[kafka]\nbootstrap = "file:9092"\n')
    settings = wiring.load({"KIZASHI_PORT": "9001", "KIZASHI_KAFKA": "broker:9092", "KIZASHI_KAFKA__PARTITIONS": "6"})
    assert (settings.port, settings.tenant) == (9001, "shop")
    assert (settings.kafka.bootstrap, settings.kafka.partitions) == ("broker:9092", 6)


def test_clickhouse_address_with_password(tmp_path: Path) -> None:
    store = wiring.load({"KIZASHI_CLICKHOUSE": "https://ann:s%40fe@ch.example/metrics"}).store
    assert (store.host, store.port, store.secure, store.user, store.database) == ("ch.example", 8443, True, "ann", "metrics")
    assert store.password.get_secret_value() == "s@fe" and "s@fe" not in repr(store)


def test_password_comes_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hidden\n")
    settings = wiring.load({"KIZASHI_CLICKHOUSE_PASSWORD_FILE": str(tmp_path / "password")})
    assert settings.store.password.get_secret_value() == "hidden"


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"KIZASHI_PROT": "1"}, r"prot \(KIZASHI_PROT\): nobody knows this setting"),
        ({"KIZASHI_PORT": "many"}, r"port \(KIZASHI_PORT\)"),
        ({"KIZASHI_CLICKHOUSE": "ftp://x"}, "must look like"),
        ({"KIZASHI_CONFIG": "/nowhere.toml"}, "not there"),
        ({"KIZASHI_CLICKHOUSE_PASSWORD_FILE": "/nowhere"}, "PASSWORD_FILE"),
        ({"KIZASHI_PORT__X": "1", "KIZASHI_PORT": "1"}, "port"),
    ],
)
def test_mistakes_are_named(environ: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        wiring.load(environ)


def test_unsafe_defaults_are_refused_in_production() -> None:
    with pytest.raises(ConfigurationError, match=r"(?s)store.password is empty.*signing_key_file"):
        wiring.load({"KIZASHI_ENVIRONMENT": "production"})


def test_running_house_fills_in_its_addresses(tmp_path: Path) -> None:
    home = tmp_path / "h"
    (home / "run").mkdir(parents=True)
    house.make_secrets(home)
    house.write_addresses(home, {"kafka.bootstrap": "127.0.0.1:1234", "store.port": 4321, "port": 5555})
    settings = wiring.load({"KIZASHI_HOME": str(home)})
    assert (settings.kafka.bootstrap, settings.store.port, settings.port) == ("127.0.0.1:1234", 4321, 5555)
    assert settings.store.password.get_secret_value() == house.store_password_file(home).read_text()
    named = wiring.load({"KIZASHI_HOME": str(home), "KIZASHI_KAFKA": "other:9092"})
    assert named.kafka.bootstrap == "other:9092" and named.store.port == 8123


def test_children_get_the_same_settings_and_no_password_in_the_environment(tmp_path: Path) -> None:
    home = tmp_path / "h"
    house.make_secrets(home)
    password = house.store_password_file(home).read_text()
    told = wiring.load(
        {"KIZASHI_HOME": str(home), "KIZASHI_CLICKHOUSE": f"http://kizashi:{password}@127.0.0.1:77/db", "KIZASHI_KAFKA": "k:1"}
    )
    variables = wiring.environment_for_children(told)
    assert password not in str(variables)
    again = wiring.load(variables)
    assert again.store == told.store and again.kafka == told.kafka and again.port == told.port


def test_limits_of_ingest_are_settings_too(tmp_path: Path) -> None:
    (tmp_path / "kizashi.toml").write_text("[ingest]\nlabels = 5\n")
    limits = wiring.load({"KIZASHI_INGEST__NAME_BYTES": "64"}).ingest
    assert (limits.labels, limits.name_bytes, limits.request_samples) == (5, 64, 10_000)
    with pytest.raises(ConfigurationError, match=r"ingest\.labels"):
        wiring.load({"KIZASHI_INGEST__LABELS": "0"})
