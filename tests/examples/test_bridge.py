"""The receiver of both sides, and the commands."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from examples.orders import shopify
from examples.orders.bridge import Awbridge, NotReported, Update, make_app, run
from examples.orders.parcels import Merchant
from standardwebhooks import Webhook

from tests.examples.conftest import ORDERS, SAMPLES, sample

SECRET = "whsec_dGhlIHNlY3JldCBvZiB0aGlzIHBhZ2U="
ORDER = sample("shopify-orders.json")["orders"][0]


@dataclass
class Api:
    """awbridge's API, as far as it is asked here. Each call may be answered by an error instead."""

    status: int = 0
    payload: dict[str, Any] = field(default_factory=dict[str, Any])

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if self.status:
            return httpx2.Response(self.status, json={"title": "No", "detail": "no"})
        if request.method == "POST":
            return httpx2.Response(202, json={})
        return httpx2.Response(200, json={"payload": self.payload})


class Reporting(shopify.Shopify):
    """A store that keeps what is reported to it."""

    def __init__(self, merchant: Merchant) -> None:
        super().__init__(merchant, client_secret="app")
        self.updates: list[Update] = []
        self.refusal: Exception | None = None

    def report(self, update: Update) -> None:
        if self.refusal:
            raise self.refusal
        self.updates.append(update)


@dataclass
class Receiver:
    http: httpx2.AsyncClient
    api: Api
    shop: Reporting

    async def from_shop(self, order: Any) -> httpx2.Response:
        body = json.dumps(order).encode()
        signature = base64.b64encode(hmac.new(b"app", body, hashlib.sha256).digest()).decode()
        headers = {"x-shopify-hmac-sha256": signature, "x-shopify-topic": "orders/paid"}
        return await self.http.post("/shop", content=body, headers=headers)

    async def from_awbridge(self, kind: str, secret: str = SECRET, **data: Any) -> httpx2.Response:
        event = {"type": kind, "timestamp": "2026-11-23T08:30:00+00:00", "data": {"reference_number": "1001", **data}}
        body, at = json.dumps(event), datetime.now(UTC)
        signed = Webhook(secret).sign("msg_1", at, body)
        headers = {
            "webhook-id": "msg_1",
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": signed,
        }
        return await self.http.post("/awbridge", content=body, headers=headers)


@pytest.fixture
async def receiver(merchant: Merchant) -> AsyncIterator[Receiver]:
    shop = Reporting(merchant)
    payload = shopify.payloads(ORDER, merchant)[0]
    api = Api(payload=payload)
    with httpx2.Client(transport=httpx2.MockTransport(api), base_url="http://awbridge") as calls:
        app = make_app(shop, Awbridge(calls), events_secret=SECRET)
        transport = httpx2.ASGITransport(app=app)  # pyright: ignore
        async with httpx2.AsyncClient(transport=transport, base_url="http://receiver") as http:
            yield Receiver(http, api, shop)


@pytest.fixture(autouse=True)
def every_line(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.INFO, "orders"):
        yield


async def test_an_order_is_registered_and_logged_without_the_customer(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await receiver.from_shop(ORDER)).status_code == 200
    assert caplog.messages == ["order 1001: 1001 stored"]


async def test_an_order_with_a_problem_is_answered_and_logged(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await receiver.from_shop({**ORDER, "shipping_address": {"country_code": "IN"}})).status_code == 200
    assert caplog.messages == ["order 1001: shipping_address: name is missing: complete the address in the shop"]


@pytest.mark.parametrize("status", [401, 500, 503])
async def test_while_awbridge_fails_the_shop_is_told_to_repeat(receiver: Receiver, status: int) -> None:
    receiver.api.status = status
    assert (await receiver.from_shop(ORDER)).status_code == 503
    assert (await receiver.from_awbridge("shipment.placed", waybill="1")).status_code == 503


