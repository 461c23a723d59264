"""Traces: from an order to its waybill, from a webhook to its message; whole or not at all, and nothing personal."""

from __future__ import annotations

import http.server
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from awbridge.app.settings import Settings
from awbridge.app.watching.spans import REFERENCE, order_root
from awbridge.app.watching.telemetry import tracing, tracing_to
from awbridge.domain.errors import SettingsError
from awbridge.steps.runtime import traces
from awbridge.steps.tracking.applied import heard_of
from awbridge.store import Store
from tests.support.app import Web, web_on
from tests.support.journey import bridge_on
from tests.support.notices import a_payload
from tests.support.rows import T0
from tests.support.stores import sqlite_only

pytestmark = pytest.mark.heavy

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
PERSONAL = ("Asha", "Rao", "9000000000", "MG Road", "asha@example.com", "k3y")


@contextmanager
def traced(share: float = 1.0) -> Iterator[tuple[InMemorySpanExporter, Any]]:
    """Traces that are kept in memory, and the provider of their spans."""
    kept = InMemorySpanExporter()
    with tracing_to(SimpleSpanProcessor(kept), share=share) as provider:
        yield kept, provider


def by_name(kept: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    spans = kept.get_finished_spans()
    named = {span.name: span for span in spans}
    assert len(named) == len(spans), [span.name for span in spans]
    return named


def trace_of(span: ReadableSpan) -> int:
    return span.get_span_context().trace_id


def is_within(span: ReadableSpan, parent: ReadableSpan) -> bool:
    return span.parent is not None and (span.parent.trace_id, span.parent.span_id) == (
        trace_of(parent),
        parent.get_span_context().span_id,
    )


@sqlite_only
async def test_the_road_of_an_order_and_the_road_of_a_webhook_are_a_trace_each(store: Store) -> None:
    with traced() as (kept, provider):
        async with bridge_on(store, tracer_provider=provider) as bridge:
            await bridge.order("R1")
            bridge.clock.forward(seconds=2)
            await bridge.push()
            spans = by_name(kept)
            assert set(spans) == {"push", "clickpost create-order", "order"}
            order, push, call = spans["order"], spans["push"], spans["clickpost create-order"]
            assert order.parent is None
            assert is_within(push, order)
            assert is_within(call, push)
            assert order.attributes == {REFERENCE: "R1", "awbridge.waybill": "AWB-R1"}
            assert push.attributes == {REFERENCE: "R1", "awbridge.outcome": "placed"}
            assert order.start_time
            assert order.end_time
            assert order.end_time - order.start_time == 2_000_000_000, "from accepting it until it was placed"

            kept.clear()
            await bridge.tell()
            message = by_name(kept)["message"]  # about the waybill, which no scan caused
            assert is_within(message, order)

            kept.clear()
            received_at = bridge.clock.now
            await bridge.hear("AWB-R1", 6)
            bridge.clock.forward(seconds=5)
            await bridge.tell()
            spans = by_name(kept)
            assert set(spans) == {"status", "apply", "message"}
            status = spans["status"]
            assert status.parent is None
            assert is_within(spans["apply"], status)
            assert is_within(spans["message"], status)
            assert trace_of(status) != trace_of(order)
            assert [link.context.trace_id for link in status.links] == [trace_of(order)]
            assert status.start_time == round(received_at.timestamp() * 1e6) * 1000
            assert status.attributes == {REFERENCE: "R1", "awbridge.status_code": 6, "awbridge.source": "webhook"}
            assert spans["message"].attributes == {
                REFERENCE: "R1",
                "awbridge.milestone": "out_for_delivery",
                "awbridge.channel": "sms",
                "awbridge.state": "sent",
            }

            kept.clear()
            await bridge.hear("AWB-R1", 6, at=received_at, order_id="the same scan in another delivery")
            assert not kept.get_finished_spans(), "a copy of a scan is nothing new"


@sqlite_only
async def test_a_scan_that_takes_the_general_way_is_traced_too(store: Store) -> None:
    with traced() as (kept, provider):
        async with bridge_on(store, tracer_provider=provider) as bridge:
            await bridge.order("R1")
            await bridge.push()
            await bridge.hear("AWB-R1", 6)
            bridge.clock.forward(seconds=60)
            kept.clear()
            await bridge.hear("AWB-R1", 9)  # a failed delivery: its reason is looked at
            await bridge.tell()
            spans = {span.name: span for span in kept.get_finished_spans()}
            assert spans["status"].attributes is not None
            assert spans["status"].attributes["awbridge.status_code"] == 9


@sqlite_only
async def test_nothing_personal_is_in_a_span(store: Store) -> None:
    with traced() as (kept, provider):
        async with bridge_on(store, tracer_provider=provider) as bridge:
            bridge.answers = [{"meta": {"status": 314, "message": "phone 9000000000 of Asha Rao is wrong"}}]
            await bridge.order("R1", "R2")
            await bridge.push()
            await bridge.hear("AWB-R2", 6)
            await bridge.hear("AWB-R1", 6)
            await bridge.tell()
        text = "".join(span.to_json() for span in kept.get_finished_spans())
    assert "R1" in text
    assert not [word for word in PERSONAL if word in text]


@sqlite_only
async def test_an_order_over_http_is_linked_with_its_caller(store: Store) -> None:
    with traced() as (kept, _):
        async with web_on(store) as web:
            await _post(web, "R1", traceparent=CALLER)
            accepted = by_name(kept)["accept order"]
            assert accepted.parent is not None
            assert accepted.parent.trace_id == order_root("R1").trace_id
            assert [f"{link.context.trace_id:032x}" for link in accepted.links] == [CALLER.split("-")[1]]
            kept.clear()
            await _post(web, "R1", traceparent=CALLER)
            assert not kept.get_finished_spans(), "it was known"
            await _post(web, "R2", traceparent="nonsense")
            assert not by_name(kept)["accept order"].links


async def _post(web: Web, reference: str, **headers: str) -> None:
    answer = await web.http.post("/v1/shipments", json=a_payload(reference), headers=headers)
    assert answer.status_code in (200, 202), answer.text


@sqlite_only
async def test_a_share_of_the_traces_is_made_whole(store: Store) -> None:
    references = [f"R{n}" for n in range(12)]
    with traced(share=0.5) as (kept, provider):
        async with bridge_on(store, tracer_provider=provider) as bridge:
            await bridge.order(*references)
            await bridge.push()
        made = [trace_of(span) for span in kept.get_finished_spans()]
    assert 0 < len(set(made)) < len(references)
    assert {made.count(trace) for trace in made} == {3}, "order, push and the call, of each or of none"


async def test_an_error_within_a_step_ends_its_span_without_its_text() -> None:
    with traced() as (kept, _):
        with pytest.raises(ValueError, match="9000000000"), traces.calling("push", "R1"):
            raise ValueError("phone 9000000000")
        (span,) = kept.get_finished_spans()
    assert not span.status.is_ok
    assert span.attributes == {REFERENCE: "R1", "error.type": "ValueError"}
    assert "9000000000" not in span.to_json()


def test_nothing_is_made_while_traces_are_off() -> None:
    assert traces.current is None
    assert traces.calling("push", "R1") is traces.calling("cancel", "R2"), "not even an object"
    builders: Any = pytest.fail  # is not iterated over
    assert heard_of(builders, builders) == []
    with tracing(Settings()) as provider:
        assert provider is None
        assert traces.current is None


class _Collector(http.server.BaseHTTPRequestHandler):
    received: list[tuple[str, str | None, bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.received.append((self.path, self.headers.get("authorization"), body))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def test_spans_reach_a_collector_over_http() -> None:
    received: list[tuple[str, str | None, bytes]] = []
    handler = type("Collector", (_Collector,), {"received": received})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/"
        with tracing(Settings(traces_url=url, traces_headers="authorization=Bearer t0ken")):
            assert traces.current
            traces.current.placed("R1", "AWB1", created_at=T0, now=T0)
        server.shutdown()
    ((path, authorization, body),) = received
    assert (path, authorization) == ("/v1/traces", "Bearer t0ken")
    for part in (b"awbridge", b"service.version", b"R1", b"AWB1"):
        assert part in body, part


def test_a_missing_sdk_is_said_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with (
        pytest.raises(SettingsError, match=r"pip install 'awbridge\[telemetry\]'"),
        tracing(Settings(traces_url="http://localhost:4318")),
    ):
        pytest.fail("it runs")


@pytest.mark.parametrize("url", ["localhost:4318", "ftp://x/", "http://user:secret@collector:4318"])
def test_a_wrong_url_of_the_collector_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="http://localhost:4318"):
        Settings(traces_url=url)
