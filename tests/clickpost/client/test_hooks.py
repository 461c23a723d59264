"""What an application can see of the client's calls: hooks, spans, and errors with advice."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from awbridge import AsyncClickPost, ClickPost
from awbridge.domain.call import Call
from awbridge.domain.errors import VendorError
from tests.clickpost.conftest import JsonObject, Vendor

KEY = "k3y-0f-th3/sh0p+x"
PLACED: JsonObject = {"meta": {"status": 200, "success": True}, "result": {"waybill": "W1"}}


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def provider(spans: InMemorySpanExporter) -> TracerProvider:
    made = TracerProvider()
    made.add_span_processor(SimpleSpanProcessor(spans))
    return made


async def test_one_hook_sees_the_request_before_it_is_sent_and_one_the_response(
    vendor: Vendor, india: JsonObject
) -> None:
    vendor.say(PLACED)
    seen: list[tuple[str, Call]] = []
    async with AsyncClickPost(
        username="shop",
        key=KEY,
        url=vendor.url,
        on_request=lambda call: seen.append((f"before {len(vendor.seen)}", call)),
        on_call=lambda call: seen.append((f"after {len(vendor.seen)}", call)),
    ) as clickpost:
        await clickpost.create_order(india)
    assert [when for when, _ in seen] == ["before 0", "after 1"]
    assert [call.http_status for _, call in seen] == [None, 200]
    assert all(call.api == "create-order" and call.request and KEY not in str(call.url) for _, call in seen)


def test_a_hook_that_fails_changes_nothing(vendor: Vendor, india: JsonObject) -> None:
    def fails(call: Call) -> None:
        raise RuntimeError("the disk is full")

    vendor.say(PLACED)
    with ClickPost(username="shop", key=KEY, url=vendor.url, on_request=fails, on_call=fails) as clickpost:
        assert clickpost.create_order(india).kind == "success"


def test_every_call_is_a_span_without_secrets_and_bodies(
    vendor: Vendor, india: JsonObject, provider: TracerProvider, spans: InMemorySpanExporter
) -> None:
    vendor.say(PLACED)
    vendor.say({"meta": {"status": 301, "message": f"key {KEY} is invalid"}})
    vendor.say("down", status=503)
    with ClickPost(username="shop", key=KEY, url=vendor.url, tracer_provider=provider) as clickpost:
        clickpost.create_order(india)
        for _ in range(2):
            with pytest.raises(VendorError):
                clickpost.fetch_accounts()
    placed, refused, down = spans.get_finished_spans()
    assert (placed.name, placed.kind) == ("clickpost create-order", SpanKind.CLIENT)
    attributes: dict[str, Any] = dict(placed.attributes or {})
    assert attributes["http.request.method"] == "POST"
    assert attributes["http.response.status_code"] == 200
    assert attributes["clickpost.business_status"] == 200
    assert attributes["url.full"].startswith(f"{vendor.url}/api/v3/create-order/?username=")
    assert (refused.attributes or {})["clickpost.business_status"] == 301
    assert down.status.status_code is StatusCode.ERROR
    kept = "".join(span.to_json() for span in spans.get_finished_spans())
    assert KEY not in kept
    assert "k3y" not in kept
    assert india["drop_info"]["drop_phone"] not in kept


async def test_spans_of_concurrent_calls_have_their_own_parents(
    vendor: Vendor, india: JsonObject, provider: TracerProvider, spans: InMemorySpanExporter
) -> None:
    tracer = provider.get_tracer("shop")
    async with AsyncClickPost(username="shop", key=KEY, url=vendor.url, tracer_provider=provider) as clickpost:

        async def ship(name: str) -> None:
            with tracer.start_as_current_span(name):
                await clickpost.create_order(india)

        for _ in range(5):
            vendor.say(PLACED, delay=0.05)
        await asyncio.gather(*(ship(f"order {number}") for number in range(5)))
    finished = spans.get_finished_spans()
    calls = [span for span in finished if span.name.startswith("clickpost")]
    parents = {span.context.span_id for span in finished if span.name.startswith("order")}
    assert {span.parent.span_id for span in calls if span.parent} == parents
    assert len(parents) == 5


def test_a_call_without_an_answer_is_a_span_with_its_error(
    india: JsonObject, provider: TracerProvider, spans: InMemorySpanExporter
) -> None:
    with ClickPost(username="shop", key=KEY, url="http://127.0.0.1:9", tracer_provider=provider) as clickpost:
        answer = clickpost.create_order(india)
    (span,) = spans.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == "ConnectError"
    assert (answer.kind, answer.advice) == ("transient", "Nothing was sent. Retry.")


@pytest.mark.parametrize(
    ("body", "status", "kind", "again", "word"),
    [
        ({"meta": {"status": 301, "message": "no"}}, 200, "configuration", False, "API key"),
        ({"meta": {"status": 320, "message": "no"}}, 200, "configuration", False, "Subscribe"),
        ({"meta": {"status": 330, "message": "no"}}, 200, "permanent", False, "waybill"),
        ({"meta": {"status": 329, "message": "no"}}, 200, "transient", True, "passed"),
        ({"detail": "slow down"}, 429, "throttled", True, "Retry-After"),
        ("<html>", 502, "transient", True, "passed"),
        ({"meta": {"status": 987, "message": "new"}}, 200, "unclear", True, "not understood"),
    ],
)
def test_an_error_has_a_kind_and_advice(
    vendor: Vendor, body: Any, status: int, kind: str, again: bool, word: str
) -> None:
    vendor.say(body, status=status)
    with ClickPost(username="shop", key=KEY, url=vendor.url) as clickpost, pytest.raises(VendorError) as raised:
        clickpost.fetch_label("W1", 4)
    error = raised.value
    assert (error.kind, error.again, error.http_status) == (kind, again, status)
    assert error.business_status == (body["meta"]["status"] if isinstance(body, dict) and "meta" in body else None)
    assert word in error.advice
    assert error.advice in str(error)
    assert KEY not in f"{error} {error.url}"
    assert error.url.startswith(f"{vendor.url}/api/v1/fetch/shippinglabel/")


@pytest.mark.parametrize(
    ("code", "kind", "word"),
    [
        (200, "success", ""),
        (323, "success", "first call's data"),
        (202, "pending", "30 seconds"),
        (322, "transient", "passed"),
        (319, "unclear", "Read the message"),
        (353, "configuration", "Activate"),
        (315, "permanent", "cod_value"),
    ],
)
def test_an_answer_to_an_order_has_advice(vendor: Vendor, india: JsonObject, code: int, kind: str, word: str) -> None:
    vendor.say(
        {"meta": {"status": code, "message": "as it is"}, "result": {"waybill": "W1"} if kind == "success" else None}
    )
    with ClickPost(username="shop", key=KEY, url=vendor.url) as clickpost:
        answer = clickpost.create_order(india)
    assert answer.kind == kind
    assert word in answer.advice
    assert bool(word) == bool(answer.advice)


def test_flat_and_b2b_orders_have_their_own_addresses(vendor: Vendor) -> None:
    vendor.say(PLACED)
    vendor.say({"meta": {"status": 420, "message": "failed"}, "reference_number": "R-2"})
    flat = {"reference_number": "R-1", "courier_partner": 4}
    b2b = {"shipment_info": {"reference_number": "R-2", "courier_partner": 4}}
    with ClickPost(username="shop", key=KEY, url=vendor.url) as clickpost:
        assert clickpost.create_flat_order(flat).kind == "success"
        assert clickpost.create_b2b_order(b2b).kind == "unclear"
    assert [(seen.path, seen.body) for seen in vendor.seen] == [
        ("/api/v1/create-order/", flat),
        ("/api/v1/create-b2b-order/", b2b),
    ]


def test_an_order_is_fetched_by_its_reference(vendor: Vendor) -> None:
    vendor.say({"meta": {"status": 200}, "result": {"waybill": "W1", "reference_number": "R-1"}})
    vendor.say({"meta": {"status": 330, "message": "none"}})
    with ClickPost(username="shop", key=KEY, url=vendor.url) as clickpost:
        found = clickpost.fetch_order_by_reference("R-1")
        assert found
        assert found.waybill == "W1"
        assert clickpost.fetch_order_by_reference("R-2") is None
    assert vendor.seen[0].query == {"username": "shop", "key": KEY, "reference_number": "R-1"}


def test_a_cancellation_can_request_the_status_update_too(vendor: Vendor) -> None:
    for _ in range(2):
        vendor.say({"meta": {"status": 200}})
    vendor.say({"meta": {"status": 350, "message": "gone"}}, status=400)
    with ClickPost(username="shop", key=KEY, url=vendor.url) as clickpost:
        clickpost.cancel_order("W1", 4, "main")
        clickpost.cancel_order("W1", 4, "main", update_status=True)
        refused = clickpost.cancel_order("W1", 4, "main")
    assert [seen.query.get("manually_update_status") for seen in vendor.seen] == [None, "True", None]
    assert "status" in refused.advice
