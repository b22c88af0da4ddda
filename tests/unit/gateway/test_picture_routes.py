"""The signed route without a store: what it asks to be drawn, and whom it refuses before anything is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast

import msgspec
import pytest
from starlette.requests import Request

from kizashi.clock import ManualClock
from kizashi.contracts.pictures import Picture, sign
from kizashi.errors import Backpressure, Refused
from kizashi.stream.config import picture_key
from services.gateway.doors import Doors
from services.gateway.painter import PainterAway
from services.gateway.pictures import Drawing, Wanted
from services.gateway.problems import Problem
from services.gateway.routes.pictures import signed
from services.gateway.settings import GatewaySettings
from services.gateway.throttle import TokenBuckets

NOW = 1_764_000_000_000
KEY = b"k" * 40
PICTURE = Picture("acme", ["00000000000000ff"], NOW - 1_000, NOW, "slow", "ja", "Asia/Tokyo", threshold=0.9, shaded=[(NOW - 500, NOW)])


@dataclass
class Drawn:
    """Keeps what was asked, and draws or fails."""

    asked: list[Wanted] = field(default_factory=list)
    fails: Exception | None = None

    async def plan(self, wanted: Wanted) -> Drawing:
        self.asked.append(wanted)
        return Drawing({}, "png", "t4g")

    async def paint(self, drawing: Drawing) -> bytes:
        if self.fails:
            raise self.fails
        return b"png"


def parts(drawn: Drawn, burst: float = 100.0) -> Doors:
    made = SimpleNamespace(
        clock=ManualClock(NOW), signing_key=KEY, limits=GatewaySettings(), pictures=drawn, buckets=TokenBuckets(1.0, burst)
    )
    return cast("Doors", made)


def request(etag: str = "") -> Request:
    return cast("Request", SimpleNamespace(headers={"if-none-match": etag} if etag else {}))


def token(picture: Picture = PICTURE, until_ms: int = NOW + 1) -> str:
    return sign(picture, until_ms, picture_key(KEY))


async def test_it_draws_what_was_signed_for_the_tenant_that_was_signed() -> None:
    drawn = Drawn()
    answer = await signed(token(), request(), parts(drawn))
    assert answer.status_code == 200 and answer.body == b"png" and answer.headers["etag"] == '"t4g"'
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    (wanted,) = drawn.asked
    assert (wanted.tenant, wanted.series, wanted.lang, wanted.zone, wanted.threshold) == ("acme", (255,), "ja", "Asia/Tokyo", 0.9)
    assert wanted.shaded == ((NOW - 500, NOW),) and not wanted.forecast
    assert (await signed(token(), request('"t4g"'), parts(drawn))).status_code == 304


@pytest.mark.parametrize(
    ("bad", "status"),
    [
        (token(until_ms=NOW), 403), (token()[:-3] + "AAA", 403), ("a.b", 403), (sign(PICTURE, NOW + 1, picture_key(b"x" * 40)), 403),
        (sign(PICTURE, NOW + 1, KEY), 403), (token(Picture("acme", ["00000000000000ff"], NOW, NOW)), 403),
        (token(Picture("acme", ["00000000000000ff"], 0, NOW)), 403), (token(Picture("a", ["00000000000000ff"], 1, 2, zone="../x")), 400),
    ],
    ids=["expired", "changed", "none", "another house", "the key itself", "empty range", "endless range", "no zone"],
)  # fmt: skip
async def test_nothing_else_is_drawn(bad: str, status: int) -> None:
    drawn = Drawn()
    with pytest.raises(Problem) as found:
        await signed(bad, request(), parts(drawn))
    assert found.value.status == status and not drawn.asked


@pytest.mark.parametrize(
    ("fails", "status"), [(PainterAway("not built: run make setup"), 503), (Backpressure("16 wait"), 503), (Refused("too large"), 422)]
)
async def test_a_painter_that_cannot_is_told_as_a_problem(fails: Exception, status: int) -> None:
    with pytest.raises(Problem) as found:
        await signed(token(), request(), parts(Drawn(fails=fails)))
    assert found.value.status == status and str(fails) in found.value.detail
    assert (found.value.retry_after_s is not None) == (status == 503)


async def test_links_share_an_allowance_a_tenant() -> None:
    at = parts(Drawn(), burst=2.0)
    other = token(Picture("rival", ["00000000000000ff"], NOW - 1_000, NOW))
    for _ in range(2):
        assert (await signed(token(), request(), at)).status_code == 200
    with pytest.raises(Problem) as found:
        await signed(token(), request(), at)
    assert found.value.status == 429 and found.value.retry_after_s
    assert (await signed(other, request(), at)).status_code == 200


async def test_a_foreseen_limit_is_drawn_with_its_forecast() -> None:
    drawn = Drawn()
    foreseen = msgspec.structs.replace(PICTURE, forecast=True, shaded=[])
    assert (await signed(token(foreseen), request(), parts(drawn))).status_code == 200
    assert [(w.forecast, w.shaded) for w in drawn.asked] == [(True, ())]
