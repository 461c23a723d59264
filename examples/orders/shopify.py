"""Shopify: orders from webhooks, the Admin API or the CSV export, and fulfillments with tracking in return.

Sources: Shopify's pages of the Admin API 2026-10 (order webhooks, FulfillmentOrder, fulfillmentCreate,
fulfillmentTrackingInfoUpdate, fulfillmentEventCreate) and exports of stores.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2

from .bridge import NotReported, Update, needed, run, shop_client, verify
from .fields import Json, amount_of, object_of, objects_in, objects_of, rounded, shares, text_of
from .parcels import Item, Merchant, Parcel, payload
from .places import Place, delivery_place, state_name
from .problems import Cancelled, NotToShip, OrderProblem
from .shopify_csv import orders_in_csv
from .shopify_tracking import OPEN, PARCELS_OF_ORDER, cancel_request, event_request, id_of, tracking_request
from .taxes import Tax

CHANNEL = "Shopify"
API = "/admin/api/2026-10"
TOPICS = ("orders/create", "orders/paid", "orders/updated", "orders/cancelled")
_COD = re.compile(r"cash on delivery|\bcod\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Box:
    """What goes into one parcel: an open fulfillment order, or all that is not fulfilled."""

    fulfillment_order: str = ""
    suffix: str = ""
    location: str = ""
    quantities: Mapping[str, int] | None = None
    """Quantity by line id; None: what each line says is not fulfilled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """What goes into a parcel of one line. Amounts are for all of it."""

    item: Item
    taxes: tuple[Tax, ...]


def payloads(
    order: Json,
    merchant: Merchant,
    *,
    fulfillment_orders: Sequence[Json] = (),
) -> list[Json]:
    """The payload of each parcel of an order, as webhooks and the REST API have it.

    One parcel for each of its `fulfillment_orders` (nodes of PARCELS_OF_ORDER) that is open, collected at its location;
    without them, one parcel for all that is not fulfilled.

    Raises OrderProblem; NotToShip if it is unpaid, fulfilled or digital; Cancelled.
    """
    name = text_of(order.get("name")).removeprefix("#")
    outstanding = _outstanding(order, name, merchant)
    packed = [(box, lines) for box in _boxes(fulfillment_orders) if (lines := _lines(order, box.quantities))]
    if not packed:
        raise NotToShip(name, "all its lines are fulfilled, refunded or digital")
    to = _destination(order, name)
    goods = [_value(lines) for _, lines in packed]
    shipped = max(_value(_lines(order, _bought(order))) - sum(goods, Decimal(0)), Decimal(0))
    freight = shares(_freight(order), [shipped, *goods])[1:]
    # Of an order on which nothing is paid yet, parcels that were sent before collect their share.
    unpaid = outstanding == _money(order, "current_total_price", "total_price")
    collect = shares(outstanding, [shipped if unpaid else Decimal(0), *goods])[1:]
    made: list[Json] = []
    for (box, lines), value, freight_of_it, collect_of_it in zip(packed, goods, freight, collect, strict=True):
        parcel = Parcel(
            reference=f"{name}{box.suffix}",
            order=name,
            shop_ids=tuple(filter(None, (text_of(order.get("id")), box.fulfillment_order))),
            channel=CHANNEL,
            to=to,
            items=tuple(line.item for line in lines),
            taxes=tuple(tax for line in lines for tax in line.taxes),
            invoice_number=name,
            invoice_date=date.fromisoformat(text_of(order.get("created_at"))[:10]),
            value=value + freight_of_it,
            collect=collect_of_it,
            currency=_currency(order),
        )
        made.append(payload(parcel, merchant.at(box.location)))
    return made


def _boxes(fulfillment_orders: Sequence[Json]) -> list[_Box]:
    """The first fulfillment order has the order's number, each later one a suffix: ids only grow, so both stay."""
    if not fulfillment_orders:
        return [_Box()]
    ids = sorted((id_of(one.get("id")) for one in fulfillment_orders), key=int)
    boxes: list[_Box] = []
    for one in fulfillment_orders:
        if one.get("status") not in OPEN:
            continue
        lines = objects_of(object_of(one.get("lineItems")).get("nodes"))
        number = id_of(one.get("id"))
        boxes.append(
            _Box(
                fulfillment_order=number,
                suffix="" if number == ids[0] else f"-{number}",
                location=id_of(object_of(object_of(one.get("assignedLocation")).get("location")).get("id")),
                quantities={
                    id_of(object_of(line.get("lineItem")).get("id")): line["remainingQuantity"] for line in lines
                },
            )
        )
    return boxes


