"""The command: help without imports, exit codes, JSON."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def kizashi(*words: str, home: Path) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": "/usr/bin:/bin", "KIZASHI_HOME": str(home), "PYTHONPATH": f"{ROOT / 'shared'}:{ROOT}", "COLUMNS": "160"}
    return subprocess.run([sys.executable, "-m", "services", *words], capture_output=True, text=True, env=environ, check=False, cwd=home)


def test_help_lists_commands_and_imports_no_engine(tmp_path: Path) -> None:
    code = "import sys; sys.argv=['kizashi','--help']; from services.__main__ import app; app(standalone_mode=False); "
    code += "print([m for m in ('numba', 'numpy', 'confluent_kafka', 'fastapi', 'chdb', 'faust') if m in sys.modules])"
    environ = {"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{ROOT / 'shared'}:{ROOT}"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environ, check=True, cwd=tmp_path)
    assert "status" in done.stdout and done.stdout.strip().endswith("[]")


def test_status_of_nothing_is_1_and_json(tmp_path: Path) -> None:
    done = kizashi("status", "--json", home=tmp_path)
    assert done.returncode == 1
    assert json.loads(done.stdout)["ready"] is False


@pytest.mark.parametrize("words", [("no-such-command",), ("status", "--no-such-option"), ("run", "no-such-service")])
def test_wrong_use_is_2(words: tuple[str, ...], tmp_path: Path) -> None:
    done = kizashi(*words, home=tmp_path)
    assert done.returncode == 2 and "Traceback" not in done.stderr


def test_wrong_setting_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "kizashi.toml").write_text("prot = 1\n")
    done = kizashi("status", home=tmp_path)
    assert done.returncode == 2 and "nobody knows this setting" in done.stderr and "Traceback" not in done.stderr


def test_version_as_json_names_the_engines(tmp_path: Path) -> None:
    found = json.loads(kizashi("version", "--json", home=tmp_path).stdout)
    assert found["kafka"].startswith("4.") and found["kizashi"]


def test_keys_say_who_made_and_revoked_them_also_while_nothing_runs(tmp_path: Path) -> None:
    made = kizashi("token", "create", "collector", home=tmp_path)
    prefix = made.stdout.split(".")[0]
    assert made.returncode == 0 and "audit trail" in made.stderr and "from when a gateway starts" in made.stderr
    me = f"cli:{pwd.getpwuid(os.getuid()).pw_name}"
    (listed,) = json.loads(kizashi("token", "list", "--json", home=tmp_path).stdout)
    assert (listed["prefix"], listed["made_by"]) == (prefix, me)
    done = kizashi("token", "revoke", prefix, home=tmp_path)
    assert done.returncode == 0 and "audit trail" in done.stderr
    file = tmp_path / "secrets" / "api_keys.json"
    (kept,) = json.loads(file.read_text())
    assert kept["revoked_by"] == me and "sha256" not in kept and file.stat().st_mode & 0o777 == 0o600
    assert json.loads(kizashi("token", "list", "--json", home=tmp_path).stdout) == []
    assert kizashi("token", "revoke", prefix, home=tmp_path).returncode != 0, "twice is said"
