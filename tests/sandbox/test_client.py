"""Every method of the client against a running sandbox, which serves all four of its URLs."""

import asyncio
import csv
import functools
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from awbridge import AsyncClickPost, ClickPost
from awbridge.domain.errors import VendorError
from awbridge.domain.orders.outcome import Placed, Rejected
from awbridge.domain.orders.shipment import Region
from awbridge.sandbox import Sandbox, SandboxConfig, running
from awbridge.sandbox.shipments.models import SimulatedOrder
from awbridge.sandbox.wire.codes import unified_status
from tests.sandbox.helpers import b2b_order, flat_order, item, only, order, receiver

pytestmark = pytest.mark.heavy

ACCOUNT = "Delhivery Surface"
CONFIG = SandboxConfig(
    backdate_seconds=30 * 86400,
    weights=only("ndr_delivered"),
    serviceable_share=1,
    unserved_pincodes=("190001",),
    ndr_feedback=1,
    return_requests=1,
)


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class World:
    """A sandbox with one order, and a client."""

    sandbox: Sandbox
    client: Any
    order: SimulatedOrder

    @property
    def waybill(self) -> str:
        return self.order.waybill

    @property
    def hour(self) -> tuple[datetime, datetime]:
        return now() - timedelta(minutes=30), now() + timedelta(minutes=1)

    async def fail_delivery(self) -> None:
        """Advance to the first failed delivery of the order."""
        first = next(step for step in self.order.steps if step.code == 9)
        await self.sandbox.advance(first.offset)
        assert self.order.scans[-1].code == 9


class Blocking:
    """The blocking client, called in a thread so that it does not block the event loop of the sandbox."""

    def __init__(self, client: ClickPost) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        return functools.partial(asyncio.to_thread, getattr(self._client, name))

    async def updated_order(self, *args: Any) -> AsyncIterator[Any]:
        for page in await asyncio.to_thread(lambda: list(self._client.updated_order(*args))):
            yield page


@asynccontextmanager
async def client_of(kind: str, sandbox: Sandbox, key: str = "sandbox-key") -> AsyncIterator[Any]:
    settings: Any = dict.fromkeys(("url", "tracking_url", "serviceability_url", "edd_url"), sandbox.url)
    settings |= {"username": "sandbox", "key": key}
    # The transports load no CA certificates: that is slow, and loopback does not need them.
    if kind == "async":
        async with AsyncClickPost(**settings, transport=httpx2.AsyncHTTPTransport(verify=False)) as client:
            yield client
    else:
        with ClickPost(**settings, transport=httpx2.HTTPTransport(verify=False)) as blocking:
            yield Blocking(blocking)


