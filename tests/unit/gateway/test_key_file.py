"""The key file that ingest and the gateway read: a key just made works at once, a broken file takes nobody's key away."""

from __future__ import annotations

import json
import os
from pathlib import Path

from kizashi.key_file import KeyFile


def write(path: Path, *prefixes: str, **change: object) -> None:
    path.write_text(json.dumps([{"prefix": p, "sha256": "s", "tenant": "t", "scopes": ["read"], **change} for p in prefixes]))


def test_a_key_just_made_works_even_when_the_stamp_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    keys = KeyFile(path)
    assert keys.find("a") is None
    write(path, "a")
    found = keys.find("a")
    assert found is not None and found.tenant == "t"
    stamp = path.stat()
    path.write_text(path.read_text().replace('"a"', '"b"'))  # same size, same file
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    keys._read_at -= 1.0  # the time that guesses are held back for has passed
    assert keys.find("b") is not None and keys.find("a") is None


def test_a_broken_file_leaves_the_keys_and_a_missing_one_takes_them(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    write(path, "a")
    keys = KeyFile(path)
    assert keys.find("a") is not None
    path.write_text("[{")
    assert keys.find("a") is not None
    path.write_text(json.dumps([{"prefix": "c"}, 7, {"prefix": "d", "sha256": "s", "tenant": "t", "scopes": []}]))
    assert keys.find("d") is not None and keys.find("c") is None and keys.find("a") is None
    path.unlink()
    assert keys.find("d") is None


def test_guesses_do_not_read_the_file_each_time(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    write(path, "a")
    keys = KeyFile(path)
    keys.find("a")
    read_at = keys._read_at
    for n in range(100):
        keys.find(f"guess{n}")
    assert keys._read_at - read_at < 1.0
