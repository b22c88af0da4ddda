"""What ``kizashi up`` starts for each service: ``python -m services.roof.child NAME``.

Eight of these start at once, so a child imports no command line, no supervisor and no coloured output: what it does before its service
is imported is halved, and 20 MB with it (`kizashi bench start`).
"""

from __future__ import annotations

import sys

UNUSED = ("rich", "pygments", "coverage")
"""Extras that libraries import when they find them: structlog colours tracebacks with rich, httpx has a command line that needs pygments,
numba can report to coverage. A child has no use for any; what was imported before, as coverage is when it measures, stays."""


def main(argv: list[str]) -> int:
    """Run the service ``argv[1]`` until a signal; exit codes as the command's: 1 failed, 2 refused."""
    for extra in UNUSED:
        sys.modules.setdefault(extra, None)  # type: ignore[arg-type]  # None is how Python is told that a module cannot be imported
    from kizashi.errors import KizashiError, Refused
    from services.roof.serve import serve

    name = argv[1] if len(argv) > 1 else ""
    try:
        serve(name)
    except KizashiError as error:
        sys.stderr.write(f"{error}\n")
        return 2 if isinstance(error, Refused) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
