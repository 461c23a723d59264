from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from awbridge import AsyncClickPost, ClickPost
from awbridge.clickpost.client import exchange
from awbridge.clickpost.wire import endpoints
from awbridge.clickpost.wire.answers import OrderAnswer
from awbridge.domain.call import Call
from awbridge.domain.errors import VendorError
from awbridge.domain.orders.outcome import Misconfigured, Pending, Placed, Rejected, TryLater, Unknown
from awbridge.domain.orders.shipment import Region
from tests.clickpost.conftest import JsonObject, Vendor
from tests.support.ports import free_port

pytestmark = pytest.mark.heavy

KEY = "k3y-0f-th3/sh0p+x"
START = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)
END = START + timedelta(minutes=10)
PLACED = {"meta": {"status": 200, "success": True, "message": "ok"}, "result": {"waybill": "W1", "order_id": 5}}


@pytest.fixture
def calls() -> list[Call]:
    return []


@pytest.fixture
async def clickpost(vendor: Vendor, calls: list[Call]) -> AsyncIterator[AsyncClickPost]:
    async with AsyncClickPost(
        username="shop", key=KEY, url=f"{vendor.url}/", tracking_url=vendor.url, on_call=calls.append
    ) as client:
        yield client


@pytest.fixture
async def impatient(vendor: Vendor, calls: list[Call]) -> AsyncIterator[AsyncClickPost]:
    """A client that waits for a second: long enough to connect on a busy machine, for answers that do not come."""
    async with AsyncClickPost(username="shop", key=KEY, url=vendor.url, timeout=1.0, on_call=calls.append) as client:
        yield client


@pytest.fixture
def blocking(vendor: Vendor, calls: list[Call]) -> Iterator[ClickPost]:
    with ClickPost(username="shop", key=KEY, url=vendor.url, tracking_url=vendor.url, on_call=calls.append) as client:
        yield client


def meta(status: int, message: str = "", **more: Any) -> JsonObject:
    return {"meta": {"status": status, "success": status == 200, "message": message}, **more}


async def test_an_order_is_placed_and_the_call_is_recorded_without_the_key(
    clickpost: AsyncClickPost, vendor: Vendor, calls: list[Call], india: JsonObject
) -> None:
    vendor.say(PLACED | {"echo": f"your key {KEY}"})
    answer = await clickpost.create_order(india)
    assert answer.outcome == Placed(waybill="W1", vendor_order_id="5")
    (seen,) = vendor.seen
    assert (seen.method, seen.path, seen.query) == ("POST", "/api/v3/create-order/", {"username": "shop", "key": KEY})
    assert seen.body == india
    assert seen.headers["content-type"] == "application/json"
    assert calls == [answer.call]
    assert answer.call.url.endswith("/api/v3/create-order/?username=shop&key=***")
    assert (answer.call.api, answer.call.http_status, answer.call.business_status) == ("create-order", 200, 200)
    assert "TEA-1" in answer.call.request
    assert KEY not in f"{calls} {clickpost!r}"


async def test_international_orders_have_their_own_url(
    clickpost: AsyncClickPost, vendor: Vendor, world: JsonObject
) -> None:
    vendor.say(PLACED)
    await clickpost.create_order(world, region=Region.WORLD)
    assert vendor.seen[0].path == "/api/v4/create-order/"


def test_the_blocking_client_does_the_same(
    blocking: ClickPost, vendor: Vendor, calls: list[Call], india: JsonObject
) -> None:
    vendor.say(PLACED).say(meta(200), cut="before").say(meta(600)).say(meta(200, result={"accounts": []}))
    vendor.say(meta(200, result=[{"waybill": "W1"}]))
    assert blocking.create_order(india).outcome == Placed(waybill="W1", vendor_order_id="5")
    assert isinstance(blocking.create_order(india).outcome, Unknown)
    assert blocking.cancel_order("W1", 4, "main").cancelled
    assert blocking.fetch_accounts() == []
    assert [page.items for page in blocking.updated_order(START, END)] == [[{"waybill": "W1"}]]
    assert len(calls) == 5
    assert KEY not in f"{calls} {blocking!r}"


