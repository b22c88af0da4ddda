#!/usr/bin/env bash
# Makes the virtual environment, or says in one line what is missing.
set -euo pipefail
target=$1
say() { echo "make: $*" >&2; exit 1; }
[ -n "${PYTHON:-}" ] || say "no Python found; install Python 3.11, 3.12 or 3.13, or name one: make setup PYTHON=/path/to/python3.12"
"$PYTHON" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null ||
  say "$PYTHON is $("$PYTHON" -V 2>&1); Python 3.11, 3.12 or 3.13 is needed: make setup PYTHON=python3.12"
"$PYTHON" -c 'import venv, ensurepip' 2>/dev/null ||
  say "$PYTHON has no venv; on Debian or Ubuntu: apt-get install python3-venv"
echo "[0/5] virtual environment from $("$PYTHON" -V)"
[ -x "$target/bin/python" ] && "$target/bin/python" -m pip --version >/dev/null 2>&1 || "$PYTHON" -m venv --clear "$target"
