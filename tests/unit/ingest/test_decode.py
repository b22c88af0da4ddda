"""Bad input table: every kind is answered with a reason, none takes its neighbours along."""

from __future__ import annotations

import json

import pytest

from services.ingest.decode import decode, depth

GOOD = b'{"metric":"cpu","value":1}'

UNREADABLE: dict[str, tuple[bytes | None, str]] = {
    "no value": (None, "empty"),
    "no bytes": (b"", "empty"),
    "only spaces": (b"  \n ", "empty"),
    "byte order mark alone": (b"\xef\xbb\xbf", "empty"),
    "word": (b"hello", "json"),
    "cut object": (b'{"metric":"cpu","value":', "json"),
    "cut list": (b'[{"metric":"cpu","value":1}', "json"),
    "trailing text": (b'{"metric":"cpu","value":1} x', "json"),
    "two objects in a line": (GOOD + GOOD, "json"),
    "single quotes": (b"{'metric':'cpu','value':1}", "json"),
    "newline in a text": (b'{"metric":"a\nb","value":1}', "json"),
    "binary": (bytes(range(128, 256)), "encoding"),
    "not UTF-8": (b'{"metric":"\xff","value":1}', "encoding"),
    "UTF-16": ('{"metric":"cpu","value":1}'.encode("utf-16"), "encoding"),
    "msgpack": (b"\x82\xa6metric\xa3cpu\xa5value\x01", "encoding"),
    "gzip bytes": (b"\x1f\x8b\x08\x00\x00", "encoding"),
    "deep list": (b"[" * 60_000, "depth"),
    "deep object": (b'{"metric":"a","value":"x","deep":' + b"[" * 30 + b"]" * 30 + b"}", "depth"),
    "very deep object": (b'{"metric":"a","value":1,"labels":' + b"[" * 60_000, "depth"),
    "number": (b"17", "schema"),
    "text": (b'"cpu"', "schema"),
    "null": (b"null", "schema"),
    "empty object": (b"{}", "schema"),
    "no metric": (b'{"value":1}', "schema"),
    "metric null": (b'{"metric":null,"value":1}', "schema"),
    "metric number": (b'{"metric":7,"value":1}', "schema"),
    "value missing": (b'{"metric":"cpu"}', "schema"),
    "value null": (b'{"metric":"cpu","value":null}', "schema"),
    "value text": (b'{"metric":"cpu","value":"1.5"}', "schema"),
    "value true": (b'{"metric":"cpu","value":true}', "schema"),
    "value list": (b'{"metric":"cpu","value":[1]}', "schema"),
    "value object": (b'{"metric":"cpu","value":{"avg":1}}', "schema"),
    "ts words": (b'{"metric":"cpu","value":1,"ts":"yesterday"}', "schema"),
    "ts 30 February": (b'{"metric":"cpu","value":1,"ts":"2024-02-30T00:00:00Z"}', "schema"),
    "ts true": (b'{"metric":"cpu","value":1,"ts":true}', "schema"),
    "ts object": (b'{"metric":"cpu","value":1,"ts":{}}', "schema"),
    "labels list": (b'{"metric":"cpu","value":"x","labels":["a"]}', "schema"),
    "unit number": (b'{"metric":"cpu","value":1,"unit":5}', "schema"),
    "kind unknown": (b'{"metric":"cpu","value":1,"kind":"histogram"}', "schema"),
    "half a surrogate in labels": (b'{"metric":"cpu","value":1,"labels":{"a":"\\ud800"},"ts":"2024-01-01"}', "encoding"),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_unreadable_messages_are_whole_dead_letters_with_a_reason(kind: str) -> None:
    data, reason = UNREADABLE[kind]
    samples, bad = decode(data)
    assert samples == []
    assert [(b.item, b.error.reason) for b in bad] == [(-1, reason)]
    assert bad[0].data == (data or b"")


def test_the_table_has_forty_kinds() -> None:
    assert len(UNREADABLE) >= 40


@pytest.mark.parametrize("kind", [k for k, (data, reason) in UNREADABLE.items() if reason == "schema"])
def test_a_bad_item_of_a_list_leaves_its_neighbours(kind: str) -> None:
    data = UNREADABLE[kind][0] or b""
    samples, bad = decode(b"[" + GOOD + b"," + data + b"," + GOOD + b"]")
    assert [s.metric for s in samples] == ["cpu", "cpu"]
    assert [(b.item, b.data, b.error.reason) for b in bad] == [(1, data, "schema")]


@pytest.mark.parametrize("kind", [k for k, (data, reason) in UNREADABLE.items() if reason == "schema" and (data or b"")[:1] == b"{"])
def test_a_bad_line_of_ndjson_leaves_its_neighbours(kind: str) -> None:
    data = UNREADABLE[kind][0] or b""
    samples, bad = decode(GOOD + b"\n" + data + b"\r\n\n" + GOOD + b"\n")
    assert len(samples) == 2
    assert [(b.item, b.data) for b in bad] == [(1, data)]


def test_a_cut_line_of_ndjson_is_its_own_dead_letter() -> None:
    samples, bad = decode(GOOD + b"\n" + GOOD + b'\n{"metric":"cp')
    assert len(samples) == 2
    assert [(b.item, b.error.reason) for b in bad] == [(2, "json")]


@pytest.mark.parametrize(
    "data", [GOOD, b"[" + GOOD + b"]", GOOD + b"\n", b"\xef\xbb\xbf" + GOOD, json.dumps(json.loads(GOOD), indent=2).encode()]
)
def test_the_shapes_of_one_sample(data: bytes) -> None:
    samples, bad = decode(data)
    assert bad == []
    assert [(s.metric, s.value) for s in samples] == [("cpu", 1.0)]


def test_an_empty_list_is_no_sample_and_no_error() -> None:
    assert decode(b"[]") == ([], [])


def test_nan_in_a_list_stays_a_sample_to_be_refused_alone() -> None:
    samples, bad = decode(b'[{"metric":"a","value":NaN},{"metric":"b","value":2},{"metric":"c","value":-Infinity}]')
    assert bad == []
    assert [s.metric for s in samples] == ["a", "b", "c"]
    assert samples[0].value != samples[0].value
    assert samples[2].value == float("-inf")


@pytest.mark.parametrize("text", ["1e999", "-1e999", "1" + "0" * 400])
def test_numbers_beyond_a_double_become_infinite_to_be_refused(text: str) -> None:
    samples, bad = decode(b'{"metric":"a","value":' + text.encode() + b"}")
    assert bad == []
    assert abs(samples[0].value) == float("inf")


def test_unknown_fields_are_ignored() -> None:
    samples, bad = decode(b'{"metric":"a","value":1,"tenant":"other","x":{"y":[1]}}')
    assert bad == []
    assert samples[0].metric == "a"


def test_depth_counts_levels() -> None:
    assert depth(1) == 0
    assert depth([]) == 1
    assert depth({"a": [{"b": []}]}) == 4
