"""Every call beside orders and tracking, on both clients: the request, the answer, the failures."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import pytest

from awbridge import AsyncClickPost, ClickPost
from awbridge.clickpost.client.connection import EDD_URL, SERVICEABILITY_URL
from awbridge.clickpost.lookups.predictions import parse_predictions
from awbridge.clickpost.tracking.ndr import NdrAction
from awbridge.clickpost.wire.lenient_json import Reply
from awbridge.domain.call import Call
from awbridge.domain.errors import VendorError
from awbridge.domain.orders.shipment import Region
from tests.clickpost.conftest import JsonObject, Vendor

pytestmark = pytest.mark.heavy

KEY = "k3y-0f-th3/sh0p+x"
LOGIN = {"username": "shop", "key": KEY}
START = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)
END = START + timedelta(minutes=30)
EPOCH = str(int(START.timestamp()))
ANSWERS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "fixtures" / "more_answers.json").read_text())

Ask = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One call: its arguments, and the request that must be sent. `host` is the start of the path in the test."""

    name: str
    args: tuple[Any, ...]
    path: str
    kwargs: JsonObject = field(default_factory=dict)
    method: str = "GET"
    query: dict[str, str] = field(default_factory=dict)
    body: Any = None
    answer: str = ""
    host: str = "/main"

    @property
    def reply(self) -> Any:
        return ANSWERS[self.answer or self.name]


SHIPMENT = {"pickup_pincode": "411001", "drop_pincode": "560001", "reference_number": "TEA-79"}
WORLD = {"pickup_details": {"pincode": "411001", "country": "IN"}, "drop_details": {"pincode": "1", "country": "SG"}}
PICKUP = {"pickup_name": "Kanda", "courier_partner": 4}
REPORT_QUERY = {"key": KEY, "report_reference_number": "4711"}
REPORT_PATH = "/api/v1/reports/enterprise_dashboard_report/"
WAYBILL = {"waybill": "AW1", "cp_id": "4"}

