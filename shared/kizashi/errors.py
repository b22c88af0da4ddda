"""All errors that cross a module boundary, in one tree.

KizashiError
├── InvalidMessage      never retry: the message goes to a dead-letter topic and the rest goes on
├── Backpressure        wait: the other side is slower than we are, nothing is wrong
├── Recoverable         retry with a limit: the network, the broker or the store did not answer
│   ├── StoreUnavailable
│   └── BusUnavailable
├── Refused             a person asked for something we will not do; the text says why and what to do instead
│   ├── ConfigurationError   settings, rules or labels that cannot be taken; the old ones stay in force
│   ├── Conflict             somebody else changed it first
│   └── NotFound
└── Damaged             stored state does not match its checksum or version; rebuild, never misread

Anything else that is raised is a bug: the process ends loudly and the supervisor restarts it.
"""

from __future__ import annotations


class KizashiError(Exception):
    """Root of the tree."""


class InvalidMessage(KizashiError):
    """A message that will never be valid. ``reason`` is a short word from a closed set, used as a metric label."""

    def __init__(self, text: str, reason: str = "invalid") -> None:
        super().__init__(text)
        self.reason = reason


class Backpressure(KizashiError):
    """The receiver is full; wait and offer the same work again."""


class Recoverable(KizashiError):
    """Worth another try, a limited number of times."""


class StoreUnavailable(Recoverable):
    """ClickHouse did not answer, or answered that it cannot now."""


class BusUnavailable(Recoverable):
    """Kafka did not answer, or did not acknowledge in time."""


class Refused(KizashiError):
    """A request that will not be carried out. The text tells the person what to do instead."""


class ConfigurationError(Refused):
    """Settings, rules or labels that cannot be taken; what was in force before stays in force."""


class Conflict(Refused):
    """The object was changed by somebody else since the version this change names."""


class NotFound(Refused):
    """No such object for this tenant."""


class Damaged(KizashiError):
    """Stored state that fails its checksum or has an unknown format."""
