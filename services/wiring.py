"""The one place that knows where things are: ``kizashi.toml`` and ``KIZASHI_*`` variables in, ``Settings`` out.

A variable beats the file; a running ``kizashi up`` on the same home folder fills in what neither names. Keys nobody knows are an error.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import cast
from urllib.parse import unquote, urlsplit

from pydantic import ValidationError

from kizashi.errors import ConfigurationError
from kizashi.settings import Settings
from kizashi.standalone import home as house

Tree = dict[str, object]
PREFIX = "KIZASHI_"
PLAIN = {"HOME": "home", "KAFKA": "kafka.bootstrap", "REDIS": "redis", "CLICKHOUSE_PASSWORD_FILE": "store.password_file"}
"""Variables with a name of their own; every other is the setting's path in capitals, a double underscore between levels."""
NOT_SETTINGS = frozenset({"CONFIG", "MAVEN_REPOSITORY", "TOOLS", "PROFILE", "URL", "KEY"})
"""Read elsewhere, before there are settings."""
PLACES = ("kafka.bootstrap", "store.host")
"""What a running house fills in when it is not named."""


def load(environ: Mapping[str, str] | None = None, **override: object) -> Settings:
    """Settings of this process. ``override`` takes dotted paths with ``__`` between levels (``one_machine__demo=False``); None is left out.

    Raises ConfigurationError with one line a mistake.
    """
    environ = os.environ if environ is None else environ
    tree: Tree = {}
    from_variables = _from_environment(environ)
    given = {path.replace("__", "."): value for path, value in override.items() if value is not None}
    home = Path(str(given.get("home") or from_variables.get("home") or ".kizashi"))
    for path, value in _flat(_from_file(environ, home)):
        _put(tree, path, value)
    for path, value in {**from_variables, **given}.items():
        _put(tree, path, value)
    _read_password(tree)
    _fill_in(tree, Path(str(tree.get("home", home))))
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        raise ConfigurationError(_mistakes(error)) from error
    refuse_unsafe(settings)
    return settings


def refuse_unsafe(settings: Settings) -> None:
    """Outside development the defaults that trust the machine are refused. Raises ConfigurationError."""
    if settings.environment == "development":
        return
    wrong = []
    if not settings.store.password.get_secret_value():
        wrong.append("store.password is empty: set KIZASHI_CLICKHOUSE_PASSWORD_FILE")
    if settings.kafka.security.startswith("SASL") and not settings.kafka.password.get_secret_value():
        wrong.append("kafka.password is empty: set it in kizashi.toml or KIZASHI_KAFKA__PASSWORD")
    if settings.signing_key_file is None:
        wrong.append("signing_key_file is not set: every replica must share one key")
    if wrong:
        raise ConfigurationError("not safe for production:\n  " + "\n  ".join(wrong))


def environment_for_children(settings: Settings) -> dict[str, str]:
    """Variables that give a child process the same settings. Passwords travel as files, never in the environment."""
    store = settings.store
    where = f"{'https' if store.secure else 'http'}://{store.user}@{store.host}:{store.port}/{store.database}"
    return {
        "KIZASHI_HOME": str(settings.home.absolute()),
        "KIZASHI_BIND": settings.bind,
        "KIZASHI_PORT": str(settings.port),
        "KIZASHI_INGEST_PORT": str(settings.ingest_port),
        "KIZASHI_ALERTING_PORT": str(settings.alerting_port),
        "KIZASHI_KAFKA": settings.kafka.bootstrap,
        "KIZASHI_CLICKHOUSE": where,
        "KIZASHI_CLICKHOUSE_PASSWORD_FILE": str(house.store_password_file(settings.home).absolute()),
        "KIZASHI_LOG_LEVEL": settings.log_level,
    }