@pytest.fixture(params=["async", "sync"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    async with running(CONFIG) as sandbox, client_of(request.param, sandbox) as client:
        await client.create_order(order("A-1", drop_pincode="560001"))
        yield World(sandbox, client, sandbox.registry.orders["A-1"])


async def create_order(world: World) -> None:
    outcome = (await world.client.create_order(order("A-2"))).outcome
    assert isinstance(outcome, Placed)
    assert outcome.waybill == world.sandbox.registry.orders["A-2"].waybill
    refused = (await world.client.create_order(order("A-3", delivery_type="RVP"))).outcome
    assert isinstance(refused, Rejected)
    address = dict.fromkeys(("name", "phone", "address", "city", "postal_code", "country_code"), "x")
    abroad = order("W-1") | {"pickup_info": address, "drop_info": address}
    assert isinstance((await world.client.create_order(abroad, region=Region.WORLD)).outcome, Placed)


async def create_flat_order(world: World) -> None:
    outcome = (await world.client.create_flat_order(flat_order("B-1"))).outcome
    assert isinstance(outcome, Placed)
    assert outcome.waybill == world.sandbox.registry.orders["B-1"].waybill
    without = await world.client.create_flat_order(flat_order("B-2", gst_info={"seller_gstin": "27X"}))
    assert isinstance(without.outcome, Rejected)


async def create_b2b_order(world: World) -> None:
    first = await world.client.create_b2b_order(b2b_order("B-1"))
    assert (first.kind, first.call.business_status) == ("pending", 102)
    responses = [await world.client.create_b2b_order(b2b_order("B-1")) for _ in range(CONFIG.async_polls + 1)]
    outcome = responses[-1].outcome
    assert isinstance(outcome, Placed)
    assert outcome.waybill == world.sandbox.registry.orders["B-1"].waybill
    flat = await world.client.create_b2b_order(flat_order("B-2"))
    assert isinstance(flat.outcome, Rejected)


async def fetch_order(world: World) -> None:
    found = await world.client.fetch_order(world.waybill, 4)
    assert found is not None
    assert (found.waybill, found.account_code) == (world.waybill, ACCOUNT)
    assert await world.client.fetch_order("nobody", 4) is None


async def fetch_order_by_reference(world: World) -> None:
    found = await world.client.fetch_order_by_reference("A-1")
    assert found is not None
    assert found.waybill == world.waybill
    assert await world.client.fetch_order_by_reference("A-99") is None


async def find_order(world: World) -> None:
    found = await world.client.find_order("A-1")
    assert found.placed
    assert (found.known, found.denied, found.placed.waybill) == (True, False, world.waybill)
    none = await world.client.find_order("A-99")
    assert (none.known, none.placed, none.denied, none.call.api) == (True, None, True, "fetch-order")
    assert none.call.business_status == 330


async def cancel_order(world: World) -> None:
    assert (await world.client.cancel_order(world.waybill, 4, ACCOUNT)).cancelled
    assert (await world.client.cancel_order(world.waybill, 4, ACCOUNT)).cancelled
    assert world.order.cancelled
    unknown = await world.client.cancel_order("nobody", 4, ACCOUNT)
    assert (unknown.cancelled, unknown.again) == (False, False)


async def track_order(world: World) -> None:
    await world.sandbox.finish()
    (tracked,) = (await world.client.track_order([world.waybill, "nobody"], 4)).items
    assert tracked["waybill"] == world.waybill
    assert len(tracked["result"]["scans"]) == len(world.order.scans)


async def updated_order(world: World) -> None:
    await world.sandbox.finish()
    start, end = world.hour
    rows = [row async for page in world.client.updated_order(start + timedelta(minutes=5), end) for row in page.items]
    assert {row["waybill"] for row in rows} == {world.waybill}


async def register_webhook(world: World) -> None:
    response = await world.client.register_webhook("http://127.0.0.1:9/hook")
    assert (response.registered, response.webhook_key) == (True, world.sandbox.webhooks.key)
    assert (await world.client.register_webhook("http://127.0.0.1:9/hook")).code == 305


async def change_webhook(world: World) -> None:
    assert (await world.client.change_webhook("http://127.0.0.1:9/other")).code == 327
    await world.client.register_webhook("http://127.0.0.1:9/hook")
    assert (await world.client.change_webhook("http://127.0.0.1:9/other")).registered
    assert world.sandbox.webhooks.url == "http://127.0.0.1:9/other"


async def send_test_webhook(world: World) -> None:
    async with receiver() as hook:
        assert (await world.client.test_webhook(hook.url, {"hello": 1})).business_status == 200
        assert hook.bodies == [{"hello": 1}]


async def fetch_accounts(world: World) -> None:
    accounts = await world.client.fetch_accounts()
    assert {(each.courier_partner_id, each.account_code) for each in accounts} == {
        (each.courier_partner_id, each.account_code) for each in CONFIG.accounts
    }


async def fetch_label(world: World) -> None:
    first = await world.client.fetch_label(world.waybill, 4)
    assert first.url.endswith(f"{world.waybill}.pdf")
    assert (await world.client.fetch_label(world.waybill, 4, regenerate=True)).url != first.url


async def fetch_security_key(world: World) -> None:
    key = await world.client.fetch_security_key(world.waybill, 4)
    assert (key.security_key, key.waybill) == (world.order.security_key, world.waybill)
    assert (key.courier_partner_id, key.reference_number) == (4, "A-1")


async def edit_order(world: World) -> None:
    response = await world.client.edit_order(world.waybill, 4, {"order_type": "COD", "cod_value": 99})
    assert response.message == "ACCEPTED"
    assert (world.order.order_type, world.order.cod_value) == ("COD", 99)
    with pytest.raises(VendorError):
        await world.client.edit_order("nobody", 4, {"order_type": "PREPAID"})


async def create_pickup(world: World) -> None:
    when = now() + timedelta(days=1)
    where = {"name": "Tea", "phone": "8000000001", "address": "Plot 4", "city": "Pune", "state": "MH", "country": "IN"}
    payload = {f"pickup_{name}": value for name, value in where.items()}
    payload |= {"pickup_pincode": "411001", "pickup_date": when.isoformat(), "pickup_email": "tea@shop.example"}
    payload |= {"courier_partner": 4, "account_code": ACCOUNT, "items": "1 package(s), 500 grams"}
    pickup = await world.client.create_pickup(payload)
    assert pickup.confirmation_number == "1"
    assert pickup.location
    place = {"name": "Tea", "phone": "8000000001", "address": "Plot 4", "city": "Pune", "country_code": "IN"}
    hours = {"date": when.date().isoformat(), "start_time": "10:00", "end_time": "12:00"}
    details = {"reference_number": "A-1", "awb_number": world.waybill, "courier_partner_id": 4, "items": [item()]}
    abroad = {"pickup_info": place | hours, "shipment_details": details | {"account_code": ACCOUNT}}
    assert (await world.client.create_pickup(abroad, region=Region.WORLD)).confirmation_number


async def register_waybill(world: World) -> None:
    second = await world.client.register_waybill({"waybill": "ELSE-2", "cp_id": 4}, version=2)
    third = await world.client.register_waybill({"waybill": "ELSE-3", "courier_partner": 4})
    shipments = [world.sandbox.registry.shipments[waybill] for waybill in ("ELSE-2", "ELSE-3")]
    assert [each.tracking_id for each in (second, third)] == [str(shipment.serial) for shipment in shipments]
    assert not second.already
    again = await world.client.register_waybill({"waybill": "ELSE-2", "cp_id": 4}, version=2)
    assert (again.already, again.tracking_id) == (True, second.tracking_id)
    assert (await world.client.register_waybill({"waybill": "ELSE-2", "courier_partner": 4})).already


async def unregister_waybill(world: World) -> None:
    assert (await world.client.unregister_waybill(world.waybill, 4)).message == "SUCCESS"
    assert (await world.client.track_order([world.waybill], 4)).items == []
    with pytest.raises(VendorError):
        await world.client.unregister_waybill(world.waybill, 4)


async def update_ndr(world: World) -> None:
    with pytest.raises(VendorError):
        await world.client.update_ndr("REATTEMPT", world.waybill, 4, ACCOUNT)
    await world.fail_delivery()
    day = (now() + timedelta(days=2)).date()
    done = await world.client.update_ndr("INITIATE_RTO", world.waybill, 4, ACCOUNT, preferred_date=day)
    assert done.message == "SUCCESS"
    await world.sandbox.finish()
    assert world.order.scans[-1].code == 14


async def ndr_feedback(world: World) -> None:
    await world.fail_delivery()
    await world.client.update_ndr("REATTEMPT", world.waybill, 4, ACCOUNT, phone_number="8000000009")
    items = (await world.client.ndr_feedback(*world.hour)).items
    assert [(each.kind, each.waybill) for each in items] == [
        ("CUSTOMER_FEED", world.waybill),
        ("CLIENT_OPS_FEED", world.waybill),
    ]
    assert items[1].phone == "8000000009"


async def proof_of_delivery(world: World) -> None:
    with pytest.raises(VendorError):
        await world.client.proof_of_delivery(world.waybill, 4)
    await world.sandbox.finish()
    assert world.waybill in (await world.client.proof_of_delivery(world.waybill, 4)).url


async def set_whatsapp(world: World) -> None:
    await world.client.set_whatsapp(world.waybill, False)
    assert world.sandbox.account_records.whatsapp_disabled == {world.waybill}
    await world.client.set_whatsapp(world.waybill, True)
    assert world.sandbox.account_records.whatsapp_disabled == set()


async def fetch_shipment_count(world: World) -> None:
    await world.client.register_waybill({"waybill": "ELSE-1", "courier_partner": 4})
    day = (now() + timedelta(hours=5, minutes=30)).date()
    days = (await world.client.fetch_shipment_count(day - timedelta(days=2), day)).days
    assert [(each.manifestation, each.tracking) for each in days] == [(0, 0), (0, 0), (1, 2)]


async def request_report(world: World) -> None:
    report = await world.client.request_report(*world.hour)
    assert (report.reference, report.ready) == ("1300001", False)


async def fetch_report(world: World) -> None:
    reference = (await world.client.request_report(*world.hour)).reference
    reports = [await world.client.fetch_report(reference) for _ in range(3)]
    assert [report.ready for report in reports] == [False, False, True]
    with pytest.raises(VendorError):
        await world.client.fetch_report("17")


async def wait_for_report(world: World) -> None:
    reference = (await world.client.request_report(*world.hour)).reference
    world.sandbox.inject_fault("http_500", endpoint="report_status")
    assert (await world.client.wait_for_report(reference, every=0.001)).ready
    world.sandbox.inject_fault("failed_reports")
    reference = (await world.client.request_report(*world.hour)).reference
    with pytest.raises(VendorError) as failed:
        await world.client.wait_for_report(reference, every=0.001)
    assert not failed.value.again


async def download_report(world: World) -> None:
    await world.sandbox.finish()
    reference = (await world.client.request_report(*world.hour, fields=["AWB", "Clickpost Unified Status"])).reference
    report = await world.client.wait_for_report(reference, every=0.001)
    rows = list(csv.DictReader(io.StringIO((await world.client.download_report(report)).decode())))
    latest = world.order.scans[-1]
    assert [(row["AWB"].lstrip("`"), row["Clickpost Unified Status"]) for row in rows] == [
        (world.waybill, unified_status(latest.code))
    ]


async def download_report_into(world: World) -> None:
    await world.sandbox.finish()
    reference = (await world.client.request_report(*world.hour)).reference
    report = await world.client.wait_for_report(reference, every=0.001)
    parts: list[bytes] = []
    await world.client.download_report_into(report, parts.append)
    assert b"".join(parts) == await world.client.download_report(report)


async def audit_log(world: World) -> None:
    await world.client.cancel_order(world.waybill, 4, ACCOUNT)
    (entry,) = (await world.client.audit_log(now())).entries
    assert (entry.service, entry.username, entry.payload) == ("Order: Cancel", "sandbox", {"awb": world.waybill})


async def returns_delta(world: World) -> None:
    await world.sandbox.finish()
    (requested,) = (await world.client.returns_delta(*world.hour)).items
    assert (requested.status, requested.waybill, requested.courier_partner_id) == ("NEW_CASE", "", None)
    reason = {"delivery_type": "RVP", "rvp_reason": "Too small", "courier_partner": 25}
    outcome = (await world.client.create_order(order(requested.return_reference_number, **reason))).outcome
    assert isinstance(outcome, Placed)
    (booked,) = (await world.client.returns_delta(*world.hour)).items
    assert (booked.waybill, booked.courier_partner_id) == (outcome.waybill, 25)


JOURNEY = {"pickup_pincode": "411001", "drop_pincode": "560001"}
SHIPMENT = JOURNEY | {"reference_number": "TEA-1", "order_type": "PREPAID", "delivery_type": "FORWARD"}


async def recommend(world: World) -> None:
    (served, unserved) = (await world.client.recommend([SHIPMENT, SHIPMENT | {"drop_pincode": "190001"}])).items
    assert [choice.priority for choice in served.choices] == list(range(1, len(CONFIG.accounts) + 1))
    assert (served.serviceable, unserved.serviceable, unserved.choices) == (True, False, ())
    nowhere = await world.client.recommend([SHIPMENT | {"drop_pincode": "190001"}])
    assert (nowhere.items, nowhere.message) == ((), "Pin code not serviceable")


async def recommend_world(world: World) -> None:
    ends = {"pickup_info": {"country_code": "IN"}, "drop_info": {"country_code": "AE"}}
    details = {name: SHIPMENT[name] for name in ("reference_number", "order_type", "delivery_type")}
    (found,) = (await world.client.recommend_world(ends | {"shipment_details": details})).items
    assert {choice.account_code for choice in found.choices} == {account.account_code for account in CONFIG.accounts}


async def pincode_details(world: World) -> None:
    found = await world.client.pincode_details("560001")
    assert found is not None
    assert (found.pincode, found.city, found.state) == ("560001", "BENGALURU", "KARNATAKA")
    assert await world.client.pincode_details("990001") is None


async def serviceability(world: World) -> None:
    found = await world.client.serviceability("411001", "560001", optional={"weight": 350})
    assert len(found.accounts) == len(CONFIG.accounts)
    first = found.accounts[0]
    assert (first.serves, first.zone) == ({"COD", "PREPAID", "EXCHANGE"}, "NATIONAL")
    assert first.charges["COD"] > first.charges["PREPAID"] > 0
    assert first.sla_days
    assert (await world.client.serviceability("411001", "190001")).accounts == ()


async def drop_serviceability(world: World) -> None:
    found = await world.client.drop_serviceability("560001", order_type="COD")
    assert (found.serviceable, found.serves) == (True, {"COD"})
    assert not (await world.client.drop_serviceability("190001")).serviceable


async def bulk_serviceability(world: World) -> None:
    found = await world.client.bulk_serviceability(4, ACCOUNT)
    assert "560001" in found.drop["PREPAID"]
    assert "190001" not in found.pickup["COD"]
    with pytest.raises(VendorError):
        await world.client.bulk_serviceability(4, "nobody's")


async def serviceable_drop_pincodes(world: World) -> None:
    found = await world.client.serviceable_drop_pincodes()
    assert (found.drop.keys(), found.pickup) == ({"PREPAID", "COD"}, {})
    assert "190001" not in found.drop["PREPAID"]


async def search_pincode(world: World) -> None:
    found = await world.client.search_pincode("560001", pickup=True)
    assert (ACCOUNT, "Delhivery", "COD") in {(a.account_name, a.courier_name, a.order_type) for a in found.accounts}
    assert (await world.client.search_pincode("190001")).accounts == ()


async def predict_delivery(world: World) -> None:
    all_couriers, one = (await world.client.predict_delivery([JOURNEY, JOURNEY | {"optional": {"cp_id": 4}}])).items
    assert all_couriers.by_courier.keys() == {account.courier_partner_id for account in CONFIG.accounts}
    assert (one.by_courier.keys(), one.fastest_courier_partner_id) == ({4}, 4)
    assert (one.min_days, one.max_days) == one.by_courier[4]
    with pytest.raises(VendorError):
        await world.client.predict_delivery([JOURNEY | {"drop_pincode": "990001"}], check_drop_pincode=True)


async def predict_delivery_world(world: World) -> None:
    ends = {"pickup_details": {"pincode": "411001", "country": "IN"}}
    (found,) = (
        await world.client.predict_delivery_world(ends | {"drop_details": {"pincode": "1", "country": "SG"}})
    ).items
    assert found.min_days
    assert found.max_days == found.min_days + 2


async def login(world: World) -> None:
    token = await world.client.login("sandbox-password")
    assert token.token
    assert token.expires_at > now().strftime("%Y-%m-%dT%H:%M:%S")
    with pytest.raises(VendorError) as wrong:
        await world.client.login("guess")
    assert not wrong.value.again


async def register_service(world: World) -> None:
    assert (await world.client.register_service()).message == "SUCCESS"
    assert world.sandbox.account_records.services == {2}


CALLS: dict[str, Callable[[World], Awaitable[None]]] = {
    call.__name__.removeprefix("send_"): call
    for call in (
        create_order,
        create_flat_order,
        create_b2b_order,
        fetch_order,
        fetch_order_by_reference,
        find_order,
        cancel_order,
        track_order,
        updated_order,
        register_webhook,
        change_webhook,
        send_test_webhook,
        fetch_accounts,
        fetch_label,
        fetch_security_key,
        edit_order,
        create_pickup,
        register_waybill,
        unregister_waybill,
        update_ndr,
        ndr_feedback,
        proof_of_delivery,
        set_whatsapp,
        fetch_shipment_count,
        request_report,
        fetch_report,
        wait_for_report,
        download_report,
        download_report_into,
        audit_log,
        returns_delta,
        recommend,
        recommend_world,
        pincode_details,
        serviceability,
        drop_serviceability,
        bulk_serviceability,
        serviceable_drop_pincodes,
        search_pincode,
        predict_delivery,
        predict_delivery_world,
        login,
        register_service,
    )
}


@pytest.mark.parametrize("name", CALLS)
async def test_the_client_works_with_the_sandbox(world: World, name: str) -> None:
    await CALLS[name](world)


def test_every_method_of_the_client_is_called_here() -> None:
    def methods(client: type) -> set[str]:
        return {name for name in dir(client) if not name.startswith("_")}

    assert methods(ClickPost) - {"close"} == CALLS.keys()
    assert methods(AsyncClickPost) - {"aclose"} == CALLS.keys()


async def test_a_wrong_key_is_not_retryable(world: World) -> None:
    async with client_of("async", world.sandbox, key="wrong") as unauthorized:
        for call in (
            unauthorized.fetch_accounts(),
            unauthorized.serviceable_drop_pincodes(),
            unauthorized.returns_delta(*world.hour),
            unauthorized.register_waybill({"waybill": "X", "cp_id": 4}, version=2),
            unauthorized.register_service(),
        ):
            with pytest.raises(VendorError) as refused:
                await call
            assert not refused.value.again
