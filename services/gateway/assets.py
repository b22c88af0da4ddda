"""The built web client as files: hashed assets for ever, the page itself never cached, compressed twins when the build made them."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

FOR_EVER = "public, max-age=31536000, immutable"
ENCODINGS = (("br", ".br"), ("gzip", ".gz"))
TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".woff2": "font/woff2", ".webmanifest": "application/manifest+json"}
FILES = frozenset({".js", ".mjs", ".css", ".map", ".json", ".svg", ".png", ".ico", ".txt", ".xml", ".php", ".woff2", ".webmanifest"})
"""What is missing with such an ending is missing; other dots belong to names in addresses, such as a share link's token."""
OURS = "painter"
"""Folder of the build that holds a program of the server (with 35 MB of library): nothing in it is for a browser."""
NOT_BUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Kizashi</title>
<h1>The web client is not built yet</h1>
<p>Run <code>make setup</code> (or <code>npm ci &amp;&amp; npm run build</code> in services/gateway/ui) and reload.</p>
<p lang="ja">画面はまだビルドされていません。<code>make setup</code> を実行して再読み込みしてください。API は動作しています。</p></html>"""


class Assets:
    """Answers every path that is no API: a file below ``root`` when there is one, else the page (its router reads the URL)."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def answer(self, path: str, request: Request) -> Response:
        """The response for a path without its leading slash."""
        file = self._find(path)
        if file is None and (path.startswith(("assets/", f"{OURS}/")) or Path(path).suffix.lower() in FILES):
            return Response("not found\n", 404, media_type="text/plain")
        page = file is None
        file = file or self._root / "index.html"
        if not file.is_file():
            return HTMLResponse(NOT_BUILT, 503, {"Cache-Control": "no-store", "Retry-After": "10"})
        hashed = path.startswith("assets/") and not page
        headers = {"Cache-Control": FOR_EVER if hashed else "no-cache", "Vary": "Accept-Encoding"}
        kind = TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        accepted = request.headers.get("accept-encoding", "")
        for name, suffix in ENCODINGS:
            twin = file.with_name(file.name + suffix)
            if name in accepted and twin.is_file():
                headers["Content-Encoding"] = name
                file = twin
                break
        return FileResponse(file, headers=headers, media_type=kind)

    def _find(self, path: str) -> Path | None:
        if not path or "\x00" in path:
            return None
        file = (self._root / path).resolve()
        inside = file.is_relative_to(self._root) and not file.is_relative_to(self._root / OURS)
        return file if inside and file.is_file() else None