CASES = [
    Case(
        name="fetch_label",
        args=("AW1", 4),
        path="/api/v1/fetch/shippinglabel/",
        query={**LOGIN, **WAYBILL, "regenerate": "false"},
    ),
    Case(
        name="fetch_security_key",
        args=("AW1", 4),
        path="/api/v1/shipment-security-key",
        query={"key": KEY, **WAYBILL},
    ),
    Case(
        name="edit_order",
        args=("AW1", 4, {"order_type": "PREPAID", "awb_number": "other"}),
        method="POST",
        path="/api/v1/edit-order/",
        query=LOGIN,
        body={"awb_number": "AW1", "courier_partner": 4, "order_type": "PREPAID"},
    ),
    Case(name="create_pickup", args=(PICKUP,), method="POST", path="/api/v1/create-pickup/", query=LOGIN, body=PICKUP),
    Case(
        name="create_pickup",
        args=(PICKUP,),
        kwargs={"region": Region.WORLD},
        method="POST",
        path="/api/v2/create-pickup/",
        query=LOGIN,
        body=PICKUP,
        answer="create_pickup_world",
    ),
    Case(
        name="register_waybill",
        args=({"waybill": "AW1", "cp_id": 4},),
        kwargs={"version": 2},
        method="POST",
        path="/api/v2/tracking/awb-register/",
        body={"waybill": "AW1", "cp_id": 4, "key": KEY},
        answer="register_waybill_2",
    ),
    Case(
        name="register_waybill",
        args=({"waybill": "AW1", "courier_partner": 4},),
        method="POST",
        path="/api/v3/tracking/awb-register/",
        query={"key": KEY},
        body={"waybill": "AW1", "courier_partner": 4},
        answer="register_waybill_3",
    ),
    Case(
        name="unregister_waybill",
        args=("AW1", 4),
        method="POST",
        path="/api/v2/tracking/awb-unregister/",
        body={"cp_id": 4, "waybill": "AW1", "key": KEY},
    ),
    Case(
        name="update_ndr",
        args=(NdrAction.REATTEMPT, "AW1", 4, "main"),
        kwargs={"address": "13 Lake View", "preferred_date": date(2026, 11, 5)},
        method="POST",
        path="/api/v2/ndr-update-api",
        query=LOGIN,
        body={
            "action": "REATTEMPT",
            "waybill": "AW1",
            "cp_id": 4,
            "account_code": "main",
            "address": "13 Lake View",
            "preferred_date": "2026-11-05",
        },
    ),
    Case(
        name="ndr_feedback",
        args=(START, END),
        path="/api/v1/ndr_user_feedback/",
        query={**LOGIN, "start_date": EPOCH, "end_date": str(int(END.timestamp()))},
    ),
    Case(
        name="proof_of_delivery",
        args=("AW1", 4),
        path="/v1/pod/pod_from_shipment_details/",
        query={"key": KEY, **WAYBILL},
        host="/tracking",
    ),
    Case(
        name="fetch_shipment_count",
        args=(date(2026, 11, 1), date(2026, 11, 2)),
        path="/api/v1/fetch-shipment-count/",
        query={"key": KEY, "start-date": "2026-11-01", "end-date": "2026-11-02"},
    ),
    Case(
        name="request_report",
        args=(START.astimezone(ZoneInfo("Asia/Kolkata")), END),
        method="POST",
        path=REPORT_PATH,
        query={"key": KEY},
        body={
            "report_name": "TRACK_ORDER_DASHBOARD_REPORT",
            "filters": {
                "updated_at_start_time": "2026-11-02 10:00:00",
                "updated_at_end_time": "2026-11-02 10:30:00",
            },
            "fields": [],
        },
    ),
    Case(name="fetch_report", args=("4711",), path=REPORT_PATH, query=REPORT_QUERY),
    Case(
        name="wait_for_report",
        args=("4711",),
        kwargs={"tries": 1},
        path=REPORT_PATH,
        query={"key": KEY, "report_reference_number": "4711"},
    ),
    Case(name="audit_log", args=(START,), path="/api/v1/audit-log-data/", query={"key": KEY, "log_epoch_time": EPOCH}),
    Case(
        name="returns_delta",
        args=(START, END),
        path="/api/v1/return_order_poll/",
        query={
            "key": KEY,
            "user_name": "shop",
            "start_time": "2026-11-02T10:00:00",
            "end_time": "2026-11-02T10:30:00",
        },
    ),
    Case(
        name="recommend",
        args=([SHIPMENT],),
        method="POST",
        path="/api/v1/recommendation_api/",
        query={"key": KEY},
        body=[SHIPMENT],
    ),
    Case(
        name="recommend_world",
        args=(WORLD,),
        method="POST",
        path="/api/v2/recommendation/",
        query={"key": KEY},
        body=WORLD,
    ),
    Case(
        name="pincode_details",
        args=("560001",),
        path="/api/v2/pincode_details/",
        query={"pincode": "560001", "key": KEY},
    ),
    Case(
        name="serviceability",
        args=("411001", "560001"),
        kwargs={"optional": {"weight": 350}},
        method="POST",
        path="/api/v1/serviceability_api/",
        query=LOGIN,
        body=[{"pickup_pincode": "411001", "drop_pincode": "560001", "optional": {"weight": 350}}],
        host="/serviceability",
    ),
    Case(
        name="drop_serviceability",
        args=("560001",),
        kwargs={"order_type": "COD"},
        method="POST",
        path="/api/v3/serviceability_api/",
        query=LOGIN,
        body=[{"drop_pincode": "560001", "order_type": "COD"}],
        host="/serviceability",
    ),
    Case(
        name="bulk_serviceability",
        args=(4, "main"),
        path="/api/v1/bulk_serviceability_api/",
        query={**LOGIN, "courier_partner_id": "4", "account_code": "main"},
        host="/serviceability",
    ),
    Case(
        name="serviceable_drop_pincodes",
        args=(),
        path="/api/v1/serviceable_drop_pincode/",
        query=LOGIN,
        host="/serviceability",
    ),
    Case(
        name="search_pincode",
        args=("560001",),
        kwargs={"pickup": True},
        path="/api/v1/pincode_search_overall/",
        query={**LOGIN, "pincode": "560001", "is_pickup_pincode": "true", "is_rvp": "false"},
        host="/serviceability",
    ),
    Case(
        name="predict_delivery",
        args=([SHIPMENT],),
        method="POST",
        path="/api/v2/predicted_sla_api/",
        query={**LOGIN, "check_drop_pincode_validity": "false"},
        body=[SHIPMENT],
        host="/edd",
    ),
    Case(
        name="predict_delivery_world",
        args=(WORLD,),
        method="POST",
        path="/api/v1/global_edd/",
        query=LOGIN,
        body=WORLD,
        host="/edd",
    ),
    Case(
        name="set_whatsapp",
        args=("AW1", True),
        method="POST",
        path="/api/v1/enable_shipment_notification/",
        query={"key": KEY},
        body={"awb": "AW1", "whatsapp_disable": False},
    ),
    Case(
        name="login",
        args=("pa55-w0rd",),
        method="POST",
        path="/api/v1/user/token/",
        body={"username": "shop", "password": "pa55-w0rd"},
    ),
    Case(
        name="register_service",
        args=(),
        method="POST",
        path="/api/v1/register-service/",
        body={"key": KEY, "service_id": 2},
    ),
]
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.answer or case.name)


