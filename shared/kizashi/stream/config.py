"""Configuration as a log: signed changes on one partition, folded by every replica to the same state.

A change names the version it was made on; the first one wins. A repeat of an accepted change (same change id) is the writer's own
retry and changes nothing. Unsigned or falsely signed changes are ignored and counted.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from kizashi.contracts import codec, topics
from kizashi.contracts.findings import ConfigChange
from kizashi.errors import BusUnavailable, ConfigurationError, Conflict, InvalidMessage
from kizashi.observe.metrics import IGNORED_CHANGES
from kizashi.settings import KafkaSettings
from kizashi.stream.broadcast import BroadcastReader
from kizashi.stream.records import Record

KEY_BYTES = 32
ANSWER_WITHIN_S = 10.0
LOGIN_KIND = "login"
"""An entry of the audit trail and no object: ``on_change`` is told, and the state keeps nothing of it."""


def load_signing_key(path: Path) -> bytes:
    """The key that signs configuration; raises ConfigurationError when it is missing or short."""
    try:
        key = path.read_bytes()
    except OSError as x:
        raise ConfigurationError(f"no signing key at {path}: `kizashi up` makes one, or copy the gateway's ({x.strerror})") from x
    if len(key) < KEY_BYTES:
        raise ConfigurationError(f"the signing key at {path} has {len(key)} bytes, {KEY_BYTES} are needed")
    return key


def sign(change: ConfigChange, key: bytes) -> ConfigChange:
    """The change with its HMAC-SHA256 over every other field."""
    unsigned = msgspec.structs.replace(change, signature="")
    return msgspec.structs.replace(change, signature=hmac.new(key, codec.encode(unsigned), hashlib.sha256).hexdigest())


def verified(change: ConfigChange, key: bytes) -> bool:
    """Whether the signature is the gateway's."""
    return hmac.compare_digest(change.signature, sign(change, key).signature)


def internal_token(key: bytes, purpose: str) -> str:
    """What services that share the signing key show one another: the key's HMAC-SHA256 of the purpose, in hexadecimal digits."""
    return hmac.new(key, f"internal:{purpose}".encode(), hashlib.sha256).hexdigest()


def picture_key(key: bytes) -> bytes:
    """The key that signs links to pictures (``contracts.pictures``): made from the signing key, and good for nothing else."""
    return internal_token(key, "pictures").encode()


@dataclass(frozen=True)
class ConfigObject:
    """One version of one object; ``body`` None means deleted."""

    kind: str
    id: str
    tenant: str
    version: int
    body: dict[str, Any] | None
    author: str
    made_at_ms: int


@dataclass
class ConfigState:
    """The fold itself: pure, deterministic in the order of the log."""

    key: bytes
    _objects: dict[str, dict[tuple[str, str], list[ConfigObject]]] = field(default_factory=dict)
    """Kind → (tenant, id) → versions: one kind with many objects costs those who read the others nothing."""
    _outcome: dict[str, bool] = field(default_factory=dict)

    def apply(self, data: bytes) -> ConfigObject | None:
        """Fold one message; gives the object that it made, or None when it was ignored."""
        try:
            change = codec.decode(data, ConfigChange)
        except InvalidMessage:
            IGNORED_CHANGES.labels("invalid").inc()
            return None
        if not verified(change, self.key):
            IGNORED_CHANGES.labels("signature").inc()
            return None
        if change.change_id in self._outcome:
            return None
        if change.kind == LOGIN_KIND:
            self._outcome[change.change_id] = True
            return ConfigObject(change.kind, change.id, change.tenant, 1, change.body, change.author, change.made_at_ms)
        history = self._objects.setdefault(change.kind, {}).setdefault((change.tenant, change.id), [])
        won = change.based_on == (history[-1].version if history else 0)
        self._outcome[change.change_id] = won
        if not won:
            IGNORED_CHANGES.labels("late").inc()
            return None
        new = ConfigObject(change.kind, change.id, change.tenant, change.based_on + 1, change.body, change.author, change.made_at_ms)
        history.append(new)
        return new

    def get(self, kind: str, id_: str, tenant: str = "default") -> ConfigObject | None:
        """The newest version, None when there is none or it was deleted."""
        history = self.versions(kind, id_, tenant)
        return history[-1] if history and history[-1].body is not None else None

    def living(self, kind: str, tenant: str | None = None) -> list[ConfigObject]:
        """Newest versions of all living objects of a kind; every tenant's when ``tenant`` is None."""
        found = (h for (t, _), h in self._objects.get(kind, {}).items() if h and (tenant is None or t == tenant))
        return sorted((h[-1] for h in found if h[-1].body is not None), key=lambda o: (o.tenant, o.id))

    def versions(self, kind: str, id_: str, tenant: str = "default") -> list[ConfigObject]:
        """All versions, oldest first, deletions included."""
        return self._objects.get(kind, {}).get((tenant, id_), [])

    def outcome(self, change_id: str) -> bool | None:
        """True: accepted; False: it came second; None: not seen."""
        return self._outcome.get(change_id)


class ConfigFold:
    """Follows the configuration topic. ``on_change`` is called with each new object version, in order."""

    def __init__(self, kafka: KafkaSettings, key: bytes, on_change: Callable[[ConfigObject], None] = lambda _: None) -> None:
        self.state = ConfigState(key)
        self._on_change = on_change
        self._moved = asyncio.Condition()
        self._wakers: set[asyncio.Task[None]] = set()
        self._reader = BroadcastReader(kafka, [topics.CONFIG.name], self._handle)

    async def start(self) -> None:
        """Fold all that is there, then follow."""
        await self._reader.start()

    async def stop(self) -> None:
        """Stop following."""
        await self._reader.stop()

    async def wait_for(self, change_id: str, within_s: float = ANSWER_WITHIN_S) -> bool:
        """Whether the change won, once this fold has seen it. Raises BusUnavailable after ``within_s``."""
        try:
            async with asyncio.timeout(within_s), self._moved:
                await self._moved.wait_for(lambda: self.state.outcome(change_id) is not None)
        except TimeoutError as x:
            raise BusUnavailable("the change was sent but has not come back from the log yet; look again before you repeat it") from x
        return bool(self.state.outcome(change_id))

    def _handle(self, record: Record) -> None:
        new = self.state.apply(record.value)
        if new is not None:
            self._on_change(new)
        task = asyncio.get_running_loop().create_task(self._wake())
        self._wakers.add(task)
        task.add_done_callback(self._wakers.discard)

    async def _wake(self) -> None:
        async with self._moved:
            self._moved.notify_all()


class ConfigWriter:
    """Writes signed changes and answers after its own fold has seen them. ``send`` must return only when Kafka has acknowledged."""

    def __init__(self, fold: ConfigFold, send: Callable[[str, int, bytes, bytes], Any]) -> None:
        self._fold, self._send = fold, send

    async def write(self, change: ConfigChange) -> int:
        """The new version. Raises Conflict when the object has moved on, BusUnavailable when Kafka does not answer."""
        change = sign(change if change.change_id else msgspec.structs.replace(change, change_id=secrets.token_hex(8)), self._fold.state.key)
        key = f"{change.tenant}/{change.kind}/{change.id}".encode()
        await self._send(topics.CONFIG.name, 0, key, codec.encode(change))
        if not await self._fold.wait_for(change.change_id):
            now = self._fold.state.versions(change.kind, change.id, change.tenant)
            raise Conflict(
                f"{change.kind} {change.id} is at version {now[-1].version if now else 0}, the change was made on {change.based_on}"
            )
        return change.based_on + 1
