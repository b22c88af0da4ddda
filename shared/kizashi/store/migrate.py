"""Numbered, forward-only migrations, written once for one node and rendered for a cluster.

``migrations/NNNN-….sql`` runs once and must never change afterwards: its checksum is kept and an edited file is refused.
``migrations/views.sql`` runs again whenever its text changed. Statements end with a semicolon at the end of a line.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kizashi.errors import ConfigurationError
from kizashi.settings import StoreSettings
from kizashi.store.client import Store, connect

FOLDER = Path(__file__).parent / "migrations"
REPEATABLE = "views"
ASKER = "migrate"
"""In the server's log of queries."""
_SHARD = re.compile(r"\s*/\* shard: (?P<key>.+?) \*/\s*$")
_TABLE = re.compile(r"^CREATE TABLE IF NOT EXISTS (\w+)")
_OBJECT = re.compile(r"^(CREATE (?:OR REPLACE )?(?:MATERIALIZED VIEW|VIEW|DICTIONARY)(?: IF NOT EXISTS)?) (\w+)")
_ALTER = re.compile(r"^ALTER TABLE (\w+)")
_ENGINE = re.compile(r"^ENGINE = (\w*MergeTree)\(?([^)\n]*)\)?", re.MULTILINE)

LEDGER = """CREATE TABLE IF NOT EXISTS migrations
(
    number UInt32,
    name String,
    checksum String,
    applied DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(applied)
ORDER BY (number, name)
/* shard: rand() */"""


@dataclass(frozen=True)
class Migration:
    """One file: ``number`` 0 for the repeatable one, ``text`` as written."""

    number: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, line ends normalised."""
        return hashlib.sha256(self.text.replace("\r\n", "\n").encode()).hexdigest()


def read_migrations(folder: Path = FOLDER) -> list[Migration]:
    """All files in order, the repeatable one last; raises ConfigurationError when numbers repeat or have a gap."""
    files = sorted(folder.glob("*.sql"))
    numbered = [Migration(int(f.stem[:4]), f.stem, f.read_text()) for f in files if f.stem[:4].isdigit()]
    if [m.number for m in numbered] != list(range(1, len(numbered) + 1)):
        raise ConfigurationError(f"migrations in {folder} are not numbered 1, 2, 3 …: {[m.name for m in numbered]}")
    return numbered + [Migration(0, f.stem, f.read_text()) for f in files if f.stem == REPEATABLE]


def statements(text: str) -> Iterator[str]:
    """The statements of a file, comment lines left out."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("--")]
    for part in re.split(r";[ \t]*(?:\n|$)", "\n".join(lines)):
        if part.strip():
            yield part.strip()


def render(statement: str, database: str, cluster: str = "") -> list[str]:
    """A canonical statement for one node (``cluster`` empty) or for every node of ``cluster``.

    On a cluster a MergeTree table ``t`` becomes ``t_local``, replicated, with a Distributed ``t`` in front, sharded by the key in
    its ``/* shard: … */`` comment.

    >>> render("CREATE TABLE IF NOT EXISTS t\\n(a UInt8)\\nENGINE = MergeTree\\nORDER BY a\\n/* shard: a */", "k", "c")[1]
    "CREATE TABLE IF NOT EXISTS t ON CLUSTER 'c' AS t_local\\nENGINE = Distributed('c', 'k', 't_local', a)"
    """
    statement = statement.replace("{database}", database)
    shard = _SHARD.search(statement)
    statement = _SHARD.sub("", statement)
    if not cluster:
        return [statement]
    on = f" ON CLUSTER '{cluster}'"
    if made := _TABLE.match(statement):
        if shard is None:
            raise ConfigurationError(f"table {made.group(1)} names no /* shard: key */")
        return _replicated(statement, made.group(1), database, cluster, shard["key"])
    if changed := _ALTER.match(statement):
        table = changed.group(1)
        return [_ALTER.sub(f"ALTER TABLE {name}{on}", statement) for name in (f"{table}_local", table)]
    if _OBJECT.match(statement):
        return [_OBJECT.sub(rf"\1 \2{on}", statement)]
    raise ConfigurationError(f"cannot render for a cluster: {statement[:60]}")


def _replicated(statement: str, table: str, database: str, cluster: str, key: str) -> list[str]:
    on = f" ON CLUSTER '{cluster}'"
    local = _TABLE.sub(f"CREATE TABLE IF NOT EXISTS {table}_local{on}", statement)
    path = f"'/clickhouse/tables/{{shard}}/{database}/{table}', '{{replica}}'"

    def engine(m: re.Match[str]) -> str:
        arguments = ", ".join(x for x in (path, m.group(2)) if x)
        return f"ENGINE = Replicated{m.group(1)}({arguments})"

    local = _ENGINE.sub(engine, local).replace("non_replicated_deduplication_window", "replicated_deduplication_window")
    front = (
        f"CREATE TABLE IF NOT EXISTS {table}{on} AS {table}_local\nENGINE = Distributed('{cluster}', '{database}', '{table}_local', {key})"
    )
    return [local, front]


def migrate(settings: StoreSettings, folder: Path = FOLDER, said: Callable[[str], None] = lambda _name: None) -> list[str]:
    """Bring the database to this program's schema; returns the names of what ran.

    Safe to run again and to run twice at once: every statement says IF NOT EXISTS. Raises ConfigurationError when a file that has run
    was edited, or when the database was migrated by a newer program.
    """
    first = connect(settings, "default", ASKER)
    cluster = f" ON CLUSTER '{settings.cluster}'" if settings.cluster else ""
    first.command(f"CREATE DATABASE IF NOT EXISTS `{settings.database}`{cluster}")
    first.close()
    store = connect(settings, asker=ASKER)
    try:
        _run(store, LEDGER, settings)
        ran: list[str] = []
        for migration in _pending(store, read_migrations(folder)):
            said(migration.name)
            for statement in statements(migration.text):
                _run(store, statement, settings)
            store.command(
                "INSERT INTO migrations VALUES ({number:UInt32}, {name:String}, {checksum:String}, now64(3))",
                {"number": migration.number, "name": migration.name, "checksum": migration.checksum},
            )
            ran.append(migration.name)
        return ran
    finally:
        store.close()


def _run(store: Store, statement: str, settings: StoreSettings) -> None:
    for rendered in render(statement, settings.database, settings.cluster):
        store.command(rendered)


def _pending(store: Store, files: list[Migration]) -> list[Migration]:
    applied = {(int(n), str(name)): str(c) for n, name, c in store.query("SELECT number, name, checksum FROM migrations FINAL").rows}
    known = {(m.number, m.name) for m in files}
    newer = [name for number, name in applied if (number, name) not in known]
    if newer:
        raise ConfigurationError(
            f"the database was migrated by a newer Kizashi ({', '.join(sorted(newer))}): start that version, or restore an older backup"
        )
    pending = []
    for m in files:
        before = applied.get((m.number, m.name))
        if before is not None and m.number and before != m.checksum:
            raise ConfigurationError(f"migration {m.name} was edited after it had run; put it back as it was and add a new file instead")
        if before != m.checksum:
            pending.append(m)
    return pending
