"""What is built but never committed travels in the wheel, and so into the image: the client, and the painter with its library."""

from __future__ import annotations

import shutil
from pathlib import Path

from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[3]
UI = Path("services/gateway/ui")


def test_the_wheel_holds_the_painter_and_its_library_but_no_sources_of_the_client(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, tmp_path)
    inside = [UI / "dist/index.html", UI / "dist/painter/main.mjs", UI / "dist/painter/node_modules/@napi-rs/canvas-x/skia.node"]
    outside = [UI / "src/painter/main.ts", UI / "node_modules/vite/index.js", UI / "build/painter.mjs"]
    for file in (*inside, *outside, Path("services/__init__.py"), Path("shared/kizashi/__init__.py")):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("x")
    found = {Path(f.distribution_path) for f in WheelBuilder(str(tmp_path)).recurse_included_files()}
    assert set(inside) <= found and not set(outside) & found, found
