"""Starts a program that dies with its parent, also when the parent is killed with SIGKILL.

Run as a file, not imported: ``python -I -S leash.py PARENT_PID PROGRAM ARGUMENT…``. The kernel's parent-death signal survives
``execve``, so Java and Python children are held the same way. Elsewhere than on Linux it only starts the program.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def command() -> list[str]:
    """What to write in front of a program so that it dies with this process."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid())]


def main() -> None:
    """Ask for the signal, make sure that the parent still lives, become the program."""
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if os.getpgrp() == os.getpgid(parent):
        os.setpgid(0, 0)  # Ctrl-C goes to the whole foreground group: only the parent may hear it, it stops us in order
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died between fork and prctl
            sys.exit(1)
    os.execvp(program[0], program)  # noqa: S606 - becoming the program is what this file is for


if __name__ == "__main__":
    main()
