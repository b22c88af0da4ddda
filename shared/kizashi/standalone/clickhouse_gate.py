"""What the embedded engine will not do for anybody, and what readers may not do. Pure, and closed by default.

The engine runs in-process with the rights of its user and has no users or policies of its own: a table function reads any file, an
``ENGINE = Kafka`` table makes the data folder unopenable. So statements, engines, dictionary sources, formats and table
functions are allowed by name; everything else is refused before the engine sees it.
"""

from __future__ import annotations

from itertools import pairwise

from kizashi.errors import Refused
from kizashi.standalone.clickhouse_sql import Statement, Token, name_set

READ_VERBS = frozenset({"SELECT", "WITH", "EXPLAIN", "DESCRIBE", "DESC", "SHOW", "EXISTS"})
WRITE_VERBS = name_set(
    "INSERT CREATE ALTER DROP TRUNCATE RENAME EXCHANGE OPTIMIZE CHECK KILL DELETE UPDATE SYSTEM SET USE BACKUP RESTORE REPLACE"
)
OBJECTS = frozenset({"TABLE", "VIEW", "MATERIALIZED", "DICTIONARY", "DATABASE", "FUNCTION", "OR", "INDEX", "IF", "TABLES", "DICTIONARIES"})
ENGINES = name_set(
    "Atomic Memory Log TinyLog StripeLog Null Set Join Buffer Merge Dictionary GenerateRandom MergeTree ReplacingMergeTree "
    "SummingMergeTree AggregatingMergeTree CollapsingMergeTree VersionedCollapsingMergeTree CoalescingMergeTree"
)
TABLE_FUNCTIONS = name_set(
    "numbers numbers_mt zeros zeros_mt primes generaterandom generateseries generate_series values sqlstandardvalues view "
    "viewifpermitted viewexplain null input format merge dictionary mergetreeindex mergetreeprojection"
)
SCALAR_ESCAPES = frozenset({"file", "disk", "eval", "catboostevaluate", "executable"})
"""Not table functions, but they read files, reach out or run text as SQL. ``ai…`` functions are refused by prefix."""
FORMATS = name_set(
    "native null values vertical xml markdown sqlinsert lineasstring jsonasstring jsonasobject rawblob tskv msgpack orc avro arrow "
    "arrowstream parquet bsoneachrow form hash one csv tsv tabseparated"
)
FORMAT_FAMILIES = ("json", "csv", "tsv", "tabseparated", "pretty", "rowbinary")
SYSTEM_COMMANDS = name_set(
    "FLUSH.LOGS FLUSH.ASYNC RELOAD.DICTIONARY RELOAD.DICTIONARIES STOP.MERGES START.MERGES STOP.TTL START.TTL DROP.MARK DROP.UNCOMPRESSED "
    "DROP.QUERY WAIT.LOADING SYNC.MUTATIONS"
)
"""First two words of the SYSTEM statements that are allowed."""
NEVER = frozenset({"OUTFILE", "INFILE", "PARALLEL", "TEMPORARY"})
SOURCE_WORDS = frozenset({"CLICKHOUSE", "DB", "DATABASE", "TABLE", "NULL", "DEFAULT"})
PROTECTED_DATABASES = frozenset({"SYSTEM", "DEFAULT", "INFORMATION_SCHEMA"})


def admit(statement: Statement, table_functions: frozenset[str], reader: bool = False) -> None:
    """Raise Refused, with what to do instead, unless the statement is known to be harmless.

    ``table_functions`` are the engine's own names in lower case, so that a new engine's new functions are refused until
    somebody has looked at them. ``reader`` restricts to reading.
    """
    verb, found = statement.verb, statement.tokens
    if not found:
        raise Refused("empty query")
    if verb not in READ_VERBS and (reader or verb not in WRITE_VERBS):
        raise Refused(f"{verb[:30]} is not allowed {'for readers' if reader else 'on the embedded store'}")
    for token in found:
        if token.kind == "word" and token.upper in NEVER:
            raise Refused(f"{token.upper} is not allowed on the embedded store: use the HTTP interface, and plain tables")
    _functions(found, table_functions, verb)
    _format(statement.format)
    check = {
        "CREATE": _create,
        "DROP": _drop,
        "REPLACE": _create,
        "ALTER": _alter,
        "SYSTEM": _system,
        "BACKUP": _backup,
        "RESTORE": _backup,
    }.get(verb)
    if check is not None:
        check(found)


