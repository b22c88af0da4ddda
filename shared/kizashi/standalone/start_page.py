"""What a browser sees while the house starts: a page on the web client's port that says which part is being waited for.

The gateway asks for its port when it has been imported (``let_go``); the page asks on and shows the client as soon as the gateway answers.
Programs get 503 with Retry-After. English, or Japanese for a browser that prefers it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import Callable, Sequence
from html import escape

PROGRESS = "/starting.json"
LOOPBACK = ("127.0.0.1", "::1")
MOST_HEAD_BYTES = 16_384
ASKED_WITHIN_S = 5.0
TEXTS = {
    "en": {
        "title": "Kizashi is starting", "took": "seconds so far; the first start takes about half a minute",
        "next": "The services are starting. The page opens by itself.",
        "gone": "Nothing answers for a minute now. What went wrong stands in the terminal that started Kizashi.",
        "waiting": "waits", "starting": "starts", "ready": "ready", "unready": "does not answer", "pausing": "starts again soon",
        "stopped": "stopped",
    },
    "ja": {
        "title": "兆しを起動しています", "took": "秒経過(初回は 30 秒ほどかかります)",
        "next": "サービスを起動しています。画面は自動で開きます。",
        "gone": "1 分間応答がありません。原因は、起動した端末に表示されています。",
        "waiting": "待機中", "starting": "起動中", "ready": "準備完了", "unready": "応答なし", "pausing": "まもなく再起動",
        "stopped": "停止",
    },
}  # fmt: skip
_PAGE = """<!doctype html><html lang="{lang}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark"><title>{title}</title><style>
body{{font:16px/1.6 system-ui,sans-serif;display:grid;place-content:center;min-height:90vh;margin:0;padding:1rem}}
h1{{font-size:1.4rem;font-weight:600}}dl{{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1.5rem}}dd{{margin:0;opacity:.75}}
</style></head><body><main><h1>{title}</h1>
<p role="status"><span id="s">{elapsed}</span> {took}</p><dl id="p">{parts}</dl><p id="n"></p></main>
<noscript><meta http-equiv="refresh" content="2"></noscript><script>
const text={texts},began=Date.now()-{elapsed}*1000,$=i=>document.getElementById(i);let heard=Date.now();
async function ask(){{
  $('s').textContent=Math.round((Date.now()-began)/1000);
  try{{
    const r=await fetch('{progress}',{{cache:'no-store'}});
    if(r.headers.get('X-Kizashi-Starting')!=='1'){{location.reload();return}}
    heard=Date.now();const found=await r.json();
    $('p').replaceChildren(...found.parts.flatMap(([name,state])=>{{
      const t=document.createElement('dt'),d=document.createElement('dd');
      t.textContent=name;d.textContent=text[state]??state;return[t,d]}}));
  }}catch{{$('n').textContent=Date.now()-heard>60000?text.gone:text.next}}
  setTimeout(ask,700);
}}
setTimeout(ask,300);</script></body></html>"""


class StartPage:
    """Serves ``parts()``, pairs of a part's name and its state, on ``bind:port`` from ``open`` to ``close``."""

    def __init__(self, bind: str, port: int, parts: Callable[[], Sequence[tuple[str, str]]]) -> None:
        self._bind, self._port, self._parts = bind, port, parts
        self._began = time.monotonic()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen. A port that cannot be had is the gateway's to complain about."""
        with contextlib.suppress(OSError):
            self._server = await asyncio.start_server(self._answer, self._bind, self._port, limit=MOST_HEAD_BYTES, backlog=16)

    def close(self) -> None:
        """Let go of the port, at once; harmless when it is not open."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(ASKED_WITHIN_S):
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                if head.startswith(f"DELETE {PROGRESS} ") and writer.get_extra_info("peername")[0] in LOOPBACK:
                    self.close()
                writer.write(self.answer(head))
                await writer.drain()
        writer.close()

    def answer(self, head: str) -> bytes:
        """The whole HTTP answer to a request's head: 503 with the page for a browser, with JSON for everybody else."""
        first, _, rest = head.partition("\r\n")
        path = [*first.split(" "), "", ""][1].partition("?")[0]
        headers = {k.strip().lower(): v.strip().lower() for k, _, v in (line.partition(":") for line in rest.split("\r\n"))}
        elapsed, parts = round(time.monotonic() - self._began), self._parts()
        if path != PROGRESS and "text/html" in headers.get("accept", ""):
            kind, body = "text/html", page("ja" if headers.get("accept-language", "").startswith("ja") else "en", elapsed, parts)
        else:
            kind = "application/json" if path == PROGRESS else "application/problem+json"
            told = {"type": "about:blank", "title": "Kizashi is starting", "status": 503, "elapsed_s": elapsed, "parts": parts}
            body = json.dumps(told)
        data = body.encode()
        return (
            f"HTTP/1.1 503 Service Unavailable\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {len(data)}\r\nRetry-After: 1\r\n"
            "X-Kizashi-Starting: 1\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nContent-Security-Policy: default-src "
            "'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'\r\n"
            "Connection: close\r\n\r\n"
        ).encode() + (b"" if first.startswith("HEAD ") else data)


def let_go(host: str, port: int) -> None:
    """Have a start page on ``host:port`` give the port back; returns when it has, or when there is none."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=ASKED_WITHIN_S) as link:
        link.sendall(f"DELETE {PROGRESS} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        while link.recv(4_096):
            pass


def page(lang: str, elapsed_s: int, parts: Sequence[tuple[str, str]]) -> str:
    """The page as HTML; it goes on by itself and needs nothing from elsewhere."""
    text = TEXTS[lang]
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text.get(state, state))}</dd>" for name, state in parts)
    return _PAGE.format(
        lang=lang, title=text["title"], took=text["took"], elapsed=elapsed_s, parts=rows, texts=json.dumps(text), progress=PROGRESS
    )