async def test_a_timeout_after_sending_leaves_the_outcome_unknown(
    impatient: AsyncClickPost, vendor: Vendor, calls: list[Call], india: JsonObject
) -> None:
    vendor.say(PLACED, delay=30)
    answer = await impatient.create_order(india)
    assert isinstance(answer.outcome, Unknown)
    assert answer.reply is None
    assert "ReadTimeout" in calls[0].error
    assert calls[0].http_status is None
    assert calls[0].ms >= 950


@pytest.mark.parametrize("cut", ["before", "within"])
async def test_a_connection_cut_after_sending_leaves_the_outcome_unknown(
    clickpost: AsyncClickPost, vendor: Vendor, india: JsonObject, cut: str
) -> None:
    vendor.say(PLACED, cut=cut)
    assert isinstance((await clickpost.create_order(india)).outcome, Unknown)


async def test_an_answer_that_trickles_forever_is_abandoned(
    impatient: AsyncClickPost, vendor: Vendor, india: JsonObject
) -> None:
    vendor.say(b"x" * 2000, trickle=2000)
    async with asyncio.timeout(30):  # the answer takes 100 s
        assert isinstance((await impatient.create_order(india)).outcome, Unknown)


async def test_an_answer_over_the_size_limit_is_abandoned(
    clickpost: AsyncClickPost, vendor: Vendor, india: JsonObject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "LARGEST_ANSWER", 1000)
    vendor.say(b"x" * 2000)
    assert isinstance((await clickpost.create_order(india)).outcome, Unknown)


async def test_an_unreachable_vendor_is_tried_later(calls: list[Call], india: JsonObject) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    async with AsyncClickPost(username="shop", key=KEY, url=url, tracking_url=url, on_call=calls.append) as client:
        answer = await client.create_order(india)
        assert isinstance(answer.outcome, TryLater)
        assert answer.outcome.counts
        cancelled = await client.cancel_order("W1", 4, "main")
        assert (cancelled.cancelled, cancelled.again) == (False, True)
        with pytest.raises(VendorError) as error:
            await client.track_order(["W1"], 4)
        assert error.value.again
    assert KEY not in f"{calls} {error.value} {error.value.__context__}"


async def test_throttling_has_the_requested_pause(clickpost: AsyncClickPost, vendor: Vendor, india: JsonObject) -> None:
    vendor.say({}, status=429, headers={"Retry-After": "12"}).say({}, status=429, headers={"Retry-After": "3"})
    outcome = (await clickpost.create_order(india)).outcome
    assert isinstance(outcome, TryLater)
    assert (outcome.retry_after, outcome.counts) == (12.0, False)
    with pytest.raises(VendorError) as error:
        await clickpost.fetch_accounts()
    assert (error.value.again, error.value.retry_after) == (True, 3.0)


@pytest.mark.parametrize(
    ("body", "status", "outcome"),
    [
        (b"<html>maintenance</html>", 200, TryLater),
        (b"<html>bad gateway</html>", 502, TryLater),
        (b"", 200, TryLater),
        (b"", 404, TryLater),
        (b"", 403, Misconfigured),
        (b"", 302, TryLater),
        (meta(202), 202, Pending),
        (meta(301, f"key {KEY} is invalid"), 200, Misconfigured),
        (meta(307, "order_type"), 200, Rejected),
    ],
)
async def test_every_answer_is_an_outcome(
    clickpost: AsyncClickPost, vendor: Vendor, india: JsonObject, body: Any, status: int, outcome: type
) -> None:
    vendor.say(body, status=status, headers={"Location": "https://elsewhere.example/"})
    answer = await clickpost.create_order(india)
    assert isinstance(answer.outcome, outcome)
    assert KEY not in f"{answer.outcome} {answer.call}"
    assert len(vendor.seen) == 1


