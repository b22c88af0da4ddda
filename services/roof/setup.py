"""``kizashi setup``: what pip does not install - Kafka's jars, checked against the lock, and the Java start-up cache."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from kizashi.errors import KizashiError
from kizashi.standalone import jars, java, kafka
from services.roof.output import err


def setup(cache: Annotated[bool, typer.Option("--cache/--no-cache", help="Build the Java start-up cache (66 MB).")] = True) -> None:
    """Fetch Kafka's jars into the installation and build the Java start-up cache. Done once; again it only checks.

    Example:  KIZASHI_MAVEN_REPOSITORY=https://mirror.example/maven2 kizashi setup
    """
    lock, tools = jars.read_lock(), java.tools_folder()
    with Progress(console=err, transient=True) as progress:
        task = progress.add_task(f"Kafka {lock.kafka}", total=len(lock.jars))
        jars.fetch(lock, kafka.jar_folder(tools, lock), progress=lambda done, _: progress.update(task, completed=done))
    err.print(f"Kafka {lock.kafka}: {len(lock.jars)} jars, all hashes as in the lock")
    with err.status("Compiling the scoring kernels (once, up to a minute)"):
        compile_kernels()
    err.print("Scoring kernels: compiled")
    if cache:
        with tempfile.TemporaryDirectory(prefix="kizashi-") as scratch, err.status("Java start-up cache (once, about 10 s)"):
            try:
                made = kafka.build_cache(Path(scratch))
            except KizashiError as error:  # a slower start is no reason to fail the set-up
                err.print(f"Java start-up cache not made: {error}", style="yellow", markup=False)
                return
        err.print("Java start-up cache: " + ("ready" if made else "left out, the disk is nearly full"))


def compile_kernels() -> None:
    """Compile what the scoring services run; numba keeps it beside the code, so the first start need not wait for a compiler."""
    from services.anomaly.model import warm_up as anomaly
    from services.forecast.model import warm_up as forecast

    anomaly()
    forecast()
