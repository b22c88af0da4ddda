"""Installs Kafka's jars from a checked lock: nothing enters the class path whose SHA-256 is not the one in the lock.

A download goes to a temporary name, is hashed, and only then moves to its final name, so an interrupted set-up is never a
broken broker later. The lock names no host; where Maven Central is comes from ``KIZASHI_MAVEN_REPOSITORY`` or from jgo.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import ssl
import tempfile
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from kizashi.errors import ConfigurationError, Damaged, Recoverable

LOCK_FILE = Path(__file__).with_name("kafka_jars.lock.toml")
THREADS = 8
"""Enough to fill the line with small files; more only queue at the repository."""
TRIES = 3
TIMEOUT_S = 60.0
_CHUNK = 1 << 18

Progress = Callable[[int, int], None]
"""Called with (jars present, jars wanted)."""


@dataclass(frozen=True)
class Jar:
    """One artefact: Maven coordinates, size in bytes and SHA-256 in hex."""

    group: str
    artifact: str
    version: str
    sha256: str
    bytes: int
    classifier: str = ""

    @property
    def name(self) -> str:
        """File name of the jar."""
        tail = f"-{self.classifier}" if self.classifier else ""
        return f"{self.artifact}-{self.version}{tail}.jar"

    @property
    def path(self) -> str:
        """Path below a Maven repository."""
        return f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}/{self.name}"


@dataclass(frozen=True)
class JarLock:
    """All jars of one Kafka version, and a key that changes with any of them."""

    kafka: str
    jars: tuple[Jar, ...]

    @property
    def key(self) -> str:
        """16 hex digits over every hash: names the folder and the ahead-of-time cache."""
        return hashlib.sha256("".join(jar.sha256 for jar in self.jars).encode()).hexdigest()[:16]


def read_lock(path: Path = LOCK_FILE) -> JarLock:
    """The lock as data. Raises ConfigurationError when a field is missing."""
    raw = tomllib.loads(path.read_text(encoding="utf-8"))
    try:
        return JarLock(raw["kafka"], tuple(Jar(**entry) for entry in raw["jar"]))
    except (KeyError, TypeError) as error:
        raise ConfigurationError(f"{path.name} is not a jar lock: {error}. Restore it from version control.") from error


def write_lock(kafka: str, repository: Path, path: Path = LOCK_FILE) -> JarLock:
    """Make the lock from a folder in Maven repository layout (``mvn dependency:copy-dependencies -Dmdep.useRepositoryLayout=true``)."""
    jars = []
    for file in sorted(repository.rglob("*.jar")):
        version, artifact = file.parent.name, file.parent.parent.name
        group = ".".join(file.parent.parent.parent.relative_to(repository).parts)
        classifier = file.stem.removeprefix(f"{artifact}-{version}").removeprefix("-")
        jars.append(Jar(group, artifact, version, sha256_of(file), file.stat().st_size, classifier))
    lines = ["# Kafka's class path. Remade by: make kafka-lock", f'kafka = "{kafka}"', ""]
    for jar in jars:
        lines += ["[[jar]]", f'group = "{jar.group}"', f'artifact = "{jar.artifact}"', f'version = "{jar.version}"']
        lines += [f'classifier = "{jar.classifier}"'] if jar.classifier else []
        lines += [f'sha256 = "{jar.sha256}"', f"bytes = {jar.bytes}", ""]
    path.write_text("\n".join(lines), encoding="utf-8")
    return JarLock(kafka, tuple(jars))


def sha256_of(file: Path) -> str:
    """SHA-256 of a file in hex."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def missing(lock: JarLock, folder: Path) -> list[Jar]:
    """Jars that are absent or whose bytes are not those of the lock. Reads every file: 44 MB, about 30 ms."""
    return [jar for jar in lock.jars if not (folder / jar.name).is_file() or sha256_of(folder / jar.name) != jar.sha256]


def fetch(lock: JarLock, folder: Path, repository: str | None = None, progress: Progress | None = None) -> list[Path]:
    """Bring every jar of the lock into ``folder``; what is already right is not fetched again. Returns the class path.

    Raises Damaged when the repository's bytes do not match the lock, Recoverable when it cannot be reached.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = missing(lock, folder)
    done = len(lock.jars) - len(wanted)
    if progress:
        progress(done, len(lock.jars))
    if wanted:
        base = (repository or repository_url()).rstrip("/")
        with ThreadPoolExecutor(THREADS, thread_name_prefix="jars") as pool:
            for _ in pool.map(lambda jar: _fetch_one(jar, base, folder), wanted):
                done += 1
                if progress:
                    progress(done, len(lock.jars))
    return class_path(lock, folder)


def class_path(lock: JarLock, folder: Path) -> list[Path]:
    """The jars in lock order."""
    return [folder / jar.name for jar in lock.jars]


def repository_url() -> str:
    """Where jars come from: the environment's mirror, else Maven Central as jgo knows it."""
    if mirror := os.environ.get("KIZASHI_MAVEN_REPOSITORY"):
        return mirror
    from jgo.constants import MAVEN_CENTRAL_URL  # heavy (it brings an HTTP client), and needed once a machine

    return str(MAVEN_CENTRAL_URL)


def _fetch_one(jar: Jar, base: str, folder: Path) -> None:
    """Download, hash, move into place; a torn download leaves nothing behind."""
    handle, name = tempfile.mkstemp(prefix=f".{jar.name}.", dir=folder)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as out:
            found = _download(f"{base}/{jar.path}", out)
            out.flush()
            os.fsync(out.fileno())
        if found != jar.sha256:
            raise Damaged(
                f"{jar.name}: the repository sent SHA-256 {found}, the lock says {jar.sha256}. "
                "Nothing was installed; try again, or check the mirror in KIZASHI_MAVEN_REPOSITORY."
            )
        temporary.chmod(0o644)
        temporary.replace(folder / jar.name)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


def _download(url: str, out: BinaryIO) -> str:
    """Stream ``url`` into ``out``; returns the SHA-256. A torn connection starts again from the first byte, a few times."""
    context = ssl.create_default_context()  # honours SSL_CERT_FILE
    for attempt in range(1, TRIES + 1):
        out.seek(0)
        out.truncate()
        try:
            with urllib.request.urlopen(url, timeout=TIMEOUT_S, context=context) as answer:  # noqa: S310 - the operator names the scheme
                digest = hashlib.sha256()
                while chunk := answer.read(_CHUNK):
                    digest.update(chunk)
                    out.write(chunk)
                return digest.hexdigest()
        except urllib.error.HTTPError as error:
            raise Recoverable(f"{url} answered {error.code}. Set KIZASHI_MAVEN_REPOSITORY to a repository that has it.") from error
        except (OSError, http.client.HTTPException) as error:
            if attempt == TRIES:
                raise Recoverable(f"{url} cannot be fetched ({error}). Check the network, SSL_CERT_FILE or the mirror.") from error
    raise AssertionError("unreachable")
