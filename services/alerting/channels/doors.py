"""What a channel may use to reach the world, handed to every ``send``."""

from __future__ import annotations

from dataclasses import dataclass

from kizashi.clock import Clock
from kizashi.secret_files import SecretFiles
from services.alerting.channels.https import Https
from services.alerting.channels.pictures import Pictures


@dataclass(frozen=True)
class Doors:
    """HTTP, secrets and the time."""

    https: Https
    secrets: SecretFiles
    clock: Clock
    base_url: str = ""
    """Where people reach the gateway, for the links of a page."""
    pictures: Pictures | None = None
    """Charts for messages; None: none go along."""