@pytest.fixture(autouse=True, scope="module")
def _swift(loopback: tuple[str, Any]) -> None:
    """Hundreds of small answers: none waits 40 ms for the acknowledgement of its own head."""
    loopback[1].disable_nagle_algorithm = True


@pytest.fixture
def calls() -> list[Call]:
    return []


@asynccontextmanager
async def asking(kind: str, vendor: Vendor, calls: list[Call]) -> AsyncIterator[Ask]:
    """A way to call a method by its name, on one of the two clients. Loads no certificates: that is slow."""
    urls = {"url": "/main", "tracking_url": "/tracking/", "serviceability_url": "/serviceability", "edd_url": "/edd/"}
    settings: Any = {name: vendor.url + path for name, path in urls.items()}
    settings |= {"username": "shop", "key": KEY, "on_call": calls.append}
    if kind == "async":
        async with AsyncClickPost(**settings, transport=httpx2.AsyncHTTPTransport(verify=False)) as client:
            yield lambda name, *args, **kwargs: getattr(client, name)(*args, **kwargs)
        return
    with ClickPost(**settings, transport=httpx2.HTTPTransport(verify=False)) as blocking:

        async def ask(name: str, *args: Any, **kwargs: Any) -> Any:
            return getattr(blocking, name)(*args, **kwargs)

        yield ask


@pytest.fixture(params=["async", "sync"])
async def ask(request: pytest.FixtureRequest, vendor: Vendor, calls: list[Call]) -> AsyncIterator[Ask]:
    async with asking(request.param, vendor, calls) as do:
        yield do


def meta(status: int, message: str = "", **more: Any) -> JsonObject:
    return {"meta": {"status": status, "success": status == 200, "message": message}, **more}


@every_case
async def test_a_call_sends_the_vendors_format_and_returns_its_answer(
    ask: Ask, vendor: Vendor, calls: list[Call], case: Case
) -> None:
    vendor.say(case.reply)
    answer = await ask(case.name, *case.args, **case.kwargs)
    (seen,) = vendor.seen
    assert (seen.method, seen.path, seen.query) == (case.method, case.host + case.path, case.query)
    assert seen.body == case.body
    assert answer.raw == case.reply
    assert dataclasses.is_dataclass(answer)
    with pytest.raises(dataclasses.FrozenInstanceError):
        answer.raw = {}
    assert [call.http_status for call in calls] == [200]


@every_case
async def test_the_key_reaches_no_call_no_error_and_no_repr(
    ask: Ask, vendor: Vendor, calls: list[Call], case: Case
) -> None:
    echo = f"your key {KEY}" + (" and password pa55-w0rd" if case.name == "login" else "")
    vendor.say({**case.reply, "echo": echo}).say(meta(301, echo))
    answer = await ask(case.name, *case.args, **case.kwargs)
    with pytest.raises(VendorError) as error:
        await ask(case.name, *case.args, **case.kwargs)
    kept = "".join(str(dataclasses.asdict(call)) for call in calls) + f"{answer!r} {error.value} {error.value.call!r}"
    assert not [secret for secret in (KEY, "pa55", "t0k3n", "s1gnature", "AKTEA") if secret in kept]
    assert calls[0].response


Failure = tuple[Any, JsonObject, bool, float | None]
FAILURES: list[Failure] = [
    (meta(301, "wrong key"), {}, False, None),
    (meta(320, "not subscribed"), {"status": 401}, False, None),
    (meta(400, "no such thing"), {}, False, None),
    (meta(500, "Ops"), {}, True, None),
    ({}, {"status": 429, "headers": {"Retry-After": "7"}}, True, 7.0),
    (b"<html>down</html>", {"status": 503}, True, None),
    (b"<html>odd</html>", {}, True, None),
    (b"", {"status": 404}, True, None),
    ({"success": True}, {}, True, None),
    (meta(200), {"cut": "before"}, True, None),
    (meta(200), {"cut": "within"}, True, None),
]


@pytest.mark.heavy
@every_case
async def test_every_failure_is_a_vendor_error_that_states_whether_to_retry(
    ask: Ask, vendor: Vendor, calls: list[Call], case: Case
) -> None:
    for body, how, again, retry_after in FAILURES:
        vendor.say(body, **how)
        with pytest.raises(VendorError) as error:
            await ask(case.name, *case.args, **case.kwargs)
        assert (error.value.again, error.value.retry_after) == (again, retry_after)
        assert error.value.call == calls[-1]