def _lines(order: Json, quantities: Mapping[str, int] | None) -> list[_Line]:
    """The goods among an order's lines. A line that needs no shipping (digital, a gift card by mail, a tip) is none."""
    included = order.get("taxes_included") is True
    found: list[_Line] = []
    for line in objects_of(order.get("line_items")):
        left = line.get("fulfillable_quantity", line.get("quantity"))
        quantity = int(left or 0) if quantities is None else quantities.get(text_of(line.get("id")), 0)
        if quantity < 1 or line.get("requires_shipping") is False:
            continue
        part = Decimal(quantity) / Decimal(line["quantity"])
        taxes = tuple(_tax(tax, part) for tax in objects_of(line.get("tax_lines")))
        discounts = sum((_money(one, "amount") for one in objects_of(line.get("discount_allocations"))), Decimal(0))
        net = _money(line, "price") * quantity - discounts * part
        item = Item(
            sku=text_of(line.get("sku")) or text_of(line.get("variant_id")) or text_of(line.get("id")),
            name=text_of(line.get("name")) or text_of(line.get("title")),
            quantity=quantity,
            total=net + (Decimal(0) if included else sum((tax.amount for tax in taxes), Decimal(0))),
            grams=amount_of(line.get("grams")) or None,
        )
        found.append(_Line(item=item, taxes=taxes))
    return found


def _bought(order: Json) -> dict[str, int]:
    """What was bought and not taken back, whether it is fulfilled or not."""
    lines = objects_of(order.get("line_items"))
    return {text_of(line.get("id")): int(line.get("current_quantity", line.get("quantity")) or 0) for line in lines}


def _value(lines: Iterable[_Line]) -> Decimal:
    return sum((line.item.total for line in lines), Decimal(0))


def _tax(tax: Json, part: Decimal) -> Tax:
    rate, amount = amount_of(tax.get("rate")) * 100, _money(tax, "price") * part
    return Tax(
        name=text_of(tax.get("title")), rate=rate, amount=amount, base=amount * 100 / rate if rate else Decimal(0)
    )


def _freight(order: Json) -> Decimal:
    included = order.get("taxes_included") is True
    total = Decimal(0)
    for line in objects_of(order.get("shipping_lines")):
        if line.get("is_removed") is not True:
            total += _money(line, "discounted_price", "price")
            if not included:
                total += sum((_money(tax, "price") for tax in objects_of(line.get("tax_lines"))), Decimal(0))
    return total


def _outstanding(order: Json, name: str, merchant: Merchant) -> Decimal:
    """What the courier collects for the order. Raises NotToShip unless it is paid or cash on delivery."""
    if order.get("cancelled_at"):
        raise Cancelled(name, "it was cancelled")
    if order.get("test") is True:
        raise NotToShip(name, "it is a test order")
    status = text_of(order.get("financial_status"))
    if status in ("paid", "authorized", "partially_refunded"):
        return Decimal(0)
    if status in ("refunded", "voided"):
        raise Cancelled(name, f"its payment was {status}")
    if status not in ("pending", "partially_paid"):
        raise NotToShip(name, f"its payment is {status or 'unknown'}")
    methods = [text_of(one) for one in order.get("payment_gateway_names") or ()]
    if not any(_COD.search(one) or one in merchant.cod_methods for one in methods):
        raise NotToShip(name, f"it awaits payment ({', '.join(methods) or 'no method'})")
    total = _money(order, "current_total_price", "total_price")
    outstanding = amount_of(order.get("total_outstanding", order.get("total_price")))
    in_shop_currency = amount_of(order.get("current_total_price", order.get("total_price")))
    return rounded(total * outstanding / in_shop_currency) if in_shop_currency else outstanding


def _destination(order: Json, name: str) -> Place:
    address, billing = object_of(order.get("shipping_address")), object_of(order.get("billing_address"))
    if not address:
        raise OrderProblem(
            name, "shipping_address", "is missing: the customer collects it, or the address was not asked"
        )
    country = text_of(address.get("country_code")) or text_of(address.get("country"))
    full_name = " ".join(filter(None, (text_of(address.get("first_name")), text_of(address.get("last_name")))))
    return delivery_place(
        name,
        "shipping_address",
        name=address.get("name") or full_name,
        company=address.get("company"),
        lines=(address.get("address1"), address.get("address2")),
        city=address.get("city"),
        state=state_name(address.get("province_code"), address.get("province"), country),
        postal_code=address.get("zip"),
        country=country,
        phones=(
            address.get("phone"),
            order.get("phone"),
            billing.get("phone"),
            object_of(order.get("customer")).get("phone"),
        ),
        email=order.get("email") or order.get("contact_email"),
    )


def _money(holder: Json, *names: str) -> Decimal:
    """An amount in the customer's currency, which is not always the shop's: `price_set` has both."""
    for name in names:
        shown = object_of(object_of(holder.get(f"{name}_set")).get("presentment_money"))
        if text_of(shown.get("amount")):
            return amount_of(shown["amount"])
        if text_of(holder.get(name)):
            return amount_of(holder[name])
    return Decimal(0)


def _currency(order: Json) -> str:
    return text_of(order.get("presentment_currency")) or text_of(order.get("currency")) or "INR"


