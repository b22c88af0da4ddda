"""The one-time login link that ``kizashi up`` prints: a token in a file that only its owner can read, gone after one use."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from services.gateway import credentials


def path(home: Path) -> Path:
    """Where the token is."""
    return home / "run" / "login-token"


def issue(home: Path) -> str:
    """Write a new token (mode 0600), replacing an unused one; returns it."""
    place = path(home)
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh = credentials.token()
    draft = place.with_name(f"{place.name}.{os.getpid()}.new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(fresh)
    draft.replace(place)
    return fresh


def redeem(home: Path, offered: str, valid_s: float) -> bool:
    """True once for the right token. A wrong one leaves the file; the right one takes it away before anything else happens."""
    place = path(home)
    try:
        expected = place.read_text().strip()
        age_s = time.time() - place.stat().st_mtime
    except OSError:
        return False
    if not expected or not credentials.same(expected, offered):
        return False
    claimed = place.with_name(f"{place.name}.{os.getpid()}.used")
    try:
        place.rename(claimed)  # atomic: of two processes with the right token only one gets past this line
    except OSError:
        return False
    with contextlib.suppress(OSError):
        claimed.unlink()
    return age_s < valid_s