ODD: list[Any] = [None, "", 0, "text", [], {}, [None, 1, "x", []], {"preference_array": "x", "all_map": [1]}]


@pytest.mark.heavy
@every_case
async def test_unexpected_results_are_read_without_an_error(vendor: Vendor, calls: list[Call], case: Case) -> None:
    if case.name == "wait_for_report":
        return
    async with asking("sync", vendor, calls) as ask:
        for odd in [*ODD, *(dict.fromkeys(_names(case.reply), odd) for odd in ODD)]:
            vendor.say(meta(200, result=odd))
            await ask(case.name, *case.args, **case.kwargs)
            vendor.say(meta(200, result=[odd]))
            await ask(case.name, *case.args, **case.kwargs)


def _names(reply: Any) -> set[str]:
    entries = reply.get("result", [])
    rows = entries if isinstance(entries, list) else [entries]
    return {key for row in rows if isinstance(row, dict) for key in row}


async def test_the_fields_of_the_answers_are_read(vendor: Vendor, calls: list[Call]) -> None:
    found: dict[str, Any] = {}
    async with asking("async", vendor, calls) as ask:
        for case in CASES:
            vendor.say(case.reply)
            found[case.answer or case.name] = await ask(case.name, *case.args, **case.kwargs)
    assert found["fetch_label"].url == "https://files.example/labels/AW100.pdf"
    key = found["fetch_security_key"]
    assert (key.security_key, key.waybill, key.courier_partner_id) == ("sk-tea-1", "900100", 4)
    assert found["edit_order"].message == "ACCEPTED"
    assert (found["create_pickup"].confirmation_number, found["create_pickup"].location) == ("61", "BLR-2")
    assert found["create_pickup_world"].confirmation_number == "DXB-0009"
    assert (found["register_waybill_2"].already, found["register_waybill_2"].tracking_id) == (True, "5501")
    assert (found["register_waybill_3"].already, found["register_waybill_3"].security_key) == (False, "")
    (feedback,) = found["ndr_feedback"].items
    assert (feedback.waybill, feedback.drop_pincode, feedback.clickpost_status_code) == ("700200", "560001", 9)
    assert (feedback.landmark, feedback.raw["new_field"]) == ("", [1])
    assert found["proof_of_delivery"].url.endswith("/pod/AW100.pdf")
    days = [(day.day, day.manifestation, day.tracking) for day in found["fetch_shipment_count"].days]
    assert days == [(date(2026, 11, 1), 0, 0), (date(2026, 11, 2), 7, 9)]
    assert found["audit_log"].entries[0].username == "kanda"
    (returned,) = found["returns_delta"].items
    assert (returned.waybill, returned.courier_partner_id, returned.requested_at) == ("", None, "2026-11-02T11:15:20Z")
    (recommended,) = found["recommend"].items
    choices = [(choice.courier_partner_id, choice.shipping_charge) for choice in recommended.choices]
    assert choices == [(4, 41.5), (6, None), (99, None)]
    (abroad,) = found["recommend_world"].items
    assert (abroad.serviceable, abroad.choices[0].courier_partner_id) == (True, 164)
    assert found["pincode_details"].city == "BENGALURU"
    (account,) = found["serviceability"].accounts
    assert (account.serves, account.charges, account.sla_days) == ({"PREPAID"}, {"PREPAID": 52.25}, 3)
    assert found["drop_serviceability"].serves == {"COD", "PREPAID"}
    assert found["bulk_serviceability"].drop == {"PREPAID": ("560001", "560002"), "COD": ()}
    assert found["serviceable_drop_pincodes"].pickup == {}
    (serving,) = found["search_pincode"].accounts
    assert (serving.account_name, serving.courier_name, serving.order_type) == ("A", "First", "PREPAID")
    (prediction,) = found["predict_delivery"].items
    assert (prediction.min_days, prediction.max_days, prediction.by_courier) == (1, 6, {9: (1, 2), 28: (4, 6)})
    assert found["predict_delivery_world"].items[0].max_days == 11

    assert (found["login"].token, found["login"].expires_at) == ("t0k3n-of-kanda", "2026-12-01T00:00:00")
    assert found["register_service"].message == "SUCCESS"


@pytest.mark.parametrize(
    ("received", "day"),
    [("2026-11-05", "2026-11-05"), ("2026-11-05T18:30:00Z", "2026-11-06"), ("soon", "soon"), (None, "")],
)
def test_a_predicted_pickup_is_a_day_in_india_or_the_text_as_received(received: Any, day: str) -> None:
    reply = Reply(http_status=200, body={"result": [{"pickup_date": received}]})
    assert [item.pickup_date for item in parse_predictions(reply).items] == [day]


