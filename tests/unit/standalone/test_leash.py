"""What stands in front of every child: its priority reaches the program, among processes and among sessions."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kizashi.standalone import leash

GROUPS = Path("/proc/sys/kernel/sched_autogroup_enabled")
grouped = pytest.mark.skipif(not GROUPS.exists() or GROUPS.read_text().strip() != "1", reason="this kernel does not share by session")
SAY = "import os; print(os.nice(0)); print(open('/proc/self/autogroup').read() if os.path.exists('/proc/self/autogroup') else '')"


def said(nice: int, own_session: bool) -> list[str]:
    command = [*leash.command(nice), sys.executable, "-c", SAY]
    return subprocess.run(command, start_new_session=own_session, capture_output=True, text=True, check=True).stdout.split("\n")


@pytest.mark.parametrize("nice", [0, 7])
def test_the_program_has_the_nice_value_it_was_given(nice: int) -> None:
    assert int(said(nice, own_session=True)[0]) == min(19, os.nice(0) + nice), "on top of ours"


@grouped
def test_its_session_stands_back_too_since_processors_are_shared_by_session() -> None:
    assert said(7, own_session=True)[1].endswith(" nice 7")


@grouped
def test_a_session_that_is_not_its_own_keeps_its_priority() -> None:
    assert said(0, own_session=False)[1] == said(7, own_session=False)[1]
