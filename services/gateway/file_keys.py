"""Keys of this machine's key file in the audit trail: who made one with ``kizashi token create``, and who took it back.

The command writes the file alone, so that it works while the bus is away; the gateway that reads the file signs what is new in it into the
configuration log, where every change of configuration is. The log gets no hash of a secret: the file alone makes such a key valid.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from kizashi.contracts.findings import ConfigChange
from kizashi.errors import ConfigurationError, KizashiError
from kizashi.key_file import KEPT, KeyRecord, any_record
from kizashi.observe.logs import logger
from kizashi.stream.config import ConfigState
from services.gateway.configuration import check_place
from services.gateway.doors import Doors

EVERY_S = 2.0
"""Between two looks at the file: reading it takes less than a millisecond."""
LONGEST_NAME = 128


def untold(listed: Iterable[object], state: ConfigState, now_ms: int) -> Iterator[ConfigChange]:
    """The changes that the log lacks, in the order in which they are to be written; what is no record is passed over.

    A key that an administrator deleted through the API stays deleted.
    """
    for record in filter(None, map(any_record, listed)):
        if not (record.made_by or record.revoked_by):
            continue
        try:
            check_place("key", record.prefix)
        except ConfigurationError:
            continue
        known = state.versions("key", record.prefix, record.tenant)
        place = f"{record.tenant}/key-file/{record.prefix}"
        if not known:
            yield _change(record, 0, _body(record), record.made_by, record.made_at_ms or record.revoked_at_ms or now_ms, f"{place}/made")
        if record.revoked_by and (not known or known[-1].body is not None):
            version = known[-1].version if known else 1
            yield _change(record, version, None, record.revoked_by, record.revoked_at_ms or now_ms, f"{place}/revoked/{version}")


def _body(record: KeyRecord) -> dict[str, object]:
    return {"name": record.name[:LONGEST_NAME], "scopes": record.scopes, "expires_ms": record.expires_ms, "kept": KEPT}


def _change(record: KeyRecord, based_on: int, body: dict[str, object] | None, author: str, at_ms: int, change_id: str) -> ConfigChange:
    return ConfigChange("key", record.prefix, based_on, body, author[:LONGEST_NAME] or "unknown", at_ms, change_id, record.tenant)


def read(path: Path) -> list[object]:
    """What the file lists; nothing while there is none or it cannot be read (``KeyFile`` says so in the log)."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[object])
    except (OSError, msgspec.DecodeError, msgspec.ValidationError):
        return []


async def tell(parts: Doors) -> None:
    """Write what the trail does not know yet. Raises what the bus raises."""
    for change in list(untold(read(parts.directory.key_file), parts.config.state, parts.clock.now_ms())):
        version = await parts.writer.write(change)
        head = next(parts.directory.trail.newest(change.tenant))
        where = {"number": head.number, "hash": head.hash}
        logger().info("config.changed", kind=change.kind, object=change.id, version=version, author=change.author, **where)


async def keep_telling(parts: Doors) -> None:
    """Look at the file again and again; while the bus is away the trail waits, and keys do not."""
    while True:
        try:
            await tell(parts)
        except KizashiError as x:
            logger().warning("audit.keys_not_written", error=str(x))
        await asyncio.sleep(EVERY_S)
