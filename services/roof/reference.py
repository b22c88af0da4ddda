"""The reference pages, written from the code: ``kizashi docs FOLDER``. A test fails when a page is stale."""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel, SecretStr
from pydantic_core import PydanticUndefined

from services.roof.output import out

HEAD = "<!-- Written by `make docs` from the code; a test fails when this page is stale. -->\n"


def docs(folder: Annotated[Path, typer.Argument(help="Where the pages go.")] = Path("docs/reference")) -> None:
    """Write docs/reference from the code.

    Example:  kizashi docs docs/reference
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
        out.print(folder / f"{name}.md")


def pages() -> dict[str, str]:
    """Every page by name."""
    made: dict[str, Callable[[], str]] = {"topics": topics, "settings": settings, "metrics": metrics, "cli": cli, "api": api}
    return {name: HEAD + make() for name, make in made.items()}


def topics() -> str:
    """The registry of topics and the messages on them."""
    from kizashi.contracts.topics import HOT_PARTITIONS, TOPICS

    rows = []
    for topic in TOPICS:
        kept = "for ever" if topic.retention_ms < 0 else f"{topic.retention_ms / 86_400_000:g} d"
        kept += ", newest of a key" if topic.compacted else ""
        rows.append((f"`{topic.name}`", topic.key, topic.value, topic.partitioned_by, str(topic.partitions(HOT_PARTITIONS)), kept))
    return f"""# Topics

Everything meets in Kafka. `kizashi topics` compares this list with a broker.

{_table(("topic", "key", "value", "partitioned by", "partitions", "keeps"), rows)}
"""


def settings() -> str:
    """Every setting with its variable, default and meaning."""
    from kizashi.settings import Settings

    rows = list(_fields(Settings, ""))
    return f"""# Settings

`kizashi.toml` in the working folder, else in the data folder, else the file that `KIZASHI_CONFIG` names. A variable beats the file; an
unknown key is an error. A running `kizashi up` on the same data folder fills in addresses that neither names.
`KIZASHI_HOME`, `KIZASHI_KAFKA` and `KIZASHI_REDIS` are short names of `home`, `kafka.bootstrap` and `redis`;
`KIZASHI_CLICKHOUSE` takes `http[s]://user:password@host:port/database`, `KIZASHI_CLICKHOUSE_PASSWORD_FILE` a file with the password.
`KIZASHI_MAVEN_REPOSITORY` (a mirror for Kafka's jars) and `KIZASHI_TOOLS` (where the jars are kept) are read by `kizashi setup`.

{_table(("setting", "variable", "default", "meaning"), rows)}
"""


def metrics() -> str:
    """Every Prometheus metric."""
    from kizashi.observe import metrics as registry

    rows = []
    for metric in vars(registry).values():
        if hasattr(metric, "describe") and hasattr(metric, "_labelnames"):
            (family,) = metric.describe()
            name = f"{family.name}_total" if family.type == "counter" else family.name
            rows.append((f"`{name}`", family.type, ", ".join(metric._labelnames) or "-", family.documentation))
    return f"""# Metrics

Every process serves `/metrics`, `/livez` and `/readyz` on its observe port.
Labels come from closed sets; a series, host or key is never one.

{_table(("metric", "type", "labels", "meaning"), rows)}
"""


def cli() -> str:
    """Every command with its arguments, options and example."""
    from services.roof.catalogue import PANELS, load

    parts = ["# Command line\n\nExit codes: 0 done, 1 failed, 2 asked for something that will not be done.\n"]
    for panel, entries in PANELS.items():
        parts.append(f"## {panel}\n")
        parts += [_command(f"kizashi {name}", load(name, entry)) for name, entry in entries.items() if entry.installed]
    return "\n".join(parts)


def api() -> str:
    """Every HTTP route and who may call it."""
    from services.gateway.roles import ROLES, ROUTES

    rows = [(f"`{method}`", f"`{path}`", str(access)) for (method, path), access in ROUTES.items()]
    roles = [(role, ", ".join(sorted(scopes))) for role, scopes in ROLES.items()]
    return f"""# HTTP API

A running gateway describes itself at `/api/v1/openapi.json` (OpenAPI 3.1). Everything that is not in this table is refused.
Programs send `Authorization: Bearer KEY` (`kizashi token create`); browsers have a session. Errors are `application/problem+json`.

{_table(("method", "path", "needs"), rows)}

## Roles

{_table(("role", "may"), roles)}
"""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def _fields(model: type[BaseModel], prefix: str) -> Iterable[tuple[str, str, str, str]]:
    said = _meanings(model)
    for name, field in model.model_fields.items():
        path = f"{prefix}{name}"
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _fields(kind, f"{path}.")
            continue
        default = field.get_default(call_default_factory=True) if field.default is not PydanticUndefined else ""
        shown = default.get_secret_value() if isinstance(default, SecretStr) else default
        text = "none" if shown is None else json.dumps(str(shown) if isinstance(shown, Path) else shown)
        yield f"`{path}`", f"`KIZASHI_{path.upper().replace('.', '__')}`", f"`{text}`", said.get(name, "")


def _meanings(model: type[BaseModel]) -> dict[str, str]:
    """Field → the docstring below it."""
    (tree,) = ast.parse(inspect.getsource(model)).body
    assert isinstance(tree, ast.ClassDef)
    said: dict[str, str] = {}
    for field, below in zip(tree.body, tree.body[1:], strict=False):
        is_text = isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and is_text:
            said[field.target.id] = inspect.cleandoc(ast.literal_eval(ast.unparse(below)))
    return said


def _command(words: str, command: Any) -> str:
    below = getattr(command, "commands", None) or dict.fromkeys(getattr(command, "panels", {}))
    if below:
        from services.roof.catalogue import load

        named = command.commands or {n: load(n, e) for group in command.panels.values() for n, e in group.items() if e.installed}
        return "\n".join(_command(f"{words} {name}", sub) for name, sub in named.items())
    text = inspect.cleandoc(command.help or "").replace("\f", "")
    rows = []
    for parameter in command.params:
        if parameter.name in ("help", "install_completion", "show_completion"):
            continue
        is_option = parameter.param_type_name == "option"
        name = ", ".join([*parameter.opts, *parameter.secondary_opts]) if is_option else (parameter.metavar or parameter.name.upper())
        default = "" if parameter.default in (None, False, "") or callable(parameter.default) else f" (default {parameter.default})"
        rows.append((f"`{name}`", f"{getattr(parameter, 'help', '') or ''}{default}"))
    listed = "\n" + _table(("argument or option", "meaning"), rows) + "\n" if rows else ""
    return f"### `{words}`\n\n{_with_example(text)}\n{listed}"


def _with_example(text: str) -> str:
    """The example as a code block."""
    before, mark, example = text.partition("Example:")
    if not mark:
        return before.strip()
    return f"{before.strip()}\n\n```\n{example.strip()}\n```"
