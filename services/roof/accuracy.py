"""``kizashi accuracy``: score the models on labelled data, write one results file, and render the page from it."""

from __future__ import annotations

import importlib
import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Protocol, cast

import msgspec
import typer

from kizashi.contracts.accuracy import Answer, Part, Question
from kizashi.errors import Refused
from services.roof.accuracy_page import PICTURES, RESULTS, Results, page, picture_name
from services.roof.accuracy_picture import picture_of
from services.roof.output import err

SERVICES = ("anomaly", "forecast", "rca")


class Measured(Protocol):
    """What ``services.<x>.results`` has."""

    QUESTIONS: tuple[Question, ...]

    def part(self, answers: Mapping[str, Answer]) -> Part: ...


def accuracy(
    data: Annotated[Path, typer.Argument(help="Folder of the labelled data sets.")],
    out: Annotated[Path, typer.Option(help="Folder that gets accuracy.json, accuracy.md and the pictures.")] = Path("docs/reference"),
    scorers: Annotated[Path | None, typer.Option(help="Folder of measure.py; default: eval beside the data.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Part to measure: anomaly, forecast, rca; others keep their results.")] = None,
) -> None:
    """Measure every model on labelled data and write the results with our worst misses.

    Example:  kizashi accuracy ../data --only anomaly
    """
    scorer = (scorers or data.absolute().parent / "eval") / "measure.py"
    if not scorer.is_file():
        raise Refused(f"no scorer {scorer}: name its folder with --scorers")
    parts = {p.name: p for p in read_results(out).parts}
    for name in only or SERVICES:
        if name not in SERVICES:
            raise Refused(f"there is no part {name!r}: {', '.join(SERVICES)}")
        if importlib.util.find_spec(f"services.{name}.results") is None:
            continue
        module = cast(Measured, importlib.import_module(f"services.{name}.results"))
        with tempfile.TemporaryDirectory(prefix="kizashi-accuracy-") as folder:
            answers = {q.key: ask(scorer, q, data, Path(folder) / str(k)) for k, q in enumerate(module.QUESTIONS)}
            parts[name] = module.part(answers)
    write(out, [parts[name] for name in SERVICES if name in parts])


def ask(scorer: Path, question: Question, data: Path, kept: Path) -> Answer:
    """Run one question; the scorer calls ``kizashi eval``, which is the production code. Raises Refused with what it said."""
    err.print(f"measuring {question.key}", style="dim")
    folder = data.absolute() / question.folder
    command = [sys.executable, str(scorer), question.what, *question.options, "--keep", str(kept)]
    command += ["--kizashi", f"{sys.executable} -m services"]
    if question.folder:
        command += ["--data", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refused(f"{question.key}: {done.stderr[-2000:] or done.stdout[-2000:]}")
    return Answer(json.loads(done.stdout), kept, folder)


def read_results(out: Path) -> Results:
    """Results of the last run; none when there are none yet."""
    file = out / RESULTS
    return msgspec.json.decode(file.read_bytes(), type=Results) if file.is_file() else Results([])


def write(out: Path, parts: list[Part]) -> None:
    """Results file, page, and the pictures of the misses; pictures that nobody names any more go."""
    (out / PICTURES).mkdir(parents=True, exist_ok=True)
    named = set()
    for part in parts:
        for k, miss in enumerate(part.misses):
            name = picture_name(part.name, k)
            if miss.chart is not None:
                miss.picture, miss.chart = picture_of(miss.chart), None
            if miss.picture.startswith("<svg"):
                (out / PICTURES / name).write_text(miss.picture, encoding="utf-8")
                miss.picture = name
            if miss.picture:
                named.add(miss.picture)
    for file in (out / PICTURES).glob("*.svg"):
        if file.name not in named:
            file.unlink()
    results = Results(parts)
    (out / RESULTS).write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")
    (out / "accuracy.md").write_text(page(results), encoding="utf-8")