def _from_environment(environ: Mapping[str, str]) -> Tree:
    found: Tree = {}
    for name, value in environ.items():
        key = name.removeprefix(PREFIX)
        if not name.startswith(PREFIX) or key in NOT_SETTINGS or key.startswith("TEST_") or value == "":
            continue
        if key == "CLICKHOUSE":
            found |= store_address(value)
        else:
            found[PLAIN.get(key, key.lower().replace("__", "."))] = value
    return found


def store_address(url: str) -> Tree:
    """``http[s]://user:password@host:port/database`` as settings. Raises ConfigurationError for anything else."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(f"KIZASHI_CLICKHOUSE must look like http://user:password@host:8123/kizashi, not {parts.scheme}://…")
    secure = parts.scheme == "https"
    found: Tree = {"store.host": parts.hostname, "store.secure": secure, "store.port": parts.port or (8443 if secure else 8123)}
    if parts.username:
        found["store.user"] = unquote(parts.username)
    if parts.password:
        found["store.password"] = unquote(parts.password)
    if parts.path.strip("/"):
        found["store.database"] = parts.path.strip("/")
    return found


def _from_file(environ: Mapping[str, str], home: Path) -> Tree:
    named = environ.get("KIZASHI_CONFIG")
    for place in [Path(named)] if named else [Path("kizashi.toml"), home / "kizashi.toml"]:
        if place.is_file():
            try:
                return tomllib.loads(place.read_text(encoding="utf-8"))
            except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
                raise ConfigurationError(f"{place} is not TOML: {error}") from error
    if named:
        raise ConfigurationError(f"KIZASHI_CONFIG names {named}, which is not there")
    return {}


def _flat(tree: Tree, prefix: str = "") -> list[tuple[str, object]]:
    flat: list[tuple[str, object]] = []
    for key, value in tree.items():
        path = f"{prefix}{key}"
        flat += _flat(cast(Tree, value), f"{path}.") if isinstance(value, dict) else [(path, value)]
    return flat


def _put(tree: Tree, path: str, value: object) -> None:
    *parents, leaf = path.split(".")
    for parent in parents:
        below = tree.setdefault(parent, {})
        if not isinstance(below, dict):
            raise ConfigurationError(f"{path}: {parent} is not a section")
        tree = below
    if isinstance(tree.get(leaf), dict):
        raise ConfigurationError(f"{path}: {leaf} is a section, not a value")
    tree[leaf] = value


def _get(tree: Tree, path: str) -> object:
    *parents, leaf = path.split(".")
    for parent in parents:
        tree = cast(Tree, tree.get(parent, {}))
    return tree.get(leaf)


def _read_password(tree: Tree) -> None:
    """``store.password_file`` is a way to say the password, not a setting."""
    store = cast(Tree, tree.get("store", {}))
    if file := store.pop("password_file", None):
        try:
            store["password"] = Path(str(file)).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ConfigurationError(f"KIZASHI_CLICKHOUSE_PASSWORD_FILE: {error}") from error


def _fill_in(tree: Tree, home: Path) -> None:
    """Addresses of the house that runs on this home folder, and its store password."""
    file = home / "run" / "addresses.json"
    if any(_get(tree, place) is not None for place in PLACES) or not file.is_file():
        return
    for path, value in json.loads(file.read_text(encoding="utf-8")).items():
        if _get(tree, path) is None:
            _put(tree, path, value)
    password = house.store_password_file(home)
    if _get(tree, "store.password") is None and password.is_file():
        _put(tree, "store.password", password.read_text(encoding="utf-8").strip())


def _mistakes(error: ValidationError) -> str:
    lines = []
    for mistake in error.errors(include_url=False):
        path = ".".join(map(str, mistake["loc"]))
        said = "nobody knows this setting" if mistake["type"] == "extra_forbidden" else str(mistake["msg"])
        lines.append(f"{path} ({PREFIX}{path.upper().replace('.', '__')}): {said}")
    return "settings cannot be taken; docs/reference/settings.md lists them:\n  " + "\n  ".join(lines)
