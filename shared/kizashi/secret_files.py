"""Secrets of channels: files in one folder, named by the configuration, read when they are needed so that replacing a file is enough."""

from __future__ import annotations

import re
from pathlib import Path

from kizashi.errors import Refused

LONGEST_SECRET = 8_192
FOLDER = Path("secrets") / "channels"
"""Below the house's data folder."""
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"
"""A file name and nothing else: no folder, so that a channel cannot name any other file of the machine, nor another tenant's."""
HOME_TENANT = "default"
"""Its files lie in the folder itself; every other tenant's in a folder of its name."""


class SecretFiles:
    """Reads secrets; its errors name the file, never what is in it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str, tenant: str) -> str:
        """The file's text without surrounding white space. Raises Refused when it is missing, empty, too long or not text."""
        if not re.fullmatch(NAME, name) or not re.fullmatch(NAME, tenant):
            raise Refused("a secret is named by a file name in the secrets folder, without a path")
        own = Path() if tenant == HOME_TENANT else Path(tenant)
        try:
            data = (self._folder / own / name).read_bytes()
        except OSError as x:
            raise Refused(f"the secret file {name!r} cannot be read ({x.strerror}): put it into {FOLDER / own} of the data folder") from x
        if not 0 < len(data) <= LONGEST_SECRET:
            raise Refused(f"the secret file {name!r} has {len(data)} bytes; 1 to {LONGEST_SECRET} are expected")
        try:
            text = data.decode().strip()
        except UnicodeDecodeError:
            text = ""
        if not text or not text.isprintable():
            raise Refused(f"the secret file {name!r} does not hold one line of text")
        return text
