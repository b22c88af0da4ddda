"""Other people's protocols: what they send, what we keep, what we answer."""

from __future__ import annotations

import gzip
import json
import struct
from pathlib import Path
from typing import Any

import cramjam
import pytest
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.metrics.v1 import metrics_pb2

from kizashi.errors import BusUnavailable
from services.ingest.line_protocol import parse
from services.ingest.receivers.remote_write_messages import messages
from services.ingest.span_graph import Span, SpanGraph
from services.ingest.traces import spans
from tests.unit.ingest.receiving import NOW, Receiver, receiver

WRITE, OTLP = "/api/v1/write", "/v1/metrics"
V1 = {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"}
V2 = {**V1, "Content-Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request"}
PROTO = {"Content-Type": "application/x-protobuf"}
STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]


@pytest.fixture
def http(tmp_path: Path) -> Receiver:
    return receiver(tmp_path)


def snappy(message: Any) -> bytes:
    return bytes(cramjam.snappy.compress_raw(message.SerializeToString()))


def write_request(*series: tuple[dict[str, str], list[tuple[float, int]]]) -> Any:
    request = messages().v1()
    for labels, points in series:
        made = request.timeseries.add()
        for name, text in labels.items():
            made.labels.add(name=name, value=text)
        for value, ts in points:
            made.samples.add(value=value, timestamp=ts)
    return request


async def test_remote_write_1(http: Receiver) -> None:
    request = write_request(
        ({"__name__": "http_requests_total", "job": "api"}, [(5.0, NOW), (6.0, NOW + 1)]),
        ({"__name__": "up", "job": "api"}, [(1.0, NOW), (STALE, NOW + 1)]),
    )
    answer = await http.client.post(WRITE, content=snappy(request), headers=V1)
    assert answer.status_code == 204
    assert answer.content == b""
    assert http.keeper.values() == [
        ("http_requests_total", {"job": "api"}, NOW, 5.0),
        ("http_requests_total", {"job": "api"}, NOW + 1, 6.0),
        ("up", {"job": "api"}, NOW, 1.0),
    ]
    assert {i.metric: i.kind for i, *_ in http.keeper.kept} == {"http_requests_total": "counter", "up": "gauge"}
    assert dict(http.tally.rejected) == {"stale": 1}


async def test_remote_write_1_keeps_the_valid_part_and_says_400(http: Receiver) -> None:
    request = write_request(
        ({"job": "nameless"}, [(1.0, NOW)]),
        ({"__name__": "up"}, [(1.0, NOW), (float("nan"), NOW), (2.0, NOW + 10**7)]),
    )
    answer = await http.client.post(WRITE, content=snappy(request), headers=V1)
    assert answer.status_code == 400
    assert answer.json()["refused"] == {"future": 1, "name": 1, "not_finite": 1}
    assert [v for *_, v in http.keeper.values()] == [1.0]


async def test_remote_write_2_with_symbols_metadata_and_a_native_histogram(http: Receiver) -> None:
    request = messages().v2()
    request.symbols.extend(["", "__name__", "queue", "host", "a", "bytes"])
    series = request.timeseries.add(labels_refs=[1, 2, 3, 4])
    series.metadata.type, series.metadata.unit_ref = 2, 5
    series.samples.add(value=3.0, timestamp=NOW)
    series.histograms.add(count_int=7, sum=2.5, timestamp=NOW)
    answer = await http.client.post(WRITE, content=snappy(request), headers=V2)
    assert answer.status_code == 204
    counted = {k: answer.headers[f"X-Prometheus-Remote-Write-{k}-Written"] for k in ("Samples", "Histograms", "Exemplars")}
    assert counted == {"Samples": "1", "Histograms": "1", "Exemplars": "0"}
    assert http.keeper.values() == [
        ("queue", {"host": "a"}, NOW, 3.0), ("queue_count", {"host": "a"}, NOW, 7.0), ("queue_sum", {"host": "a"}, NOW, 2.5),
    ]  # fmt: skip
    assert http.keeper.kept[0][0].unit == "bytes"


