"""Kizashi's library: what services share. Its rooms are listed in docs/architecture.md."""

__version__ = "0.1.0"