async def test_a_payload_that_is_not_json_is_rejected_without_an_exception(
    clickpost: AsyncClickPost, vendor: Vendor
) -> None:
    for note in (float("nan"), "\ud800", {1, 2}):
        answer = await clickpost.create_order({"note": note})
        assert isinstance(answer, OrderAnswer)
        assert isinstance(answer.outcome, Rejected)
    assert vendor.seen == []


async def test_connections_are_reused(clickpost: AsyncClickPost, vendor: Vendor, india: JsonObject) -> None:
    for _ in range(5):
        vendor.say(PLACED)
        await clickpost.create_order(india)
    assert len({seen.port for seen in vendor.seen}) == 1


async def test_the_http_librarys_log_shows_no_key(
    clickpost: AsyncClickPost, vendor: Vendor, india: JsonObject, caplog: pytest.LogCaptureFixture
) -> None:
    vendor.say(PLACED)
    with caplog.at_level(logging.DEBUG):
        await clickpost.create_order(india)
    assert "create-order" in caplog.text
    assert KEY not in caplog.text
    assert "k3y" not in caplog.text


async def test_a_failing_hook_does_not_break_a_call(vendor: Vendor, india: JsonObject) -> None:
    def fails(call: Call) -> None:
        raise RuntimeError("the disk is full")

    vendor.say(PLACED)
    async with AsyncClickPost(username="shop", key=KEY, url=vendor.url, on_call=fails) as client:
        assert isinstance((await client.create_order(india)).outcome, Placed)


async def test_long_answers_are_cut_in_the_call_but_read_whole(
    clickpost: AsyncClickPost, vendor: Vendor, calls: list[Call], india: JsonObject
) -> None:
    vendor.say({"padding": "अ" * 100_000, **PLACED})
    answer = await clickpost.create_order(india)
    assert isinstance(answer.outcome, Placed)
    assert len(calls[0].response.encode()) <= endpoints.LONGEST_KEPT


async def test_nul_bytes_do_not_reach_the_call(clickpost: AsyncClickPost, vendor: Vendor, india: JsonObject) -> None:
    vendor.say(b"\x00broken\xff", status=500)
    assert (await clickpost.create_order(india)).call.response == "\ufffdbroken\ufffd"


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        (meta(200, "SUCCESS"), 200, "cancelled"),
        (meta(600, "ALREADY"), 200, "cancelled"),
        (meta(202), 202, "accepted"),
        ({}, 202, "accepted"),
        (meta(350, "no"), 400, "final"),
        (meta(350, "no"), 200, "final"),
        (meta(301), 200, "misconfigured"),
        (meta(351), 200, "misconfigured"),
        ({}, 500, "again"),
        ({}, 429, "again"),
        (meta(319), 200, "again"),
        ({"success": True}, 200, "again"),
        (meta(422), 200, "final"),
    ],
)
async def test_cancellations(clickpost: AsyncClickPost, vendor: Vendor, body: Any, status: int, expected: str) -> None:
    vendor.say(body, status=status)
    answer = await clickpost.cancel_order("W1", 4, "main acct")
    assert vendor.seen[0].path == "/api/v1/cancel-order/"
    query = {"username": "shop", "key": KEY, "waybill": "W1", "cp_id": "4", "account_code": "main acct"}
    assert vendor.seen[0].query == query
    assert answer.cancelled is (expected == "cancelled")
    assert answer.accepted is (expected == "accepted")
    assert answer.again is (expected in ("accepted", "again", "misconfigured"))
    assert answer.misconfigured is (expected == "misconfigured")
    assert answer.message


async def test_tracking_requests_up_to_five_shipments_of_one_courier(clickpost: AsyncClickPost, vendor: Vendor) -> None:
    timeline = {"latest_status": {"clickpost_status_code": 5}, "valid": True}
    vendor.say(meta(200, result={"W1": timeline, "W2": {"valid": False}})).say(meta(200, result=None)).say(meta(330))
    answer = await clickpost.track_order(["W1", "W2"], 4)
    assert answer.items == [{"waybill": "W1", "cp_id": 4, "result": timeline}]
    assert vendor.seen[0].query == {"username": "shop", "key": KEY, "waybill": "W1,W2", "cp_id": "4"}
    assert (await clickpost.track_order(["W1"], 4)).items == []
    assert (await clickpost.track_order(["W1"], 4)).items == []
    for waybills in ([], ["W"] * 6, ["W1,W2"], [""]):
        with pytest.raises(ValueError, match="waybill"):
            await clickpost.track_order(waybills, 4)


