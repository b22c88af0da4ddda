"""Commands of ingest: ``send``, ``tail``, ``dead-letters``. The roof hands settings over as ``ctx.obj()``."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from kizashi.contracts.topics import METRICS
from kizashi.errors import Refused
from kizashi.settings import Settings
from kizashi.stream.consumer import Lookout
from kizashi.stream.dead_letter_box import DEAD_LETTER_TOPICS, Letter, letters
from kizashi.stream.dead_letter_box import replay as replay_letters
from kizashi.stream.producer import Producer
from services.ingest import files, sending
from services.ingest.files import FileSample, Reading
from services.ingest.tailing import Teller, full_name
from services.ingest.tickets_file import holds_tickets, read_tickets, send_tickets
from services.ingest.times import text_ms

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
dead_letters = typer.Typer(no_args_is_help=True, help="List and replay refused messages.")


def _settings(ctx: typer.Context) -> Settings:
    load: Callable[[], Settings] = ctx.obj
    return load()


def send(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(metavar="FILE|-", help="CSV, JSON, NDJSON or .npz; - reads standard input.")],
    metric: Annotated[str, typer.Option(help="Metric of files that name none; default: the file's name.")] = "",
    rate: Annotated[float | None, typer.Option(help="At most so many samples a second.", min=0.001)] = None,
    speed: Annotated[float | None, typer.Option(help="Replay at so many times the recorded pace; time stamps are kept.", min=0.001)] = None,
    history: Annotated[bool, typer.Option("--history", help="Learn in time order, open no episodes.")] = False,
    topic: Annotated[str, typer.Option(help="Topic of another tenant.")] = METRICS.name,
    url: Annotated[str, typer.Option(help="Send over HTTP to this address instead, with the key in KIZASHI_KEY.")] = "",
    ignore: Annotated[list[str] | None, typer.Option(help="CSV column that is no label; may be repeated.")] = None,
    as_json: Json = False,
) -> None:
    """Send a file of samples and return when all are acknowledged.

    CSV needs a time and a value column; a metric column names the metric, other columns are labels. Times are epoch s, ms,
    µs or ns, RFC 3339, or YYYY-MM-DD HH:MM:SS in UTC. Exit code 1 when some lines could not be read. A CSV with opened and
    priority columns (and acknowledged, resolved, queue, id, …) holds tickets: resolved ones teach the risk of being late.

    Example:  kizashi send cpu.csv --metric cpu.load --speed 600
    """
    if rate is not None and speed is not None:
        raise Refused("--rate and --speed exclude each other: a rate ignores the recorded pace")
    if source.lower().endswith(".csv") and Path(source).is_file() and holds_tickets(next(_open_lines(Path(source)), "")):
        _send_tickets(source, _settings(ctx), as_json)
        return
    how = Reading(metric or (Path(source).stem if source != "-" else "stdin"), files.NOT_LABELS | frozenset(ignore or ()))
    started = time.monotonic()
    samples = read(source, how)
    way: sending.Way
    if url:
        way = sending.ToHttp(url, os.environ.get("KIZASHI_KEY", ""), history)
    else:
        way = sending.ToKafka(Producer(_settings(ctx).kafka, "kizashi-send"), topic, history)
    if speed:
        parts = sending.paced(samples, speed)
    elif rate:
        parts = sending.limited(samples, rate)
    else:
        parts = sending.bundles(samples, 1 if source == "-" and sys.stdin.isatty() else sending.SAMPLES_A_MESSAGE * 4)
    sent = sending.send_all(parts, way)
    _report(sent, how, time.monotonic() - started, as_json)


def _send_tickets(source: str, settings: Settings, as_json: bool) -> None:
    file = read_tickets(_open_lines(Path(source)), settings.tenant)
    send_tickets(file, settings.kafka)
    bad = file.findings
    if as_json:
        typer.echo(
            json.dumps({"past": file.past, "open": file.open, "events": len(file.events), "bad": bad.bad, "first_bad": bad.first_bad})
        )
    else:
        typer.echo(f"{file.past:,} past and {file.open:,} open tickets sent and acknowledged")
    if bad.bad:
        typer.echo(f"{bad.bad:,} could not be read; first {bad.first_bad}", err=True)
    if bad.bad or not file.events:
        raise typer.Exit(1)


def _report(sent: sending.Sent, how: Reading, seconds: float, as_json: bool) -> None:
    found = how.findings
    if as_json:
        body = {
            "sent": sent.samples, "series": len(sent.series), "blank": found.blank, "bad": found.bad, "first_bad": found.first_bad,
            "first_ms": sent.first_ms, "last_ms": sent.last_ms, "seconds": round(seconds, 3),
        }  # fmt: skip
        typer.echo(json.dumps(body, ensure_ascii=False))
    else:
        typer.echo(f"{sent.samples:,} samples of {len(sent.series):,} series sent and acknowledged in {seconds:.1f} s")
        if found.blank:
            typer.echo(f"{found.blank:,} rows without a value left out")
    if found.bad:
        typer.echo(f"{found.bad:,} could not be read; first {found.first_bad}", err=True)
    if found.bad or not sent.samples:
        raise typer.Exit(1)


def read(source: str, how: Reading) -> Iterator[FileSample]:
    """Samples of a file by its ending, or of standard input (NDJSON, or CSV when its first line is no JSON)."""
    if source == "-":
        return _lines(iter(sys.stdin), how)
    path = Path(source)
    if not path.is_file():
        raise Refused(f"no file {source}")
    ending = path.suffix.lower()
    if ending == ".npz":
        return files.read_npz(path, how)
    if ending == ".json":
        return files.read_json(path.read_bytes(), how, _now_ms)
    return _lines(_open_lines(path), how)


def _open_lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        yield from file


def _lines(lines: Iterator[str], how: Reading) -> Iterator[FileSample]:
    first = next(lines, "")
    rest = _chain(first, lines)
    return files.read_ndjson(rest, how, _now_ms) if first.lstrip()[:1] in ("{", "[") else files.read_csv(rest, how)


def _chain(first: str, rest: Iterable[str]) -> Iterator[str]:
    yield first
    yield from rest


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def tail(
    ctx: typer.Context,
    topic: Annotated[str, typer.Argument(help="A topic: samples, scores, episodes, …")],
    last: Annotated[int, typer.Option(help="Begin so many messages a partition before the end.", min=0)] = 0,
    count: Annotated[int, typer.Option("--count", "-n", help="Stop after so many lines; 0 goes on.", min=0)] = 0,
    as_json: Json = False,
) -> None:
    """Print what a topic carries, live, until Ctrl-C.

    Example:  kizashi tail scores -n 20
    """
    name = full_name(topic)
    lookout, teller, told = Lookout(_settings(ctx).kafka, name, last), Teller(name), 0
    try:
        while True:
            for message in lookout.poll(0.2):
                for line in teller.lines(message):
                    typer.echo(json.dumps(line, ensure_ascii=False) if as_json else _plain(line))
                    told += 1
                    if told == count:
                        return
    except KeyboardInterrupt:
        return
    finally:
        lookout.close()


def _plain(line: dict[str, Any]) -> str:
    return " ".join(f"{k}={json.dumps(v, ensure_ascii=False) if isinstance(v, dict | list) else v}" for k, v in line.items())


def _boxes(topic: str) -> tuple[str, ...]:
    return tuple(b for b in DEAD_LETTER_TOPICS if topic in b) if topic else DEAD_LETTER_TOPICS


@dead_letters.command("list")
def list_letters(
    ctx: typer.Context,
    topic: Annotated[str, typer.Option(help="Only letters whose topic holds this text.")] = "",
    last: Annotated[int, typer.Option(help="The last so many.", min=1)] = 20,
    as_json: Json = False,
) -> None:
    """Show the newest dead letters: place, reason and the first bytes.

    Example:  kizashi dead-letters list --topic metrics
    """
    found = sorted(letters(_settings(ctx).kafka, _boxes(topic), last), key=lambda x: x.about.at_ms)[-last:]
    if as_json:
        typer.echo(json.dumps([_letter(x) for x in found], ensure_ascii=False, indent=1))
        return
    for x in found:
        typer.echo(_plain(_letter(x)))
    if not found:
        typer.echo("no dead letters")


@dead_letters.command("replay")
def replay(
    ctx: typer.Context,
    topic: Annotated[str, typer.Option(help="Only letters whose topic holds this text.")] = "",
    reason: Annotated[str, typer.Option(help="Only letters refused for this reason.")] = "",
    since: Annotated[str, typer.Option(help="Only letters set aside since this time.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, send nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Send dead letters back to the topics they came from, after the cause is mended.

    Example:  kizashi dead-letters replay --reason schema --since 2026-01-31T08:00:00Z
    """
    since_ms = text_ms(since) if since else 0

    def wanted(letter: Letter) -> bool:
        return letter.about.at_ms >= since_ms and reason in ("", letter.about.reason)

    kafka, boxes = _settings(ctx).kafka, _boxes(topic)
    count = sum(map(wanted, letters(kafka, boxes))) if dry_run else replay_letters(kafka, wanted, boxes)
    done = "would be sent" if dry_run else "sent"
    typer.echo(json.dumps({"replayed": 0 if dry_run else count, "found": count}) if as_json else f"{count:,} letters {done} back")


def _letter(x: Letter) -> dict[str, Any]:
    a = x.about
    shown = (x.value or b"")[:120].decode(errors="replace")
    return {"box": x.box, "offset": x.offset, "at_ms": a.at_ms, "from": f"{a.topic}/{a.partition}/{a.offset}", "item": a.item,
            "reason": a.reason, "text": a.text, "bytes": shown}  # fmt: skip
