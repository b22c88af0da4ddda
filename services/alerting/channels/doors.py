"""What a channel may use to reach the world, handed to every ``send``."""

from __future__ import annotations

from dataclasses import dataclass

from kizashi.clock import Clock
from services.alerting.channels.https import Https
from services.alerting.channels.secret_files import SecretFiles


@dataclass(frozen=True)
class Doors:
    """HTTP, secrets and the time."""

    https: Https
    secrets: SecretFiles
    clock: Clock
    base_url: str = ""
    """Where people reach the gateway, for the links of a page."""
