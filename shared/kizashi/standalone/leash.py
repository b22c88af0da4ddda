"""Starts a program that dies with its parent, also when the parent is killed with SIGKILL.

Run as a file, not imported: ``python -I -S leash.py PARENT_PID NICE PROGRAM ARGUMENT…``. The kernel's parent-death signal and its
priority survive ``execve``, so Java and Python children are held the same way. Elsewhere than on Linux it only starts the program, nicely.
"""

import ctypes
import os
import signal
import sys
import time

PR_SET_PDEATHSIG = 1
AUTOGROUP = "/proc/self/autogroup"
AGAIN_S = 0.1
"""The kernel takes one such change in a tenth of a second from all who are not root."""
ATTEMPTS = 30


def command(nice: int = 0) -> list[str]:
    """What to write in front of a program so that it dies with this process, and lets others go first (``nice``, 0 to 19)."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), str(nice)]


def stand_back(nice: int) -> None:
    """Let others go first, within this session and, where it is our own, among sessions.

    Linux shares processors between sessions before it looks at processes (``sched(7)``, autogroup): children that have a session each
    would get equal shares whatever their nice values.
    """
    os.nice(nice)
    if os.getsid(0) != os.getpid():
        return
    for _ in range(ATTEMPTS):
        try:
            group = os.open(AUTOGROUP, os.O_WRONLY)
            try:
                os.write(group, str(nice).encode())
            finally:
                os.close(group)
        except BlockingIOError:
            time.sleep(AGAIN_S)
        except OSError:  # another system, or one that does not group
            return
        else:
            return


def main() -> None:
    """Ask for the signal, make sure that the parent still lives, become the program."""
    parent, nice, program = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    if os.getpgrp() == os.getpgid(parent):
        os.setpgid(0, 0)  # Ctrl-C goes to the whole foreground group: only the parent may hear it, it stops us in order
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died between fork and prctl
            sys.exit(1)
    if nice:
        stand_back(nice)
    os.execvp(program[0], program)  # noqa: S606 - becoming the program is what this file is for


if __name__ == "__main__":
    main()
