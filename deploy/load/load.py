"""100 people on a running gateway: clicks and WebSockets. ``python deploy/load/load.py --key KEY [--url URL]``"""

from __future__ import annotations

import argparse
import json
import os
import sys

from services.gateway.bench import load, run


def main() -> int:
    """Print the report as JSON; exit 1 when a request failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default=f"http://127.0.0.1:{os.environ.get('KIZASHI_PORT', '8080')}")
    parser.add_argument(
        "--key", default=os.environ.get("KIZASHI_KEY", ""), help="key with the scopes read and admin; each person gets one of their own"
    )
    parser.add_argument("--people", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=300.0)
    asked = parser.parse_args()
    if not asked.key:
        parser.error("a key is needed: kizashi token create load --scope read --scope admin, then --key or KIZASHI_KEY")
    report = run(load(asked.url, asked.key, asked.people, asked.seconds))
    sys.stdout.write(json.dumps(report, indent=2) + "\n")
    return 1 if report["errors"] else 0


if __name__ == "__main__":
    sys.exit(main())