async def test_updated_order_follows_every_page_with_our_own_host_and_key(
    clickpost: AsyncClickPost, vendor: Vendor
) -> None:
    evil = "https://elsewhere.example/api/v1/updated-order?start_date=1&end_date=2&page=2&username=x&key=stolen"
    first = meta(200, result=[{"waybill": "W1"}])
    first["meta"]["next"] = evil
    second = meta(200, result=[{"waybill": "W2"}])
    second["meta"]["next"] = "?start_date=1&end_date=2&page=3"
    vendor.say(first).say(second).say(meta(200, result=[]))
    pages = [page.items async for page in clickpost.updated_order(START, END)]
    assert pages == [[{"waybill": "W1"}], [{"waybill": "W2"}], []]
    window = {"start_date": str(int(START.timestamp())), "end_date": str(int(END.timestamp()))}
    assert vendor.seen[0].query == {**window, "username": "shop", "key": KEY}
    assert [seen.query.get("page") for seen in vendor.seen] == [None, "2", "3"]
    assert {seen.query["key"] for seen in vendor.seen} == {KEY}
    assert {seen.path for seen in vendor.seen} == {"/api/v1/updated-order"}


async def test_a_page_that_is_not_a_list_is_an_error(clickpost: AsyncClickPost, vendor: Vendor) -> None:
    vendor.say(meta(200, result={"shipments": [{"waybill": "W1"}]}))
    with pytest.raises(VendorError, match="no list of shipments") as raised:
        _ = [page async for page in clickpost.updated_order(START, END)]
    assert raised.value.again


async def test_pages_that_go_in_circles_are_an_error(clickpost: AsyncClickPost, vendor: Vendor) -> None:
    for page in (2, 3, 2):
        body = meta(200, result=[])
        body["meta"]["next"] = f"{vendor.url}/api/v1/updated-order?page={page}"
        vendor.say(body)
    with pytest.raises(VendorError, match="circles"):
        _ = [page async for page in clickpost.updated_order(START, END)]


async def test_pages_without_end_are_an_error(
    clickpost: AsyncClickPost, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoints, "MOST_PAGES", 3)
    for page in range(5):
        vendor.say({**meta(200, result=[]), "next": f"{vendor.url}/?page={page}"})
    with pytest.raises(VendorError, match="more than 3 pages"):
        _ = [page async for page in clickpost.updated_order(START, END)]


@pytest.mark.parametrize(
    ("start", "end"),
    [(START, START), (END, START), (START.replace(tzinfo=None), END), (START, END.replace(tzinfo=None))],
)
async def test_an_invalid_span_is_refused(clickpost: AsyncClickPost, start: datetime, end: datetime) -> None:
    with pytest.raises(ValueError, match=r"before|zone"):
        clickpost.updated_order(start, end)


@pytest.mark.parametrize("seconds", [0, -600, 1801])
async def test_a_window_beyond_the_vendors_bounds_is_refused(clickpost: AsyncClickPost, seconds: int) -> None:
    with pytest.raises(ValueError, match="at most 1800 s"):
        clickpost.updated_order(START, END, window=timedelta(seconds=seconds))


async def test_a_long_span_is_cut_into_windows_that_leave_nothing_out(
    clickpost: AsyncClickPost, vendor: Vendor
) -> None:
    vendor.say({**meta(200, result=[{"waybill": "W1"}]), "next": f"{vendor.url}/?page=2&start_date=1&end_date=2"})
    for number in range(2, 9):
        vendor.say(meta(200, result=[{"waybill": f"W{number}"}]))
    pages = [page async for page in clickpost.updated_order(START, START + timedelta(minutes=65))]
    assert [page.items[0]["waybill"] for page in pages] == [f"W{number}" for number in range(1, 9)]
    firsts = [seen.query for seen in vendor.seen if "page" not in seen.query]
    minutes = [
        (int(query[name]) - int(START.timestamp())) / 60 for query in firsts for name in ("start_date", "end_date")
    ]
    assert minutes == [0, 10, 10, 20, 20, 30, 30, 40, 40, 50, 50, 60, 60, 65]