async def test_remote_write_2_with_wrong_references(http: Receiver) -> None:
    request = messages().v2()
    request.symbols.extend(["", "__name__", "up"])
    for refs in ([1], [1, 9], [1, 2]):
        request.timeseries.add(labels_refs=refs).samples.add(value=1.0, timestamp=NOW)
    answer = await http.client.post(WRITE, content=snappy(request), headers=V2)
    assert answer.status_code == 400
    assert answer.headers["X-Prometheus-Remote-Write-Samples-Written"] == "1"
    assert len(http.keeper.kept) == 1
    del request.symbols[:]
    assert (await http.client.post(WRITE, content=snappy(request), headers=V2)).status_code == 400


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"not snappy", V1, 400),
        (bytes(cramjam.snappy.compress_raw(b"\xff\xff\xff")), V1, 400),
        (b"\x80\x80\x80\x80\x04" + b"x" * 10, V1, 413),
        (bytes(cramjam.snappy.compress_raw(bytes(33 * 1_048_576))), V1, 413),
        (b"", {**V1, "Content-Type": "application/json"}, 415),
        (b"", {**V1, "Content-Type": "application/x-protobuf;proto=io.other"}, 415),
        (b"", {**V1, "Content-Encoding": "gzip"}, 415),
        (b"", {**V1, "Authorization": "Bearer no.key"}, 401),
    ],
)
async def test_remote_write_refusals(http: Receiver, content: bytes, headers: dict[str, str], status: int) -> None:
    assert (await http.client.post(WRITE, content=content, headers=headers)).status_code == status
    assert http.keeper.kept == []


async def test_remote_write_overload_is_503_and_never_429(http: Receiver) -> None:
    http.keeper.failing = BusUnavailable("away")
    answer = await http.client.post(WRITE, content=snappy(write_request(({"__name__": "up"}, [(1.0, NOW)]))), headers=V1)
    assert answer.status_code == 503
    assert "retry-after" in answer.headers


def otlp_metrics() -> Any:
    request = metrics_service_pb2.ExportMetricsServiceRequest()
    resource = request.resource_metrics.add()
    for key, value in {"service.name": "cart", "host.name": "h1", "telemetry.sdk.name": "x"}.items():
        resource.resource.attributes.add(key=key).value.string_value = value
    scope = resource.scope_metrics.add()
    gauge = scope.metrics.add(name="queue.depth", unit="1").gauge.data_points.add(time_unix_nano=NOW * 1_000_000, as_int=7)
    gauge.attributes.add(key="queue").value.int_value = 3
    total = scope.metrics.add(name="requests").sum
    total.is_monotonic, total.aggregation_temporality = True, metrics_pb2.AGGREGATION_TEMPORALITY_CUMULATIVE
    total.data_points.add(time_unix_nano=NOW * 1_000_000, as_double=10.0)
    histogram = scope.metrics.add(name="latency", unit="ms").histogram
    histogram.aggregation_temporality = metrics_pb2.AGGREGATION_TEMPORALITY_DELTA
    histogram.data_points.add(time_unix_nano=NOW * 1_000_000, count=4, sum=20.0, max=9.0)
    summary = scope.metrics.add(name="size").summary.data_points.add(time_unix_nano=NOW * 1_000_000, count=2, sum=3.0)
    summary.quantile_values.add(quantile=0.5, value=1.5)
    return request


CART = {"host": "h1", "service": "cart"}
EXPECTED = [
    ("queue.depth", {**CART, "queue": "3"}, NOW, 7.0), ("requests", CART, NOW, 10.0), ("latency.count", CART, NOW, 4.0),
    ("latency.sum", CART, NOW, 20.0), ("latency.max", CART, NOW, 9.0), ("size.count", CART, NOW, 2.0), ("size.sum", CART, NOW, 3.0),
    ("size", {**CART, "quantile": "0.5"}, NOW, 1.5),
]  # fmt: skip


