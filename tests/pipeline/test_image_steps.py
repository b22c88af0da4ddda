"""The Dockerfile's build steps, executed in a clean virtual environment: what the image would install, installs and runs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.pipeline
ROOT = Path(__file__).parents[2]


def build_stage() -> list[tuple[str, str]]:
    """(instruction, rest) of the stage ``build``, continuation lines joined."""
    text = re.sub(r"\\\n\s*", "", (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8"))
    stage = text.partition(" AS build\n")[2].partition("\nFROM ")[0]
    return [
        (line.partition(" ")[0], line.partition(" ")[2].strip()) for line in stage.splitlines() if line.strip() and not line.startswith("#")
    ]


def test_build_steps_of_the_image_run_in_a_clean_environment(tmp_path: Path) -> None:
    source, target = tmp_path / "src", tmp_path / "opt"
    source.mkdir()
    environ = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": os.environ.get("HOME", "/"), "UV_PYTHON_DOWNLOADS": "never"}
    environ |= {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_", "SSL_", "REQUESTS_"))}
    ran = 0
    for instruction, rest in build_stage():
        if instruction == "COPY" and not rest.startswith("--from"):
            *files, to = rest.split()
            for file in files:
                into = source / to.removeprefix("./")
                if file.endswith("/"):
                    shutil.copytree(
                        ROOT / file, into, ignore=shutil.ignore_patterns("node_modules", "__pycache__", "dist"), dirs_exist_ok=True
                    )
                else:
                    into.mkdir(parents=True, exist_ok=True)
                    shutil.copy(ROOT / file, into)
        elif instruction == "COPY":
            web = source / "services" / "gateway" / "ui" / "dist"
            web.mkdir(parents=True, exist_ok=True)
            (web / "index.html").write_text("<!doctype html>")
        elif instruction == "RUN":
            command = rest.replace("/opt/kizashi", str(target))
            done = subprocess.run(["bash", "-c", command], cwd=source, env=environ, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
            ran += 1
    assert ran >= 3
    clean = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "KIZASHI_HOME": str(tmp_path / "data")}
    said = subprocess.run([target / "bin" / "kizashi", "version"], env=clean, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    (site,) = (target / "lib").glob("python3.*/site-packages")
    assert (site / "services" / "gateway" / "ui" / "dist" / "index.html").is_file() and not (
        site / "services/gateway/ui/node_modules"
    ).exists()
    assert (site / "kizashi" / "standalone" / "kafka_jars.lock.toml").is_file() and list((site / "kizashi/store/migrations").glob("*.sql"))
