"""What a child of ``kizashi up`` is: its exit codes, and what it must not import before somebody needs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from services.roof.child import UNUSED
from services.roof.plan import LEAN, NICE
from services.roof.serve import SERVICES

ROOT = Path(__file__).parents[3]
NOT_AT_START = (*(set(UNUSED) - {"coverage"}), "typer", "scipy.stats", "scipy.optimize", "sqlglot", "pandas")
"""Each costs a start 0.1 to 1.2 CPU-seconds and 10 to 80 MB."""


def child(code: str, *words: str, home: Path) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": "/usr/bin:/bin", "KIZASHI_HOME": str(home), "PYTHONPATH": f"{ROOT / 'shared'}:{ROOT}"}
    return subprocess.run([sys.executable, *code.split(), *words], capture_output=True, text=True, env=environ, check=False, cwd=home)


@pytest.mark.parametrize("words", [(), ("no-such-service",)])
def test_an_unknown_service_is_2_and_a_sentence(words: tuple[str, ...], tmp_path: Path) -> None:
    done = child("-m services.roof.child", *words, home=tmp_path)
    assert done.returncode == 2 and done.stderr.startswith("There is no service")


def test_a_wrong_setting_is_2_and_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "kizashi.toml").write_text("prot = 1\n")
    done = child("-m services.roof.child", "sink", home=tmp_path)
    assert done.returncode == 2 and "nobody knows this setting" in done.stderr and "Traceback" not in done.stderr


def test_a_child_keeps_compiled_python_whatever_the_environment_says() -> None:
    environ = {"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1", **LEAN}
    said = subprocess.run(
        [sys.executable, "-c", "import sys; print(sys.dont_write_bytecode)"], env=environ, capture_output=True, check=True
    )
    assert said.stdout == b"False\n"


def test_no_service_imports_at_its_start_what_only_some_questions_need(tmp_path: Path) -> None:
    (tmp_path / "look.py").write_text(
        "import sys, importlib\n"
        "from services.roof import child\n"
        "assert child.main(['child', 'none']) == 2\n"
        f"for name in {(*SERVICES, 'demo')!r}:\n"
        "    if importlib.util.find_spec('services.' + name): importlib.import_module(f'services.{name}.app')\n"
        f"print(*(name for name in {NOT_AT_START!r} if sys.modules.get(name) is not None))\n"
    )
    done = child(str(tmp_path / "look.py"), home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_what_runs_behind_people_is_a_service_and_never_what_pages_or_answers() -> None:
    assert NICE.keys() <= {*SERVICES, "demo", "clickhouse"}
    assert not NICE.keys() & {"gateway", "alerting"}
    assert all(0 < value <= 19 for value in NICE.values())