async def test_an_event_becomes_an_update(receiver: Receiver) -> None:
    status = {"code": 6, "name": "OutForDelivery", "at": "2026-11-23T08:00:00+00:00"}
    data = {"waybill": "44", "transporter": "Delhivery Surface", "track_url": None, "status": status}
    assert (await receiver.from_awbridge("status.changed", **data)).status_code == 200
    assert receiver.shop.updates == [
        Update(
            kind="status.changed",
            reference="1001",
            shop_ids=("6200407294252",),
            waybill="44",
            courier="Delhivery Surface",
            track_url="",
            status=6,
            status_name="OutForDelivery",
            at="2026-11-23T08:00:00+00:00",
        )
    ]


async def test_events_of_others_and_of_replaced_parcels_are_passed_over(receiver: Receiver) -> None:
    assert (await receiver.from_awbridge("shipment.cancelled", replaced_by="1001-R2")).status_code == 200
    receiver.api.payload = {**receiver.api.payload, "additional": {"channel_name": "WooCommerce"}}
    assert (await receiver.from_awbridge("shipment.placed", waybill="1")).status_code == 200
    receiver.api.payload = {}
    assert (await receiver.from_awbridge("shipment.placed", waybill="1")).status_code == 200
    assert receiver.shop.updates == []


@pytest.mark.parametrize("refusal", [NotReported("throttled"), httpx2.ConnectError("down")])
async def test_what_the_shop_does_not_take_awbridge_repeats(receiver: Receiver, refusal: Exception) -> None:
    receiver.shop.refusal = refusal
    assert (await receiver.from_awbridge("shipment.placed", waybill="1")).status_code == 503


async def test_events_need_the_endpoints_signature(receiver: Receiver) -> None:
    other = "whsec_YW5vdGhlciBzZWNyZXQgb2YgYW5vdGhlciBvbmU="
    assert (await receiver.from_awbridge("shipment.placed", secret=other)).status_code == 401
    assert (await receiver.http.post("/awbridge", content=b"{}")).status_code == 401
    assert (await receiver.http.get("/healthz")).status_code == 200


def test_a_dry_run_prints_the_payloads_and_sends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    export = SAMPLES / "shopify-orders.json"
    arguments = ["--merchant", str(ORDERS / "merchant.toml"), "register", "--dry-run", str(export)]
    assert run(shopify.make_shop, arguments=arguments) == 0
    printed = capsys.readouterr().out
    assert '"reference_number": "1002"' in printed
    assert printed.splitlines()[-1] == "order 1003: nothing to ship: it was cancelled"


def test_further_commands_of_a_shop_are_run(merchant: Merchant) -> None:
    called: list[Any] = []
    more = {"fields": ("create the fields", called.append)}
    arguments = ["--merchant", str(ORDERS / "merchant.toml"), "fields"]
    assert run(shopify.make_shop, more, arguments) == 0
    assert isinstance(called[0], shopify.Shopify)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--merchant", "nowhere.toml", "poll"], "nowhere.toml"),
        (["register", "nowhere.json"], "nowhere.json"),
        (["poll"], "set SHOPIFY_URL to the address of the shop"),
        (["serve"], "set BRIDGE_EVENTS_SECRET to the secret that `awbridge endpoints add` printed"),
    ],
)
def test_what_is_missing_is_said(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ORDERS)
    assert run(shopify.make_shop, arguments=arguments) == 2
    assert said in capsys.readouterr().err


async def test_an_order_of_an_unknown_form_is_named_and_the_shop_goes_on(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    line = {name: value for name, value in ORDER["line_items"][0].items() if name != "quantity"}
    assert (await receiver.from_shop({**ORDER, "line_items": [line]})).status_code == 200
    assert (await receiver.from_shop({**ORDER, "created_at": None})).status_code == 200
    assert caplog.messages == [
        "order #1001: 'quantity' is not as this version of the module expects it: compare the order",
        "order #1001: ValueError is not as this version of the module expects it: compare the order",
    ]
