"""Keys of the key file in the audit trail: who made them and who took them back, once each, and never a hash of a secret."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from kizashi.contracts import codec
from kizashi.contracts.findings import ConfigChange
from kizashi.errors import ConfigurationError
from kizashi.key_file import KeyFile
from kizashi.stream.config import ConfigState, sign
from services.gateway.configuration import accepted
from services.gateway.credentials import new_key
from services.gateway.directory import Directory
from services.gateway.file_keys import read, untold
from services.ingest.keys import KeyRing

KEY = b"k" * 32
NOW = 1_790_000_000_000
Record = dict[str, object]


class Log:
    """The configuration log with a gateway and an ingest lane behind it, and the key file before it."""

    def __init__(self, home: Path) -> None:
        self.file = home / "api_keys.json"
        self.state, self.directory, self.ring = ConfigState(KEY), Directory(self.file), KeyRing(self.file)

    def tell(self, *records: object) -> list[ConfigChange]:
        self.file.write_text(json.dumps(records))
        found = list(untold(read(self.file), self.state, NOW))
        for change in found:
            self.write(change)
        return found

    def write(self, change: ConfigChange) -> None:
        new = self.state.apply(codec.encode(sign(change, KEY)))
        assert new is not None
        self.directory.apply(new)
        self.ring.fold(new.id, new.tenant, new.body)

    def opens(self, key: str) -> tuple[bool, bool]:
        return self.directory.key(key.split(".")[0]) is not None, self.ring.key_tenant(key, NOW) is not None


def record(**more: object) -> tuple[str, Record]:
    text, prefix, sha256 = new_key()
    made: Record = {"prefix": prefix, "sha256": sha256, "tenant": "default", "scopes": ["ingest", "read"], "name": "collector"}
    return text, made | {"expires_ms": NOW + 1, "made_by": "cli:mika", "made_at_ms": 7} | more


def revoked(made: Record) -> Record:
    return {n: v for n, v in made.items() if n != "sha256"} | {"revoked_by": "cli:ken", "revoked_at_ms": 9}


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)


def test_a_key_is_told_once_with_its_maker_and_without_its_hash(log: Log) -> None:
    text, made = record()
    (change,) = log.tell(made)
    assert (change.kind, change.id, change.author, change.made_at_ms) == ("key", made["prefix"], "cli:mika", 7)
    assert change.body == {"name": "collector", "scopes": ["ingest", "read"], "expires_ms": NOW + 1, "kept": "file"}
    assert str(made["sha256"]).encode() not in msgspec.json.encode(change)
    assert log.tell(made) == [] and log.opens(text) == (True, True), "the file makes it valid, and the entry takes nothing away"


def test_a_revoked_key_opens_nothing_and_the_trail_has_who_took_it_back(log: Log) -> None:
    text, made = record()
    log.tell(made)
    (change,) = log.tell(revoked(made))
    assert (change.author, change.made_at_ms, change.body, change.based_on) == ("cli:ken", 9, None, 1)
    assert log.opens(text) == (False, False) and log.tell(revoked(made)) == []
    entries = [(e.change.author, e.change.body is None) for e in log.directory.trail.newest("default")]
    assert entries == [("cli:ken", True), ("cli:mika", False)]


def test_made_and_revoked_while_no_gateway_ran_are_two_entries(log: Log) -> None:
    _, made = record()
    assert [(c.author, c.based_on) for c in log.tell(revoked(made))] == [("cli:mika", 0), ("cli:ken", 1)]


def test_a_key_deleted_through_the_api_opens_nothing_although_the_file_has_it(log: Log) -> None:
    text, made = record()
    log.tell(made)
    log.write(ConfigChange("key", str(made["prefix"]), 1, None, "admin", NOW, "by-api", "default"))
    assert log.opens(text) == (False, False) and log.tell(made) == [] and log.tell(revoked(made)) == []
    _, other = record(prefix=made["prefix"], tenant="acme", made_by="")
    log.tell(other)
    assert log.directory.key(str(made["prefix"])) is not None, "a deletion counts in its own tenant alone"


def test_a_key_of_the_file_is_not_changed_in_the_log(log: Log) -> None:
    _, made = record()
    log.tell(made)
    with pytest.raises(ConfigurationError, match="key file"):
        accepted("key", {"scopes": ["admin"]}, log.state.get("key", str(made["prefix"])))


def test_records_that_name_nobody_and_nonsense_are_passed_over(log: Log) -> None:
    text, silent = record(made_by="")
    nonsense: list[object] = [
        7,
        None,
        [],
        {"prefix": "x"},
        {"prefix": "a/b", "tenant": "t", "made_by": "x"},
        {"prefix": 1, "tenant": "t", "made_by": "x"},
    ]
    assert log.tell(*nonsense, silent, {"prefix": "p" * 200, "tenant": "t", "made_by": "x"}) == [] and log.opens(text) == (True, True)
    log.file.write_text("[{")
    assert read(log.file) == []
    log.file.unlink()
    assert read(log.file) == [] and KeyFile(log.file).find("x") is None
