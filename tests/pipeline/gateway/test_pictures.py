"""Pictures of a running gateway: real store, real painter. Decoded with our own few lines, so that a wrong PNG is seen."""

from __future__ import annotations

import os
import struct
import time
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from kizashi.clock import SystemClock
from kizashi.contracts.ids import format_series_id
from kizashi.contracts.pictures import Picture, sign
from kizashi.settings import KafkaSettings, StoreSettings
from kizashi.stream.config import load_signing_key, picture_key
from services.alerting.channels.pictures import Pictures
from services.alerting.notification import AlertSummary, Notification
from services.alerting.page import Attached
from tests.pipeline.gateway.house import FRESH, House, house, unique_labels

pytestmark = pytest.mark.pipeline
SECOND = 1_000


def pixels(png: bytes) -> tuple[int, int, set[bytes]]:
    """Width, height, and the colours of a PNG with a palette; checks signature, chunks, checksums and that every row is whole."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    at, found = 8, {b"IDAT": b""}
    while at < len(png):
        (length,), name = struct.unpack(">I", png[at : at + 4]), png[at + 4 : at + 8]
        body = png[at + 8 : at + 8 + length]
        assert zlib.crc32(name + body) == struct.unpack(">I", png[at + 8 + length : at + 12 + length])[0]
        found[name] = found.get(name, b"") + body
        at += 12 + length
    width, height, depth, kind = struct.unpack(">IIBB", found[b"IHDR"][:10])
    assert (depth, kind) == (8, 3)
    raw = zlib.decompress(found[b"IDAT"])
    assert len(raw) == (width + 1) * height and not any(raw[:: width + 1]), "rows without a filter"
    used = {raw[n] for n in range(len(raw)) if n % (width + 1)}
    return width, height, {found[b"PLTE"][3 * n : 3 * n + 3] for n in used}


def planted(gateway: House, tenant: str = "default", count: int = 120) -> tuple[str, int]:
    """A series whose last samples are odd, and when it begins."""
    now_ms = int(time.time() * SECOND) // SECOND * SECOND
    number = gateway.add_series(tenant, "latency", unique_labels("checkout"))
    gateway.add_samples([number], now_ms - 200 * SECOND, SECOND, count)
    return format_series_id(number), now_ms - 200 * SECOND


def asked(series: str | list[str], start_ms: int, **more: Any) -> dict[str, Any]:
    """A small picture of a fixed range: the pixels are decoded in Python."""
    return {"series": series, "from": start_ms, "to": start_ms + 200 * SECOND, "width": 320, "height": 160, "scale": 1, **more}


async def test_a_panel_comes_as_png_and_svg(gateway: House) -> None:
    series, start_ms = planted(gateway)
    async with gateway.client("default/read") as client:
        began = time.perf_counter()
        first = await client.get("/api/v1/range/picture.png", params=asked(series, start_ms))
        took_s = time.perf_counter() - began
        assert first.status_code == 200, first.text
        assert first.headers["content-type"] == "image/png"
        width, height, colours = pixels(first.content)
        assert (width, height) == (320, 160) and len(colours) > 20
        assert b"\xfb\xfc\xfc" in colours and b"\xfb\xe6\xdf" in colours, "ground, and the odd stretch"
        print(f"first picture {took_s * 1000:.0f} ms, {len(first.content)} bytes")

        began = time.perf_counter()
        large = await client.get("/api/v1/range/picture.png", params=asked(series, start_ms, width=720, height=300, scale=2))
        print(f"720 x 300 at double fineness {(time.perf_counter() - began) * 1000:.0f} ms, {len(large.content)} bytes")
        assert struct.unpack(">II", large.content[16:24]) == (1440, 600)

        dark = await client.get("/api/v1/range/picture.png", params=asked(series, start_ms, theme="dark"))
        assert b"\x15\x1c\x28" in pixels(dark.content)[2]

        svg = await client.get("/api/v1/range/picture.svg", params=asked(series, start_ms, lang="ja", zone="Asia/Tokyo", threshold=50))
        assert svg.headers["content-type"] == "image/svg+xml" and svg.headers["x-content-type-options"] == "nosniff"
        assert "しきい値 50" in svg.text and "JST" in svg.text and "service=checkout" in svg.text


async def test_it_changes_with_the_data_and_only_with_them(gateway: House) -> None:
    series, start_ms = planted(gateway, count=60)
    async with gateway.client("default/read") as client:
        one = await client.get("/api/v1/range/picture.png", params=asked(series, start_ms))
        again = await client.get("/api/v1/range/picture.png", params=asked(series, start_ms))
        assert one.content == again.content and one.headers["etag"] == again.headers["etag"]
        known = await client.get(
            "/api/v1/range/picture.png", params=asked(series, start_ms), headers={"If-None-Match": one.headers["etag"]}
        )
        assert known.status_code == 304 and not known.content
        other, _ = planted(gateway, count=110)
        changed = await client.get("/api/v1/range/picture.png", params=asked(other, start_ms))
        assert changed.content != one.content and changed.headers["etag"] != one.headers["etag"]


async def test_several_series_forecast_and_stored_episodes_are_drawn(gateway: House) -> None:
    series, start_ms = planted(gateway)
    other, _ = planted(gateway)
    body = (
        f'{{"id":"e-{series}","version":1,"tenant":"default","series_id":"{series}","metric":"latency","labels":{{}},"state":"open",'
        f'"kind":"anomaly","severity":"warning","opened_ms":{start_ms + 30_000},"updated_ms":{start_ms + 40_000}}}'
    )
    gateway.store.command(
        "INSERT INTO episodes (tenant, opened, id, series_id, body, written) VALUES "
        f"('default', fromUnixTimestamp64Milli({start_ms + 30_000}), 'e-{series}', {int(series, 16)}, '{body}', now64(3))"
    )
    async with gateway.client("default/read") as client:
        svg = await client.get("/api/v1/range/picture.svg", params=asked([series, other], start_ms))
        assert svg.text.count("stroke-dasharray") >= 1 and svg.status_code == 200
        plain = await client.get("/api/v1/range/picture.svg", params=asked(series, start_ms, episodes=False))
        stored = await client.get("/api/v1/range/picture.svg", params=asked(series, start_ms, episodes=True, forecast=True))
        assert stored.status_code == 200 and stored.text != plain.text
        wash = [line for line in stored.text.split("<rect ") if 'fill="#fbe6df"' in line]
        assert len(wash) == 2, "the legend's and that of the one episode"


async def test_bad_questions_get_a_reason(gateway: House) -> None:
    series, start_ms = planted(gateway)
    async with gateway.client("default/read") as client:
        for more, status in (
            ({"width": 10}, 422), ({"width": 2_000, "height": 1_500, "scale": 3}, 422), ({"zone": "Mars/Base"}, 400),
            ({"zone": "../x"}, 400), ({"from": "soon"}, 400), ({"to": start_ms}, 400),
            ({"theme": "pink"}, 422), ({"lang": "fr"}, 422),
            ({"threshold": "nan"}, 422), ({"title": "x" * 999}, 422), ({"series": ["00000000000000ff"]}, 404), ({"series": ["x"]}, 400),
            ({"series": [series] * 99}, 422),
        ):  # fmt: skip
            answer = await client.get("/api/v1/range/picture.png", params=asked(series, start_ms) | more)
            assert answer.status_code == status, f"{more}: {answer.status_code} {answer.text}"
            assert answer.headers["content-type"] == "application/problem+json"
        empty = await client.get("/api/v1/range/picture.svg", params=asked(series, start_ms - 86_400_000))
        assert empty.status_code == 200 and "No samples in this range" in empty.text
        markup = await client.get("/api/v1/range/picture.svg", params=asked(series, start_ms, title="<script>x</script>"))
        assert "<script>" not in markup.text


async def test_a_link_shows_one_picture_to_anybody_until_it_ends(gateway: House) -> None:
    series, start_ms = planted(gateway, "acme")
    key = picture_key(load_signing_key(gateway.settings.signing_key_path))
    until_ms = int(time.time() * SECOND) + 60_000
    picture = Picture(
        "acme", [series], start_ms, start_ms + 200 * SECOND, "alert", width=320, height=160, shaded=[(start_ms, start_ms + 9_000)]
    )
    token = sign(picture, until_ms, key)
    async with gateway.client() as stranger:
        shown = await stranger.get(f"/api/v1/pictures/{token}")
        assert shown.status_code == 200, shown.text
        assert pixels(shown.content)[:2] == (320, 160)
        assert shown.headers["cross-origin-resource-policy"] == "cross-origin"
        refused = {
            "changed": token[:-2] + ("AA" if token[-2:] != "AA" else "BB"),
            "expired": sign(picture, int(time.time() * SECOND) - 1, key),
            "another key": sign(picture, until_ms, picture_key(b"x" * 40)),
            "the signing key itself": sign(picture, until_ms, load_signing_key(gateway.settings.signing_key_path)),
            "no link": "a.b",
        }
        for name, bad in refused.items():
            answer = await stranger.get(f"/api/v1/pictures/{bad}")
            assert answer.status_code == 403, f"{name}: {answer.status_code}"
            assert "acme" not in answer.text and series not in answer.text
        elsewhere = sign(Picture("default", [series], start_ms, start_ms + 200 * SECOND), until_ms, key)
        assert (await stranger.get(f"/api/v1/pictures/{elsewhere}")).status_code == 404, "the series is another tenant's"
        assert (
            await stranger.get("/api/v1/range", params={"series": series}, headers={"Authorization": f"Bearer {token}"})
        ).status_code == 401


async def test_alerting_has_the_chart_of_a_message_small_enough_for_teams(gateway: House) -> None:
    series, start_ms = planted(gateway, count=200)
    started_ms, now_ms = start_ms + 100 * SECOND, start_ms + 200 * SECOND
    alert = AlertSummary("a", "slow", "critical", "firing", "checkout: latency is not as expected", started_ms, now_ms, series=series)
    n = Notification("key", "default", "it", "firing", "g", "v", "critical", "slow", ["slow"], now_ms, alerts=[alert])
    key = picture_key(load_signing_key(gateway.settings.signing_key_path))
    async with gateway.client() as stranger:
        pictures = Pictures(gateway.url, "https://kizashi.example", key, SystemClock(), within_s=10.0)
        for small, longest in ((False, 60_000), (True, 14_000)):
            found = await pictures.of(n, "ja", "Asia/Tokyo", small)
            assert isinstance(found, Attached), found
            assert pixels(found.png)[0] == (440 if small else 1_280) and len(found.png) < longest
            print(f"chart of a message {'for Teams' if small else ''}: {len(found.png)} bytes")
            again = await stranger.get(found.url.removeprefix("https://kizashi.example"))
            assert again.status_code == 200 and again.content == found.png, "the link in the message shows the same"
        began = time.perf_counter()
        assert isinstance(await pictures.of(n, "en", "UTC"), Attached)  # not drawn before in English
        print(
            f"from asking to having it {(time.perf_counter() - began) * 1000:.0f} ms"
        )  # the limit is 1.5 s, on a machine that is not busy
        await pictures.close()


async def test_a_painter_that_is_killed_is_replaced_and_ends_with_the_gateway(gateway: House) -> None:
    series, start_ms = planted(gateway)
    async with gateway.client("default/read") as client:
        assert (await client.get("/api/v1/range/picture.png", params=asked(series, start_ms))).status_code == 200
        (pid,) = painters()
        os.kill(pid, 9)
        again = asked(series, start_ms, title="again")
        deadline_s = time.monotonic() + 20
        while (await client.get("/api/v1/range/picture.png", params=again)).status_code != 200:
            assert time.monotonic() < deadline_s, "no painter took over"
        (other,) = painters()
        assert other != pid
        print(f"painter {resident_mb(other):.0f} MB")


async def test_a_link_that_is_asked_too_often_keeps_no_other_from_its_picture(
    kafka: KafkaSettings, clickhouse: StoreSettings, tmp_path: Path
) -> None:
    async with house(kafka, clickhouse, tmp_path, replace(FRESH, requests_per_s=0.2)) as gateway:  # a burst of two
        series, start_ms = planted(gateway)
        key = picture_key(load_signing_key(gateway.settings.signing_key_path))
        until_ms = int(time.time() * SECOND) + 60_000
        picture = Picture("default", [series], start_ms, start_ms + 200 * SECOND, width=320, height=160)
        token, other = (sign(picture, until_ms + n, key) for n in range(2))
        async with gateway.client() as stranger:
            codes = [(await stranger.get(f"/api/v1/pictures/{token}")).status_code for _ in range(4)]
            assert codes[0] == 200 and codes[-1] == 429, codes
            assert (await stranger.get(f"/api/v1/pictures/{other}")).status_code == 200, "the same picture of the same tenant"


async def test_none_is_left_behind_and_without_it_the_answer_says_what_to_do(
    kafka: KafkaSettings, clickhouse: StoreSettings, tmp_path: Path
) -> None:
    assert not painters(), "the gateway of an earlier test left its painter"
    async with house(kafka, clickhouse, tmp_path, replace(FRESH, ui=tmp_path)) as gateway:
        series, start_ms = planted(gateway)
        async with gateway.client("default/read") as client:
            answer: httpx.Response = await client.get("/api/v1/range/picture.png", params=asked(series, start_ms))
            assert answer.status_code == 503 and "make setup" in answer.json()["detail"], answer.text
            assert answer.headers["retry-after"]


def painters() -> list[int]:
    """Painters that are children of this process: the gateway runs in it."""
    mine = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    return [int(pid) for pid in mine if "painter/main.mjs" in Path(f"/proc/{pid}/cmdline").read_bytes().decode().replace("\0", " ")]


def resident_mb(pid: int) -> float:
    """Memory of a process."""
    return int(Path(f"/proc/{pid}/status").read_text().partition("VmRSS:")[2].split()[0]) / 1024