class Shopify:
    """A store: `http` calls https://NAME.myshopify.com; id and secret are those of an app in Shopify's Dev Dashboard.

    Without `http`, an export is read and one parcel an order is made.
    """

    channel = CHANNEL

    def __init__(
        self, merchant: Merchant, http: httpx2.Client | None = None, *, client_id: str = "", client_secret: str = ""
    ) -> None:
        self._merchant, self._http = merchant, http
        self._id, self._secret, self._token = client_id, client_secret, ""

    def from_webhook(self, headers: Mapping[str, str], body: bytes) -> list[Json]:
        """The order of a webhook; none for other topics. Raises NotSigned."""
        verify(self._secret, body, headers.get("x-shopify-hmac-sha256", ""))
        return [json.loads(body)] if headers.get("x-shopify-topic") in TOPICS else []

    def from_file(self, path: Path) -> Iterable[Json]:
        """The orders of a CSV export, or of an answer of the REST API as JSON."""
        text = path.read_text("utf-8-sig")
        if path.suffix.lower() == ".csv":
            return orders_in_csv(text)
        return objects_in(text, "orders", "order")

    def changed_since(self, at: datetime) -> Iterator[Json]:
        """The orders that changed since then, by the REST API, whose orders have the form of webhooks."""
        query = {"status": "any", "limit": "250", "order": "updated_at asc", "updated_at_min": at.isoformat()}
        answer = self._ask("GET", f"{API}/orders.json", params=query)
        while True:
            yield from objects_of(answer.json().get("orders"))
            if not (following := answer.links.get("next")):
                return
            answer = self._ask("GET", following["url"])

    def payloads(self, order: Json) -> list[Json]:
        """The payload of each parcel: one for each open fulfillment order, where the store can be asked."""
        found = self._order(text_of(order.get("id"))) if self._http and not order.get("cancelled_at") else {}
        boxes = objects_of(object_of(found.get("fulfillmentOrders")).get("nodes"))
        if found and not boxes:
            raise NotToShip(
                text_of(order.get("name")).removeprefix("#"), "Shopify has not assigned it to a location yet"
            )
        return payloads(order, self._merchant, fulfillment_orders=boxes)

    def report(self, update: Update) -> None:
        """A waybill becomes a fulfillment, a status an event of it; a cancelled parcel's fulfillment is taken back."""
        order = self._order(update.shop_ids[0])
        if update.kind == "shipment.cancelled":
            self._send(cancel_request(update, order))
        elif update.waybill and self._send(tracking_request(update, order)):
            order = self._order(update.shop_ids[0])
        self._send(event_request(update, order) if update.kind != "shipment.cancelled" else None)

    def _order(self, order_id: str) -> Json:
        answer = self._graphql(PARCELS_OF_ORDER, {"id": f"gid://shopify/Order/{order_id}"})
        return object_of(answer.get("order"))

    def _send(self, request: tuple[str, Json] | None) -> bool:
        if request is None:
            return False
        for result in self._graphql(*request).values():
            if errors := objects_of(object_of(result).get("userErrors")):
                raise NotReported("; ".join(text_of(error.get("message")) for error in errors))
        return True

    def _graphql(self, query: str, variables: Json) -> Json:
        answer = self._ask("POST", f"{API}/graphql.json", json={"query": query, "variables": variables})
        body = answer.json()
        if errors := objects_of(body.get("errors")):  # also a throttled request is HTTP 200
            raise NotReported("; ".join(text_of(error.get("message")) for error in errors))
        return object_of(body.get("data"))

    def _ask(self, method: str, path: str, **request: Any) -> httpx2.Response:
        http = needed(self._http, "SHOPIFY_URL")
        answer = http.request(method, path, headers=self._authorization(http), **request)
        if answer.status_code == 401:
            self._token = ""  # it is valid for a day
            answer = http.request(method, path, headers=self._authorization(http), **request)
        return answer.raise_for_status()

    def _authorization(self, http: httpx2.Client) -> dict[str, str]:
        if not self._token:
            grant = {"client_id": self._id, "client_secret": self._secret, "grant_type": "client_credentials"}
            answer = http.post("/admin/oauth/access_token", data=grant).raise_for_status()
            self._token = text_of(answer.json()["access_token"])
        return {"x-shopify-access-token": self._token}


def make_shop(merchant: Merchant) -> Shopify:
    """The store that the environment names: SHOPIFY_URL, SHOPIFY_CLIENT_ID, SHOPIFY_CLIENT_SECRET."""
    return Shopify(
        merchant,
        shop_client(os.environ.get("SHOPIFY_URL", "")),
        client_id=os.environ.get("SHOPIFY_CLIENT_ID", ""),
        client_secret=os.environ.get("SHOPIFY_CLIENT_SECRET", ""),
    )


if __name__ == "__main__":
    sys.exit(run(make_shop))
