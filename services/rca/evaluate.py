"""``python -m services.rca.evaluate rca|alerts IN OUT``: the evaluation of rca alone, without the roof."""

from __future__ import annotations

import sys
from pathlib import Path

from kizashi.errors import Refused
from services.rca.case_eval import eval_rca
from services.rca.storm_eval import eval_alerts

COMMANDS = {"rca": eval_rca, "alerts": eval_alerts}


def main(arguments: list[str]) -> int:
    """Exit code 0, or 2 with a message that says what to do."""
    if len(arguments) != 3 or arguments[0] not in COMMANDS:
        sys.stderr.write("usage: python -m services.rca.evaluate rca|alerts IN OUT\n")
        return 2
    try:
        COMMANDS[arguments[0]](Path(arguments[1]), Path(arguments[2]))
    except Refused as x:
        sys.stderr.write(f"{x}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