async def test_a_webhook_is_registered_without_secrets_in_the_recorded_call(
    clickpost: AsyncClickPost, vendor: Vendor, calls: list[Call]
) -> None:
    url = "https://shop.example/webhooks/clickpost/tok3n-tok3n-tok3n-1"
    vendor.say({"message": "ok", "status_code": 200, "success": True, "webhook_key": "hush-hush"})
    vendor.say({"message": "exists", "status_code": 305, "success": False}, status=400)
    vendor.say({"message": "ok", "status_code": 200, "success": True})
    registration = await clickpost.register_webhook(url)
    assert (registration.webhook_key, registration.code) == ("hush-hush", 200)
    assert (await clickpost.register_webhook(url)).code == 305
    assert (await clickpost.change_webhook(url)).registered
    assert [seen.method for seen in vendor.seen] == ["POST", "POST", "PUT"]
    assert vendor.seen[0].body == {"service_id": 2, "key": KEY, "webhook_url": url}
    assert vendor.seen[0].path == "/api/v1/tracking/register-webhook/"
    kept = f"{calls} {registration}"
    assert not any(secret in kept for secret in (KEY, "hush-hush", "tok3n"))


async def test_a_webhook_is_tested(clickpost: AsyncClickPost, vendor: Vendor) -> None:
    vendor.say(meta(200, "sent")).say(meta(301))
    assert (await clickpost.test_webhook("https://shop.example/", {"waybill": "1"})).message == "sent"
    assert vendor.seen[0].body == {"test_url": "https://shop.example/", "test_data": {"waybill": "1"}}
    assert vendor.seen[0].query == {"key": KEY}
    with pytest.raises(VendorError) as error:
        await clickpost.test_webhook("https://shop.example/", {})
    assert not error.value.again
    assert error.value.call.business_status == 301


async def test_accounts_are_fetched(clickpost: AsyncClickPost, vendor: Vendor) -> None:
    account = {"courier_partner_id": 4, "courier_name": "Delhivery", "account_code": "A", "account_active": True}
    vendor.say(meta(200, result={"accounts": [account]})).say(meta(200, result={"accounts": []}))
    (found,) = await clickpost.fetch_accounts()
    assert (found.courier_partner_id, found.account_code, found.active) == (4, "A", True)
    await clickpost.fetch_accounts(active=None)
    assert [seen.query for seen in vendor.seen] == [{"key": KEY, "active": "True"}, {"key": KEY}]


async def test_an_order_is_fetched_or_none(clickpost: AsyncClickPost, vendor: Vendor) -> None:
    vendor.say(PLACED).say({}, status=400).say(meta(330)).say(b"<html>", status=503)
    found = await clickpost.fetch_order("W1", 4)
    assert found is not None
    assert found.waybill == "W1"
    assert vendor.seen[0].query == {"username": "shop", "key": KEY, "awb": "W1", "cp_id": "4"}
    assert await clickpost.fetch_order("W1", 4) is None
    assert await clickpost.fetch_order("W1", 4) is None
    with pytest.raises(VendorError) as error:
        await clickpost.fetch_order("W1", 4)
    assert error.value.again


async def test_a_call_times_out_as_a_whole_however_slow_the_answer() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            for number in range(1000):  # a header now and then: no single read times out
                writer.write(f"x-{number}: 1\r\n".encode())
                await writer.drain()
                await asyncio.sleep(0.05)
        writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, AsyncClickPost(username="u", key="k", url=url, timeout=0.5) as client, asyncio.timeout(30):
        answer = await client.cancel_order("AWB1", 4, "main")  # it would take 50 s
    assert (answer.cancelled, answer.again) == (False, True)
    assert "TimeoutError" in answer.call.error
