"""The four shops on one running awbridge: orders come in, are placed, cancelled and changed; news goes back."""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from examples.orders import erpnext, magento, shopify, woocommerce
from examples.orders.bridge import Awbridge, Shop, make_app, run, take_in
from examples.orders.parcels import Merchant
from examples.orders.problems import OrderProblem

from tests.examples.conftest import ORDERS, SAMPLES, sample
from tests.examples.shops import Shops, shops
from tests.support.ports import free_port
from tests.support.processes import bridge_environment, running

pytestmark = pytest.mark.slow

SINCE = datetime(2026, 11, 23, tzinfo=UTC)
SECRET = "webhook-secret"


@contextmanager
def served(shop: Shop, bridge: Awbridge, secret: str, port: int) -> Iterator[None]:
    """The receiver of a shop, as `serve` runs it."""
    config = uvicorn.Config(make_app(shop, bridge, events_secret=secret), port=port, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_for(lambda: server.started)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


def wait_for(ready: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if found := ready():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen")


@dataclass
class Town:
    """awbridge, its sandbox, the shops, and their receivers."""

    api: httpx2.Client
    sandbox: str
    bridge: Awbridge
    shops: Shops
    connected: dict[str, Shop]
    receivers: dict[str, str]

    def webhook(self, name: str, order: Any, **headers: str) -> httpx2.Response:
        body = json.dumps(order).encode()
        signature = base64.b64encode(hmac.new(SECRET.encode(), body, hashlib.sha256).digest()).decode()
        signed = {key: value or signature for key, value in headers.items()}
        sent = {key.replace("_", "-"): value for key, value in signed.items()}
        return httpx2.post(f"{self.receivers[name]}/shop", content=body, headers=sent)

    def shipment(self, reference: str) -> dict[str, Any]:
        return self.api.get(f"/v1/shipments/{reference}").raise_for_status().json()

    def placed(self, reference: str) -> dict[str, Any]:
        try:
            return wait_for(lambda: (found := self.shipment(reference))["state"] == "placed" and found)
        except AssertionError:
            found = self.shipment(reference)
            raise AssertionError(f"{reference} is {found['state']}: {found['problem']}") from None


def connect(merchant: Merchant, http: httpx2.Client) -> dict[str, Shop]:
    return {
        "shopify": shopify.Shopify(merchant, http, client_id="id", client_secret=SECRET),
        "woocommerce": woocommerce.WooCommerce(merchant, http, webhook_secret=SECRET),
        "magento": magento.Magento(merchant, http),
        "erpnext": erpnext.ErpNext(merchant, http, webhook_secret=SECRET),
    }


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("town")
    ports = {name: free_port() for name in ("sandbox", "bridge", "shopify", "woocommerce", "magento", "erpnext")}
    with ExitStack() as stack:
        sandbox = stack.enter_context(
            running(["sandbox", "--port", str(ports["sandbox"]), "--speed", "60"], {}, folder, ports["sandbox"])
        )
        settings = bridge_environment(f"sqlite:///{folder}/awbridge.db", sandbox.url, ports["bridge"])
        settings |= {
            "AWBRIDGE_ENDPOINT_NETWORKS": "127.0.0.0/8",
            "AWBRIDGE_ENDPOINT_RETRY_DELAYS": ",".join(["0.5"] * 20),
        }
        service = stack.enter_context(running(["serve"], settings, folder, ports["bridge"]))
        api = stack.enter_context(httpx2.Client(base_url=service.url, timeout=30))
        api.post("/v1/couriers/sync?apply=true").raise_for_status()
        rules = [{"name": "all", "transporter": "Delhivery Surface"}]
        api.put("/v1/allocation-rules", json=rules).raise_for_status()
        held = stack.enter_context(shops())
        bridge = Awbridge(stack.enter_context(httpx2.Client(base_url=service.url, timeout=30)))
        connected = connect(
            Merchant.read(ORDERS / "merchant.toml"), stack.enter_context(httpx2.Client(base_url=held.url))
        )
        receivers: dict[str, str] = {}
        for name, shop in connected.items():
            receivers[name] = f"http://127.0.0.1:{ports[name]}"
            wanted = {
                "url": f"{receivers[name]}/awbridge",
                "kinds": ["shipment.placed", "shipment.cancelled", "status.changed"],
            }
            secret = api.post("/v1/endpoints", json=wanted).raise_for_status().json()["secret"]
            stack.enter_context(served(shop, bridge, secret, ports[name]))
        yield Town(api, sandbox.url, bridge, held, connected, receivers)


def called(town: Town, *paths: str) -> list[Any]:
    return [body for _, path, body in town.shops.calls if path.startswith(paths)]


def test_orders_of_all_shops_are_placed_and_their_waybills_and_statuses_come_back(town: Town) -> None:
    first = sample("shopify-orders.json")["orders"][0]
    for _ in range(2):  # webhooks repeat themselves
        assert (
            town.webhook("shopify", first, x_shopify_hmac_sha256="", x_shopify_topic="orders/create").status_code == 200
        )
    assert (
        town.webhook(
            "woocommerce", town.shops.woo, x_wc_webhook_signature="", x_wc_webhook_topic="order.created"
        ).status_code
        == 200
    )
    document = {"doctype": "Delivery Note", "name": "MAT-DN-2026-00042"}
    assert town.webhook("erpnext", document, x_frappe_webhook_signature="").status_code == 200
    for order in town.connected["magento"].changed_since(SINCE):
        assert take_in(town.connected["magento"], town.bridge, order) == "order 000000361: 000000361 stored"
    references = ["1001", "4711", "000000361", "MAT-DN-2026-00042"]
    waybills = {reference: town.placed(reference)["waybill"] for reference in references}

    (fulfilled,) = wait_for(lambda: called(town, "fulfillmentCreate"))
    assert fulfilled["fulfillment"]["trackingInfo"]["number"] == waybills["1001"]
    assert town.shops.tokens == 2  # the first one had expired
    (noted,) = wait_for(lambda: called(town, "/orders/4711/notes"))
    assert waybills["4711"] in noted["note"]
    (shipped,) = wait_for(lambda: called(town, "/order/361/ship"))
    assert shipped["tracks"][0]["track_number"] == waybills["000000361"]
    note = town.shops.documents["Delivery Note", "MAT-DN-2026-00042"]
    wait_for(lambda: note.get("custom_waybill") == waybills["MAT-DN-2026-00042"])

    httpx2.post(f"{town.sandbox}/_sandbox/finish").raise_for_status()
    for reference in references:
        town.api.post(f"/v1/shipments/{reference}/ask").raise_for_status()
    wait_for(lambda: called(town, "fulfillmentEventCreate"))
    wait_for(lambda: called(town, "/orders/361/comments"))
    wait_for(lambda: note.get("custom_tracking_status"))
    wait_for(lambda: (town.shipment("1001")["status"] or {}).get("final"))
    refunded = {**first, "financial_status": "refunded"}  # it is delivered: nothing is cancelled
    assert (
        take_in(town.connected["shopify"], town.bridge, refunded)
        == "order 1001: nothing to ship: its payment was refunded"
    )
    wait_for(lambda: [one for one in town.shops.woo["meta_data"] if one["key"] == "_tracking_status"])


def woo_order(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(sample("woocommerce-orders.json")[0]), **changes}


def test_a_cancelled_order_cancels_its_parcel(town: Town) -> None:
    shop = town.connected["woocommerce"]
    assert take_in(shop, town.bridge, woo_order(number="4801", id=4801)) == "order 4801: 4801 stored"
    town.placed("4801")
    assert (
        take_in(shop, town.bridge, woo_order(number="4801", id=4801, status="cancelled"))
        == "order 4801: cancelled 4801"
    )
    wait_for(lambda: town.shipment("4801")["state"] == "cancelled")
    again = take_in(shop, town.bridge, woo_order(number="4801", id=4801, status="cancelled"))
    assert again == "order 4801: nothing to ship: it is cancelled"
    with pytest.raises(OrderProblem, match=r"order 4801: parcel 4801 .*cancelled"):
        take_in(shop, town.bridge, woo_order(number="4801", id=4801))


def test_an_edited_order_changes_what_is_not_sent_yet_and_only_that(town: Town, merchant: Merchant) -> None:
    town.api.post("/v1/downtimes", json=DOWN).raise_for_status()
    waiting = woocommerce.WooCommerce(replace(merchant, transporter="XpressBees Surface", item_grams=Decimal(300)))
    assert take_in(waiting, town.bridge, woo_order(number="4802", id=4802)) == "order 4802: 4802 stored"
    assert take_in(waiting, town.bridge, woo_order(number="4802", id=4802)) == "order 4802: 4802 known"
    edited = woo_order(number="4802", id=4802, total="1000.00")
    assert take_in(waiting, town.bridge, edited) == "order 4802: 4802 changed"
    assert town.shipment("4802")["payload"]["shipment_details"]["cod_value"] == 1000

    shop = woocommerce.WooCommerce(replace(merchant, item_grams=Decimal(300)))
    take_in(shop, town.bridge, woo_order(number="4803", id=4803))
    town.placed("4803")
    with pytest.raises(OrderProblem, match="order 4803: parcel 4803 ") as refused:
        take_in(shop, town.bridge, woo_order(number="4803", id=4803, total="1000.00"))
    assert "replace" in str(refused.value)


DOWN = {
    "courier_partner_id": 6,
    "account_code": "XpressBees Surface",
    "from_at": "2020-01-01T00:00:00Z",
    "to_at": "2099-01-01T00:00:00Z",
}


def test_shops_that_count_alike_do_not_touch_each_others_parcels(town: Town, merchant: Merchant) -> None:
    shop = woocommerce.WooCommerce(replace(merchant, item_grams=Decimal(300)))
    prefixed = woocommerce.WooCommerce(replace(merchant, item_grams=Decimal(300), prefix="W-"))
    shopifys = {**sample("shopify-orders.json")["orders"][0], "name": "#4804"}
    take_in(shopify.Shopify(merchant), town.bridge, shopifys)
    with pytest.raises(OrderProblem, match=r"parcel 4804 has the reference number of another shop's parcel"):
        take_in(shop, town.bridge, woo_order(number="4804", id=4804))
    assert take_in(shop, town.bridge, woo_order(number="4804", id=4804, status="cancelled")).endswith("it is cancelled")
    assert town.shipment("4804")["cancel_requested_at"] is None
    assert take_in(prefixed, town.bridge, woo_order(number="4804", id=4804)) == "order 4804: W-4804 stored"


def test_a_parcel_that_awbridge_refuses_names_order_and_field(town: Town, merchant: Merchant) -> None:
    shop = woocommerce.WooCommerce(replace(merchant, transporter="Nobody", item_grams=Decimal(300)))
    with pytest.raises(OrderProblem, match="order 4805: parcel 4805 transporter "):
        take_in(shop, town.bridge, woo_order(number="4805", id=4805))


def test_an_export_is_registered_by_the_command_and_repeated_without_effect(
    town: Town, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRIDGE_URL", str(town.api.base_url))
    merchant = tmp_path / "merchant.toml"
    arguments = ["--merchant", str(merchant), "register", str(SAMPLES / "shopify-orders.csv")]
    merchant.write_text((ORDERS / "merchant.toml").read_text())
    assert run(shopify.make_shop, arguments=arguments) == 1
    assert "order 2001: weight of SHIRT-M-BLUE is missing" in capsys.readouterr().err
    merchant.write_text("item_grams = 250\n" + (ORDERS / "merchant.toml").read_text())
    for said in ("stored", "known"):
        assert run(shopify.make_shop, arguments=arguments) == 0
        assert capsys.readouterr().out.splitlines()[-2:] == [f"order 2001: 2001 {said}", f"order 2002: 2002 {said}"]
    for reference in ("2001", "2002"):
        town.placed(reference)


def test_what_changed_in_a_shop_is_polled(town: Town) -> None:
    found = {name: [shop_order(one) for one in shop.changed_since(SINCE)] for name, shop in town.connected.items()}
    assert found == {
        "shopify": ["#1001", "#1002", "#1003"],
        "woocommerce": ["4711"],
        "magento": ["000000361"],
        "erpnext": ["MAT-DN-2026-00042"],
    }
    abroad = sample("shopify-orders.json")["orders"][1]
    assert take_in(shopify.Shopify(Merchant.read(ORDERS / "merchant.toml")), town.bridge, abroad).endswith(
        "1002 stored"
    )
    assert town.placed("1002")["payload"]["drop_info"]["country_code"] == "AE"


def shop_order(order: dict[str, Any]) -> str:
    return order.get("increment_id") or order.get("name") or order["number"]


def test_the_fields_of_erpnext_are_created_once(town: Town) -> None:
    site = town.connected["erpnext"]
    assert isinstance(site, erpnext.ErpNext)
    site.create_fields()
    created = [body["fieldname"] for body in called(town, "Custom Field")]
    assert (len(created), len(set(created))) == (10, 5)


def test_webhooks_with_a_problem_are_answered_so_that_the_shop_goes_on(town: Town) -> None:
    broken = woo_order(number="4806", id=4806)
    broken["billing"]["phone"] = ""
    answer = town.webhook("woocommerce", broken, x_wc_webhook_signature="", x_wc_webhook_topic="order.updated")
    assert answer.status_code == 200  # repeating it would not help
    unsigned = httpx2.post(f"{town.receivers['woocommerce']}/shop", content=b"{}")
    assert unsigned.status_code == 401
    assert httpx2.post(f"{town.receivers['woocommerce']}/awbridge", content=b"{}").status_code == 401
