"""The data folder of one machine: its lock, its version, its secrets, and what a running house writes for others to read.

``home/kafka`` and ``home/clickhouse`` hold data, ``home/logs`` logs, ``home/secrets`` keys (0600), ``home/run`` what is true only now.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from kizashi.errors import ConfigurationError

FORMAT = 1
"""Version of the folder's layout. A new layout adds a step to ``STEPS``."""
STEPS: dict[int, Callable[[Path], None]] = {}
"""From layout N to N + 1."""
KEY_BYTES = 32


def store_password_file(home: Path) -> Path:
    """Password of the embedded ClickHouse."""
    return home / "secrets" / "clickhouse.password"


@contextlib.contextmanager
def claimed(home: Path) -> Iterator[None]:
    """Own the folder for as long as the context lasts. Raises ConfigurationError when another process owns it.

    The lock is the kernel's, so a killed owner leaves nothing that must be cleaned up.
    """
    (home / "run").mkdir(parents=True, exist_ok=True)
    handle = os.open(home / "run" / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.pread(handle, 32, 0).decode(errors="replace").strip() or "unknown"
            raise ConfigurationError(
                f"Kizashi already runs on {home} (process {owner}). See it with `kizashi status`, stop it with Ctrl-C there or "
                f"`kill {owner}`, or choose another folder with KIZASHI_HOME."
            ) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)


def owner(home: Path) -> int | None:
    """Process id of the supervisor that owns the folder now, or None."""
    with contextlib.suppress(OSError), (home / "run" / "lock").open("r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            said = file.read().decode(errors="replace").strip()
            return int(said) if said.isdigit() else -1
    return None


def open_format(home: Path, program: str) -> None:
    """Check the folder's version: new, migrated here, or refused with the way back (ConfigurationError)."""
    file = home / "VERSION.json"
    found = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {"format": FORMAT}
    version = int(found["format"])
    if version > FORMAT:
        raise ConfigurationError(
            f"{home} was written by Kizashi {found.get('program', 'of a later version')} (format {version}); this is {program} "
            f"(format {FORMAT}). Start that version again, or choose another folder with KIZASHI_HOME."
        )
    while version < FORMAT:
        step = STEPS.get(version)
        if step is None:
            raise ConfigurationError(
                f"{home} has format {version}, which {program} cannot read. Restore it with the version that wrote it."
            )
        step(home)
        version += 1
        write_atomically(file, json.dumps({"format": version, "program": program}))
    write_atomically(file, json.dumps({"format": FORMAT, "program": program}))


def make_secrets(home: Path) -> None:
    """Make what is missing, once: the configuration signing key and the store's password. Existing ones stay."""
    folder = home / "secrets"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    for file, make in ((folder / "config.key", _key), (store_password_file(home), _password)):
        if not file.exists():
            write_atomically(file, make(), mode=0o600)


def write_atomically(file: Path, content: str | bytes, mode: int = 0o644) -> None:
    """Write beside, then move into place: a reader sees the old file or the new one."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(handle, "wb") as out:
        out.write(content.encode() if isinstance(content, str) else content)
    draft.replace(file)


def write_addresses(home: Path, addresses: Mapping[str, str | int | bool]) -> None:
    """Say where a running house listens, as settings' paths and values; ``kizashi query``, ``send`` and ``status`` read it."""
    write_atomically(home / "run" / "addresses.json", json.dumps(dict(addresses), indent=1))


def forget_addresses(home: Path) -> None:
    """The house has stopped."""
    for name in ("addresses.json", "state.json"):
        (home / "run" / name).unlink(missing_ok=True)


def _key() -> bytes:
    return secrets.token_bytes(KEY_BYTES)


def _password() -> str:
    return secrets.token_urlsafe(24)