def _functions(found: tuple[Token, ...], table_functions: frozenset[str], verb: str) -> None:
    denied = (table_functions - TABLE_FUNCTIONS) | SCALAR_ESCAPES
    for token, after in pairwise(found):
        if after.text != "(" or token.kind not in ("word", "quoted"):
            continue
        name = token.text.lower() if token.kind == "word" else token.text[1:-1].lower()
        if token.kind == "quoted" and not name.replace("_", "").isalnum():
            name = "?"  # an escape inside quotes may spell any name; column lists have a space or comma in front, see below
        if name in denied or name.startswith("ai"):
            if name == "disk" and verb in ("BACKUP", "RESTORE"):
                continue
            raise Refused(f"{token.text[:40]}() is not allowed on the embedded store: it reaches outside the data folder")
        if name == "?" and not _names_table(found, token):
            raise Refused(f"{token.text[:40]}( is not a name that may be called")


def _names_table(found: tuple[Token, ...], token: Token) -> bool:
    """True for the name in ``INSERT INTO name (`` and ``CREATE TABLE name (``, which calls nothing."""
    at = found.index(token)
    while at >= 2 and found[at - 1].text == ".":
        at -= 2
    return at >= 1 and found[at - 1].upper in ("INTO", "TABLE", "EXISTS", "VIEW", "DICTIONARY")


def _format(name: str) -> None:
    low = name.lower()
    if name and low not in FORMATS and not low.startswith(FORMAT_FAMILIES):
        raise Refused(f"format {name[:40]} is not allowed on the embedded store: it reads schema files")


def _create(found: tuple[Token, ...]) -> None:
    words = [t.upper for t in found]
    kind = next((w for w in words[1:] if w not in ("OR", "REPLACE", "IF", "NOT", "EXISTS", "MATERIALIZED")), "")
    if kind not in OBJECTS:
        raise Refused(f"CREATE {kind[:30]} is not allowed on the embedded store")
    if kind == "FUNCTION" and "LANGUAGE" in words:
        raise Refused("only SQL functions (CREATE FUNCTION name AS …) are allowed on the embedded store")
    for k, token in enumerate(found):
        if token.kind == "word" and token.upper == "ENGINE":
            name = next((t for t in found[k + 1 :] if t.text != "="), token)
            if name.kind == "mark" or name.upper in ("FROM", "AS"):
                continue  # a column of that name in a view's SELECT: no engine can be called so
            if name.text not in ENGINES:
                raise Refused(
                    f"ENGINE = {name.text[:40]} is not allowed on the embedded store; MergeTree engines, Memory and Dictionary are"
                )
    if kind == "DICTIONARY":
        _dictionary_source(found)


def _dictionary_source(found: tuple[Token, ...]) -> None:
    for k, token in enumerate(found):
        if token.kind == "word" and token.upper == "SOURCE":
            depth = 0
            for inner in found[k + 1 :]:
                depth += (inner.text == "(") - (inner.text == ")")
                if inner.kind == "quoted" or (inner.kind == "word" and inner.upper not in SOURCE_WORDS and inner.upper not in ("FROM",)):
                    raise Refused("a dictionary's source must be CLICKHOUSE(DATABASE '…' TABLE '…') on the embedded store")
                if depth == 0:
                    break


def _drop(found: tuple[Token, ...]) -> None:
    words = [t.upper.strip('`"').upper() for t in found]
    if words[1] not in OBJECTS:
        raise Refused(f"DROP {words[1][:30]} is not allowed on the embedded store")
    if words[1] == "DATABASE" and PROTECTED_DATABASES & set(words):
        raise Refused("this database belongs to the engine and cannot be dropped")


def _alter(found: tuple[Token, ...]) -> None:
    words = {t.upper for t in found if t.kind == "word"}
    if found[1].upper not in ("TABLE", "DATABASE") or words & {"FETCH", "EXPORT", "DISK", "VOLUME", "SHARD"}:
        raise Refused("this ALTER is not allowed on the embedded store")


def _system(found: tuple[Token, ...]) -> None:
    if ".".join(t.upper for t in found[1:3]) not in SYSTEM_COMMANDS:
        raise Refused(
            "of SYSTEM only FLUSH LOGS, RELOAD DICTIONARY, STOP/START MERGES and the cache commands are allowed on the embedded store"
        )


def _backup(found: tuple[Token, ...]) -> None:
    """Only the engine's own ``backups`` disk: ``BACKUP … TO Disk('backups', 'name')``, its base backup there too."""
    places = [k for k, t in enumerate(found) if t.kind == "word" and t.upper == "DISK"]
    if not places or any(t.upper in ("FILE", "S3", "URL", "AZUREBLOBSTORAGE", "HDFS") for t in found if t.kind == "word"):
        raise Refused("backups of the embedded store go TO Disk('backups', 'name')")
    for at in places:
        spelled = [t.text for t in found[at + 1 : at + 6]]
        name = spelled[3].strip("'") if len(spelled) == 5 else ""
        if spelled[:3] != ["(", "'backups'", ","] or spelled[4:] != [")"] or not name.translate({45: "", 95: "", 46: ""}).isalnum():
            raise Refused("backups of the embedded store go TO Disk('backups', 'name'); a name has letters, digits, dots, - and _")