@pytest.mark.parametrize("shape", ["protobuf", "protobuf gzip", "json"])
async def test_otlp_metrics(http: Receiver, shape: str) -> None:
    from google.protobuf import json_format

    body, headers = otlp_metrics().SerializeToString(), dict(PROTO)
    if shape == "json":
        document = json.loads(json_format.MessageToJson(otlp_metrics())) | {"unknownField": 1}
        body, headers = json.dumps(document).encode(), {"Content-Type": "application/json"}
    if "gzip" in shape:
        body, headers = gzip.compress(body), headers | {"Content-Encoding": "gzip"}
    answer = await http.client.post(OTLP, content=body, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == headers["Content-Type"]
    assert http.keeper.values() == EXPECTED
    kinds = {i.metric: i.kind for i, *_ in http.keeper.kept}
    assert kinds["requests"] == kinds["size.count"] == "counter"
    assert kinds["latency.count"] == kinds["queue.depth"] == "gauge"


async def test_otlp_partial_success_counts_what_was_refused(http: Receiver) -> None:
    request = otlp_metrics()
    metrics = request.resource_metrics[0].scope_metrics[0].metrics
    metrics.add(name="nothing")
    metrics.add(name="nan").gauge.data_points.add(time_unix_nano=NOW * 1_000_000, as_double=float("nan"))
    metrics.add(name="gone").gauge.data_points.add(time_unix_nano=NOW * 1_000_000, flags=1)
    metrics.add(name="empty").gauge.data_points.add(time_unix_nano=NOW * 1_000_000)
    answer = await http.client.post(OTLP, content=request.SerializeToString(), headers=PROTO)
    assert answer.status_code == 200
    said = metrics_service_pb2.ExportMetricsServiceResponse.FromString(answer.content).partial_success
    assert said.rejected_data_points == 3
    assert "not_finite" in said.error_message
    assert http.keeper.values() == EXPECTED
    assert http.tally.rejected["stale"] == 1


@pytest.mark.parametrize("headers", [PROTO, {"Content-Type": "application/json"}])
@pytest.mark.parametrize("path", [OTLP, "/v1/traces", "/v1/logs"])
async def test_otlp_errors_are_a_status_in_the_senders_encoding(http: Receiver, path: str, headers: dict[str, str]) -> None:
    answer = await http.client.post(path, content=b"\xff\xff", headers=headers)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == headers["Content-Type"]
    if headers is PROTO:
        assert answer.content[:2] == b"\x08\x03"
    else:
        assert answer.json()["code"] == 3
    assert (await http.client.post(path, content=b"", headers={"Content-Type": "text/csv"})).status_code == 415
    assert (await http.client.post(path, content=b"", headers={**headers, "Authorization": ""})).status_code == 401


async def test_otlp_without_an_acknowledgement_is_503(http: Receiver) -> None:
    http.keeper.failing = BusUnavailable("away")
    answer = await http.client.post(OTLP, content=otlp_metrics().SerializeToString(), headers=PROTO)
    assert answer.status_code == 503
    assert "retry-after" in answer.headers


def trace_request() -> Any:
    request = trace_service_pb2.ExportTraceServiceRequest()
    for service, span, parent, peer in (("cart", b"22222222", b"11111111", "redis"), ("web", b"11111111", b"", "")):
        resource = request.resource_spans.add()
        resource.resource.attributes.add(key="service.name").value.string_value = service
        made = resource.scope_spans.add().spans.add(trace_id=b"t" * 16, span_id=span, parent_span_id=parent, kind=3)
        if peer:
            made.attributes.add(key="db.system").value.string_value = peer
    return request


async def test_otlp_traces_become_edges(http: Receiver) -> None:
    assert len(list(spans(trace_request()))) == 2
    answer = await http.client.post("/v1/traces", content=trace_request().SerializeToString(), headers=PROTO)
    assert answer.status_code == 200
    graph = SpanGraph()
    graph.take(spans(trace_request()))
    assert graph.drain() == {("web", "cart"): 1, ("cart", "redis"): 1}
    assert graph.drain() == {}


def test_the_span_graph_is_bounded() -> None:
    graph = SpanGraph(remembered=10)
    graph.take(Span("a", b"%d" % k, b"p%d" % k) for k in range(1_000))
    graph.take([Span("b", b"p5", b""), Span("b", b"p999", b"")])
    assert graph.drain() == {("b", "a"): 1}


async def test_otlp_logs_are_counted(http: Receiver) -> None:
    request = logs_service_pb2.ExportLogsServiceRequest()
    resource = request.resource_logs.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "cart"
    scope = resource.scope_logs.add()
    for number in (9, 17, 17):
        scope.log_records.add(severity_number=number)
    for _ in range(2):
        assert (await http.client.post("/v1/logs", content=request.SerializeToString(), headers=PROTO)).status_code == 200
    assert [(m, labels["severity"], v) for m, labels, _, v in http.keeper.values()] == [
        ("log.records", "info", 1.0), ("log.records", "error", 2.0), ("log.records", "info", 2.0), ("log.records", "error", 4.0),
    ]  # fmt: skip


LINES = (
    'cpu,host=a\\ b,core=0 usage=1.5,idle=2i,on=true,name="x, y" 1700000000000000000\n'
    "# a comment\n\n"
    "value_only value=-3e2 1700000000000000000\r\n"
)


@pytest.mark.parametrize("path", ["/api/v2/write", "/write"])
async def test_line_protocol(http: Receiver, path: str) -> None:
    answer = await http.client.post(path, content=LINES.encode(), headers={"Authorization": "Token kza.secret"})
    assert answer.status_code == 204
    labels = {"host": "a b", "core": "0"}
    assert http.keeper.values() == [
        ("cpu.usage", labels, NOW, 1.5), ("cpu.idle", labels, NOW, 2.0), ("cpu.on", labels, NOW, 1.0), ("value_only", {}, NOW, -300.0),
    ]  # fmt: skip


async def test_line_protocol_with_the_key_as_password(http: Receiver) -> None:
    assert (
        await http.client.post("/write", content=b"m value=1", headers={"Authorization": ""}, auth=("x", "kza.secret"))
    ).status_code == 204
    assert (await http.client.post("/write", content=b"m value=1", headers={"Authorization": "Basic %%%"})).status_code == 401


@pytest.mark.parametrize("precision", ["ns", "n", "us", "u", "ms", "s"])
async def test_every_precision(http: Receiver, precision: str) -> None:
    ts = NOW * 1_000_000 // {"n": 1, "u": 1_000, "m": 1_000_000, "s": 10**9}[precision[0]]
    answer = await http.client.post(f"/write?precision={precision}", content=b"m value=1 %d" % ts)
    assert answer.status_code == 204
    assert http.keeper.values()[0][2] == NOW


async def test_bad_lines_are_named_and_good_ones_kept(http: Receiver) -> None:
    answer = await http.client.post("/write", content=b"good value=1\nbad\ngood value=x\nother value=2\n")
    assert answer.status_code == 400
    assert answer.json()["line"] == 2
    assert "2 bad lines, 2 values stored" in answer.json()["detail"]
    assert (await http.client.post("/write?precision=days", content=b"m value=1")).status_code == 400
    assert (await http.client.post("/write", content=b"\xff")).status_code == 400


BAD_LINES = [
    "m", "m ", "m value", "m value=", "m =1", "m,tag value=1", "m,=x value=1", "m value=1 now", 'm value="open', "m value=1 2 3",
    "m value=1e", "m value=i",
]  # fmt: skip


@pytest.mark.parametrize("line", BAD_LINES)
def test_lines_that_are_none(line: str) -> None:
    found = parse(line, "ns")
    assert found.samples == []
    assert [number for number, _ in found.bad] == [1]
