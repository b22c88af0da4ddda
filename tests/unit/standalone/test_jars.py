"""The jar lock and its fetcher, against a repository that misbehaves."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kizashi.errors import Damaged, Recoverable
from kizashi.standalone import jars


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Requests are not news."""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    for name in ("one", "two"):
        folder = root / "org" / "example" / name / "1.0"
        folder.mkdir(parents=True)
        (folder / f"{name}-1.0.jar").write_bytes(name.encode() * 10_000)
    native = root / "org" / "example" / "two" / "1.0" / "two-1.0-linux.jar"
    native.write_bytes(b"native")
    return root


@pytest.fixture
def server(repository: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(repository))) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_address[1]}"
        http.shutdown()


@pytest.fixture
def lock(repository: Path, tmp_path: Path) -> jars.JarLock:
    return jars.write_lock("9.9", repository, tmp_path / "lock.toml")


def test_lock_is_read_back_as_written(lock: jars.JarLock, tmp_path: Path) -> None:
    assert jars.read_lock(tmp_path / "lock.toml") == lock
    assert [jar.name for jar in lock.jars] == ["one-1.0.jar", "two-1.0-linux.jar", "two-1.0.jar"]
    assert lock.jars[1].path == "org/example/two/1.0/two-1.0-linux.jar"


def test_fetch_installs_all_and_a_second_run_needs_no_network(lock: jars.JarLock, server: str, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    path = jars.fetch(lock, tmp_path / "jars", server, lambda done, of: seen.append((done, of)))
    assert [jars.sha256_of(jar) for jar in path] == [jar.sha256 for jar in lock.jars]
    assert seen[0] == (0, 3) and seen[-1] == (3, 3)
    assert jars.fetch(lock, tmp_path / "jars", "http://127.0.0.1:9") == path


def test_truncated_jar_is_seen_and_fetched_again(lock: jars.JarLock, server: str, tmp_path: Path) -> None:
    path = jars.fetch(lock, tmp_path / "jars", server)
    path[0].write_bytes(path[0].read_bytes()[:100])
    assert [jar.name for jar in jars.missing(lock, tmp_path / "jars")] == ["one-1.0.jar"]
    jars.fetch(lock, tmp_path / "jars", server)
    assert jars.missing(lock, tmp_path / "jars") == []


def test_wrong_bytes_are_refused_and_leave_nothing(lock: jars.JarLock, server: str, repository: Path, tmp_path: Path) -> None:
    (repository / "org" / "example" / "one" / "1.0" / "one-1.0.jar").write_bytes(b"swapped")
    with pytest.raises(Damaged, match=hashlib.sha256(b"swapped").hexdigest()):
        jars.fetch(lock, tmp_path / "jars", server)
    assert not (tmp_path / "jars" / "one-1.0.jar").exists()
    assert not list((tmp_path / "jars").glob(".one*"))


def test_unreachable_repository_says_what_to_do(lock: jars.JarLock, tmp_path: Path) -> None:
    with pytest.raises(Recoverable, match="SSL_CERT_FILE"):
        jars.fetch(lock, tmp_path / "jars", "http://127.0.0.1:9")


def test_missing_artefact_names_the_setting(lock: jars.JarLock, server: str, repository: Path, tmp_path: Path) -> None:
    (repository / "org" / "example" / "one" / "1.0" / "one-1.0.jar").unlink()
    with pytest.raises(Recoverable, match="KIZASHI_MAVEN_REPOSITORY"):
        jars.fetch(lock, tmp_path / "jars", server)


def test_shipped_lock_has_the_broker_and_names_no_host() -> None:
    lock = jars.read_lock()
    assert {"kafka_2.13", "kafka-clients", "zstd-jni", "lz4-java"} <= {jar.artifact for jar in lock.jars}
    assert all(len(jar.sha256) == 64 and jar.bytes > 0 for jar in lock.jars)
    assert "://" not in jars.LOCK_FILE.read_text(encoding="utf-8")
