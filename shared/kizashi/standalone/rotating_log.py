"""A child's output on disk, capped: when the file is full the last half of the history stays beside it."""

from __future__ import annotations

from pathlib import Path

FILE_BYTES = 8 * 1024 * 1024


class RotatingLog:
    """Appends bytes to ``file``; at ``cap`` bytes the file becomes ``file.1`` and a new one begins. Never more than twice ``cap``."""

    def __init__(self, file: Path, cap: int = FILE_BYTES) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self.file = file
        self._cap = cap
        self._stream = file.open("ab", buffering=0)
        self._size = file.stat().st_size

    def write(self, data: bytes) -> None:
        """Append; rotates first when ``data`` would not fit."""
        if self._size and self._size + len(data) > self._cap:
            self._stream.close()
            self.file.replace(self.file.with_name(f"{self.file.name}.1"))
            self._stream = self.file.open("ab", buffering=0)
            self._size = 0
        self._stream.write(data[-self._cap :])
        self._size += min(len(data), self._cap)

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def last_words(self, lines: int = 12, within_bytes: int = 8_192) -> str:
        """The end of what the child said."""
        data = self.file.read_bytes()[-within_bytes:] if self.file.exists() else b""
        return "\n".join(data.decode(errors="replace").splitlines()[-lines:])
