"""Links to pictures: what was signed comes back, and nothing else opens anything."""

from __future__ import annotations

import base64

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizashi.contracts.pictures import Picture, read, sign
from kizashi.errors import Refused

KEY = b"k" * 64
PICTURE = Picture(
    "acme", ["00000000000000ff"], 1_000, 2_000, "遅延 <b>", "ja", "Asia/Tokyo", True, 480, 190, 2, 0.9, [(1_200, 1_500)]
)  # fmt: skip
TOKEN = sign(PICTURE, 10_000, KEY)


def test_a_link_gives_back_what_was_signed() -> None:
    assert read(TOKEN, 9_999, KEY) == PICTURE
    assert set(TOKEN) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


def test_it_ends() -> None:
    with pytest.raises(Refused, match="expired"):
        read(TOKEN, 10_000, KEY)


@given(at=st.integers(0, len(TOKEN) - 1), to=st.sampled_from("ABab01-_."))
def test_no_character_of_it_can_be_changed(at: int, to: str) -> None:
    changed = TOKEN[:at] + to + TOKEN[at + 1 :]
    if changed == TOKEN:
        return
    with pytest.raises(Refused):
        read(changed, 0, KEY)


@given(text=st.text(max_size=300))
def test_any_text_is_refused_and_nothing_else(text: str) -> None:
    with pytest.raises(Refused):
        read(text, 0, KEY)


@pytest.mark.parametrize("text", ["", ".", "a.b", TOKEN + "x", TOKEN.partition(".")[0], "." + TOKEN.partition(".")[2], "é.é", "a" * 9_000])
def test_what_is_no_link_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        read(text, 0, KEY)


def test_another_key_opens_nothing() -> None:
    with pytest.raises(Refused):
        read(TOKEN, 0, b"x" * 64)


def test_another_tenant_cannot_be_written_into_it() -> None:
    body, _, mac = TOKEN.partition(".")
    raw = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    assert b'"acme"' in raw
    other = base64.urlsafe_b64encode(raw.replace(b'"acme"', b'"rival"')).rstrip(b"=").decode()
    with pytest.raises(Refused):
        read(f"{other}.{mac}", 0, KEY)


def test_an_overlong_link_is_not_made() -> None:
    with pytest.raises(Refused, match="characters"):
        sign(msgspec.structs.replace(PICTURE, title="漢" * 190, series=["00000000000000ff"] * 10, shaded=[(10**12, 10**12)] * 90), 1, KEY)