async def test_an_unserved_place_is_an_answer_and_not_an_error(ask: Ask, vendor: Vendor) -> None:
    nowhere = meta(200, "Pin code not serviceable")
    vendor.say(nowhere).say(nowhere).say(nowhere).say(nowhere)
    assert (await ask("recommend", [SHIPMENT])).items == ()
    assert (await ask("serviceability", "1", "2")).message == "Pin code not serviceable"
    assert (await ask("search_pincode", "1")).accounts == ()
    assert not (await ask("drop_serviceability", "1")).serviceable


async def test_a_pincode_is_missing_only_where_the_body_states_it(ask: Ask, vendor: Vendor) -> None:
    vendor.say(meta(404, result={})).say(meta(404), status=404).say(b"<html>", status=404).say(meta(200, result={}))
    assert await ask("pincode_details", "000000") is None
    assert await ask("pincode_details", "000000") is None
    with pytest.raises(VendorError):
        await ask("pincode_details", "000000")
    assert await ask("pincode_details", "000000") is None


async def test_a_waybill_known_without_ids_is_an_answer_too(ask: Ask, vendor: Vendor) -> None:
    vendor.say(meta(303, "already")).say(meta(351))
    assert (await ask("register_waybill", {})).already
    with pytest.raises(VendorError):
        await ask("register_waybill", {})


async def test_a_missing_status_is_success_only_where_the_vendor_sends_none(ask: Ask, vendor: Vendor) -> None:
    vendor.say({"result": []}).say({"result": []}).say({"meta": {"status": 500}, "result": []})
    assert (await ask("ndr_feedback", START, END)).items == ()
    with pytest.raises(VendorError):
        await ask("audit_log", START)
    with pytest.raises(VendorError):
        await ask("ndr_feedback", START, END)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("ndr_feedback", (START, START + timedelta(seconds=3601))),
        ("ndr_feedback", (START, START)),
        ("ndr_feedback", (START.replace(tzinfo=None), END)),
        ("returns_delta", (START, START + timedelta(minutes=61))),
        ("request_report", (START, START + timedelta(hours=24, seconds=1))),
        ("fetch_shipment_count", (date(2026, 11, 2), date(2026, 11, 1))),
        ("audit_log", (START.replace(tzinfo=None),)),
        ("recommend", ([],)),
        ("predict_delivery", ([],)),
        ("create_pickup", ({"weight": float("nan")},)),
        ("recommend", ([{"item": "\ud800"}],)),
    ],
)
async def test_a_request_that_can_never_work_is_refused_before_sending(
    ask: Ask, vendor: Vendor, name: str, args: tuple[Any, ...]
) -> None:
    with pytest.raises(ValueError, match=r"window|zone|end|at least|JSON"):
        await ask(name, *args)
    with pytest.raises(ValueError, match="versions 2 and 3"):
        await ask("register_waybill", {}, version=4)
    assert vendor.seen == []


async def test_arguments_that_change_the_question(ask: Ask, vendor: Vendor) -> None:
    for name in ("fetch_label", "returns_delta", "set_whatsapp", "predict_delivery", "login"):
        vendor.say(ANSWERS[name])
    await ask("fetch_label", "AW1", 4, regenerate=True)
    await ask("returns_delta", START, END, zone=ZoneInfo("Asia/Kolkata"))
    await ask("set_whatsapp", "AW1", False)
    await ask("predict_delivery", [SHIPMENT], check_drop_pincode=True)
    await ask("login", "pw", username="kanda")
    label, returns, whatsapp, predicted, login = vendor.seen
    assert label.query["regenerate"] == "true"
    assert returns.query["start_time"] == "2026-11-02T15:30:00"
    assert whatsapp.body["whatsapp_disable"] is True
    assert predicted.query["check_drop_pincode_validity"] == "true"
    assert login.body == {"username": "kanda", "password": "pw"}
    assert login.query == {}


@pytest.fixture
def plain() -> Iterator[ClickPost]:
    with ClickPost(username="shop", key=KEY) as client:
        yield client


def test_each_service_has_the_vendors_own_address_by_default(plain: ClickPost) -> None:
    assert (SERVICEABILITY_URL, EDD_URL) == ("https://serviceability.clickpost.in", "https://ds.clickpost.in")
    endpoints = plain._endpoints
    assert (endpoints.serviceability_url, endpoints.edd_url) == (SERVICEABILITY_URL, EDD_URL)
