"""Magento Open Source and Adobe Commerce 2.4: orders from the REST API, and shipments with tracks in return.

Open Source sends no webhooks: run `poll` every few minutes. Sources: the REST API's pages (orders, order/ship,
shipment/track), the interfaces in Magento's own source (OrderInterface, OrderItemInterface), and orders of stores.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import httpx2

from .bridge import NotSigned, Update, needed, run, shop_client
from .fields import Json, amount_of, grams_of, object_of, objects_in, objects_of, shares, text_of
from .parcels import Item, Merchant, Parcel, payload
from .places import Place, delivery_place, state_name
from .problems import Cancelled, NotToShip, OrderProblem
from .taxes import Tax

CHANNEL = "Magento"
API = "/rest/V1"
COD_METHODS = ("cashondelivery", "msp_cashondelivery", "phoenix_cashondelivery", "cod")
_PAGE = 100


def payloads(order: Json, merchant: Merchant, *, shipments: Sequence[Json] = ()) -> list[Json]:
    """The payload of each parcel of an order.

    One parcel for all that is left to ship; with `shipments` (of `GET /V1/shipments`), one for each that has no track
    yet, collected at its source.

    Raises OrderProblem; NotToShip if it is unpaid, done, collected or virtual; Cancelled.
    """
    name = text_of(order.get("increment_id"))
    collect = _collect(order, name, merchant)
    goods = {text_of(one.get("item_id")): one for one in objects_of(order.get("items")) if _is_goods(one)}
    packed: list[tuple[Json, dict[str, Decimal]]] = [({}, {item_id: _left(one) for item_id, one in goods.items()})]
    if shipments:
        open_ones = [one for one in shipments if not objects_of(one.get("tracks"))]
        packed = [(one, _shipped(one)) for one in open_ones]
    boxes = [(shipment, items) for shipment, left in packed if (items := _items(order, goods, left, name, merchant))]
    if not boxes:
        raise NotToShip(name, "nothing is left to ship")
    to = _destination(order, name)
    values = [sum((item.total for item, _ in items), Decimal(0)) for _, items in boxes]
    bought = {item_id: _kept(one) for item_id, one in goods.items()}
    everything = _items(order, goods, bought, name, merchant)
    before = max(sum((item.total for item, _ in everything), Decimal(0)) - sum(values, Decimal(0)), Decimal(0))
    freight = shares(_freight(order), [before, *values])[1:]
    unpaid = not amount_of(order.get("total_paid"))
    collected = shares(collect, [before if unpaid else Decimal(0), *values])[1:]
    made: list[Json] = []
    for (shipment, items), value, freight_of_it, collect_of_it in zip(boxes, values, freight, collected, strict=True):
        source = text_of(object_of(shipment.get("extension_attributes")).get("source_code"))
        parcel = Parcel(
            reference=f"{name}-{shipment['entity_id']}" if shipment else name,
            order=name,
            shop_ids=tuple(filter(None, (text_of(order.get("entity_id")), text_of(shipment.get("entity_id"))))),
            channel=CHANNEL,
            to=to,
            items=tuple(item for item, _ in items),
            taxes=tuple(tax for _, taxes in items for tax in taxes),
            invoice_number=name,
            invoice_date=date.fromisoformat(text_of(order.get("created_at"))[:10]),
            value=value + freight_of_it,
            collect=collect_of_it,
            currency=text_of(order.get("order_currency_code")),
        )
        made.append(payload(parcel, merchant.at(source)))
    return made


def _collect(order: Json, name: str, merchant: Merchant) -> Decimal:
    """What the courier collects. Amounts are in the order's currency: those that begin with base_ are the store's."""
    state = text_of(order.get("state"))
    if state in ("canceled", "closed"):  # closed: refunded in full
        raise Cancelled(name, f"it is {state}")
    if order.get("is_virtual") in (1, True):
        raise NotToShip(name, "it is virtual")
    if _shipping(order).get("method") == "instore_pickup":
        raise NotToShip(name, "the customer collects it")
    method = text_of(object_of(order.get("payment")).get("method"))
    if method in (*COD_METHODS, *merchant.cod_methods) and state in ("new", "processing"):
        due = order.get("total_due")  # fields that are null are left out of Magento's answers
        return amount_of(due) if due is not None else amount_of(order.get("grand_total"))
    if state != "processing":
        raise NotToShip(name, f"its state is {state} (payment by {method or 'no method'})")
    return Decimal(0)


def _is_goods(item: Json) -> bool:
    """Whether this is a line of its own that is shipped. A configurable product has a second line, its variant."""
    virtual = item.get("is_virtual") in (1, True) or item.get("product_type") in ("virtual", "downloadable")
    return not item.get("parent_item_id") and not virtual


def _kept(item: Json) -> Decimal:
    return _quantity(item, "qty_ordered") - _quantity(item, "qty_refunded") - _quantity(item, "qty_canceled")


def _left(item: Json) -> Decimal:
    return _kept(item) - _quantity(item, "qty_shipped")


def _quantity(item: Json, name: str) -> Decimal:
    return amount_of(item.get(name))


def _shipped(shipment: Json) -> dict[str, Decimal]:
    return {text_of(one.get("order_item_id")): amount_of(one.get("qty")) for one in objects_of(shipment.get("items"))}


def _items(
    order: Json, goods: Mapping[str, Json], quantities: Mapping[str, Decimal], name: str, merchant: Merchant
) -> list[tuple[Item, list[Tax]]]:
    found: list[tuple[Item, list[Tax]]] = []
    applied = _applied_taxes(order)
    for item_id, quantity in quantities.items():
        if item_id not in goods or quantity <= 0:
            continue
        line = goods[item_id]
        children = [one for one in objects_of(order.get("items")) if text_of(one.get("parent_item_id")) == item_id]
        part = quantity / _quantity(line, "qty_ordered")
        weight = amount_of(line.get("weight")) or sum(
            (amount_of(one.get("weight")) * _quantity(one, "qty_ordered") for one in children), Decimal(0)
        ) / _quantity(line, "qty_ordered")
        try:
            grams = grams_of(weight, merchant.weight_unit)
        except ValueError as error:
            raise OrderProblem(name, f"weight of {text_of(line.get('sku'))}", str(error)) from None
        # The price of a bundle may be on its parts alone.
        priced = [line] if amount_of(line.get("row_total")) else [line, *children]
        item = Item(
            sku=text_of(line.get("sku")),
            name=text_of(line.get("name")),
            quantity=int(quantity) or 1,  # 0.5 m of cloth is one piece
            total=sum((_row(one) for one in priced), Decimal(0)) * part,
            grams=grams,
        )
        taxed = [text_of(one.get("item_id")) for one in (line, *children)]
        taxes = [tax for one in taxed for tax in applied.get(one, ())]
        found.append((item, [_part_of(tax, part) for tax in taxes]))
    return found


def _row(item: Json) -> Decimal:
    """What the customer pays for a line: Magento's own sum of its total, tax and discount."""
    return (
        _quantity(item, "row_total")
        + _quantity(item, "tax_amount")
        + _quantity(item, "discount_tax_compensation_amount")
        - _quantity(item, "discount_amount")
    )


def _applied_taxes(order: Json) -> dict[str, list[Tax]]:
    """The taxes of each line, by item id. A line itself has only their sum; the parts are an extension attribute."""
    found: dict[str, list[Tax]] = {}
    for entry in objects_of(object_of(order.get("extension_attributes")).get("item_applied_taxes")):
        item_id = text_of(entry.get("item_id"))
        for one in objects_of(entry.get("applied_taxes")) if item_id else ():
            rate, amount = amount_of(one.get("percent")), amount_of(one.get("amount"))
            base = amount * 100 / rate if rate else Decimal(0)
            name = f"{text_of(one.get('title'))} {text_of(one.get('code'))}"
            found.setdefault(item_id, []).append(Tax(name=name, rate=rate, amount=amount, base=base))
    return found


def _part_of(tax: Tax, part: Decimal) -> Tax:
    return Tax(name=tax.name, rate=tax.rate, amount=tax.amount * part, base=tax.base * part)


def _freight(order: Json) -> Decimal:
    return (
        amount_of(order.get("shipping_amount"))
        + amount_of(order.get("shipping_tax_amount"))
        + amount_of(order.get("shipping_discount_tax_compensation_amount"))
        - amount_of(order.get("shipping_discount_amount"))
    )


def _shipping(order: Json) -> Json:
    assignments = objects_of(object_of(order.get("extension_attributes")).get("shipping_assignments"))
    return object_of(assignments[0].get("shipping")) if assignments else {}


def _destination(order: Json, name: str) -> Place:
    address = object_of(_shipping(order).get("address"))
    billing = object_of(order.get("billing_address"))
    if not address:
        where = "extension_attributes.shipping_assignments"
        raise OrderProblem(name, where, "has no shipping address: read the order by the REST API, not by a report")
    country = text_of(address.get("country_id"))
    region = object_of(address.get("region"))  # an object in addresses of customers, a text in those of orders
    code, state = region.get("region_code", address.get("region_code")), region.get("region", address.get("region"))
    street = address.get("street")
    return delivery_place(
        name,
        "shipping address",
        name=" ".join(text_of(address.get(part)) for part in ("firstname", "middlename", "lastname")),
        company=address.get("company"),
        lines=(*cast("list[Any]", street),) if isinstance(street, list) else (street,),
        city=address.get("city"),
        state=state_name(code, state, country),
        postal_code=address.get("postcode"),
        country=country,
        phones=(address.get("telephone"), billing.get("telephone")),
        email=address.get("email") or order.get("customer_email"),
    )


def report_requests(update: Update, order: Json, shipments: Sequence[Json]) -> list[tuple[str, str, Json]]:
    """What brings an update to an order (as the API has it now): method, path and body of each request.

    The first waybill ships what is left of the order, or becomes a track of the parcel's own shipment; a waybill that
    replaces it is a second track. A status is a comment that the customer sees in the account, once.
    """
    order_id = int(order["entity_id"])
    requests: list[tuple[str, str, Json]] = []
    known = {text_of(track.get("track_number")) for one in shipments for track in objects_of(one.get("tracks"))}
    if update.waybill and update.kind != "shipment.cancelled" and update.waybill not in known:
        track = {"track_number": update.waybill, "title": update.courier, "carrier_code": "custom"}
        ids = [one["entity_id"] for one in shipments if update.shop_ids[1:] in ((), (text_of(one.get("entity_id")),))]
        if ids:
            entity = {**track, "order_id": order_id, "parent_id": ids[-1], "qty": 1, "weight": 0, "description": ""}
            requests.append(("POST", f"{API}/shipment/track", {"entity": entity}))
        else:
            requests.append(("POST", f"{API}/order/{order_id}/ship", {"notify": True, "tracks": [track]}))
    if update.status or update.kind == "shipment.cancelled":
        status = update.status_name or "Cancelled"
        comment = f"{update.waybill}: {status}, {update.at}. {update.track_url}".strip()
        if all(text_of(one.get("comment")) != comment for one in objects_of(order.get("status_histories"))):
            history = {
                "comment": comment,
                "parent_id": order_id,
                "status": order.get("status"),  # without it, Magento sets none
                "is_customer_notified": 0,
                "is_visible_on_front": 1,
            }
            requests.append(("POST", f"{API}/orders/{order_id}/comments", {"statusHistory": history}))
    return requests


class Magento:
    """A store: `http` calls it with the access token of an integration (System > Integrations).

    With `per_shipment`, each shipment that is created in Magento becomes a parcel; otherwise each order does.
    """

    channel = CHANNEL

    def __init__(self, merchant: Merchant, http: httpx2.Client | None = None, *, per_shipment: bool = False) -> None:
        self._merchant, self._http, self._per_shipment = merchant, http, per_shipment

    def from_webhook(self, headers: Mapping[str, str], body: bytes) -> list[Json]:
        """Never: Magento Open Source sends none."""
        raise NotSigned("Magento sends no webhooks: run poll")

    def from_file(self, path: Path) -> list[Json]:
        """The orders of an answer of `GET /V1/orders`, as JSON."""
        found = objects_in(path.read_text("utf-8-sig"))
        return found if all("increment_id" in one for one in found) else objects_of(found[0].get("items"))

    def changed_since(self, at: datetime) -> Iterator[Json]:
        """The orders that changed since then."""
        yield from self._search("orders", "updated_at", at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"), "gteq")

    def payloads(self, order: Json) -> list[Json]:
        """The payload of each parcel."""
        if not self._per_shipment or not self._http or text_of(order.get("state")) in ("canceled", "closed"):
            return payloads(order, self._merchant)
        shipments = list(self._search("shipments", "order_id", text_of(order.get("entity_id")), "eq"))
        if not shipments:
            raise NotToShip(text_of(order.get("increment_id")), "no shipment was created in Magento yet")
        return payloads(order, self._merchant, shipments=shipments)

    def report(self, update: Update) -> None:
        """A waybill becomes a shipment with a track, a status a comment."""
        order_id = update.shop_ids[0]
        order = object_of(needed(self._http, "MAGENTO_URL").get(f"{API}/orders/{order_id}").raise_for_status().json())
        shipments = list(self._search("shipments", "order_id", order_id, "eq"))
        for method, path, body in report_requests(update, order, shipments):
            needed(self._http, "MAGENTO_URL").request(method, path, json=body).raise_for_status()

    def _search(self, what: str, field: str, value: str, condition: str) -> Iterator[Json]:
        part = "searchCriteria[filter_groups][0][filters][0]"
        query = {f"{part}[field]": field, f"{part}[value]": value, f"{part}[condition_type]": condition}
        page = 1
        while True:
            asked = {**query, "searchCriteria[pageSize]": str(_PAGE), "searchCriteria[currentPage]": str(page)}
            body = object_of(
                needed(self._http, "MAGENTO_URL").get(f"{API}/{what}", params=asked).raise_for_status().json()
            )
            yield from objects_of(body.get("items"))
            if page * _PAGE >= int(body.get("total_count") or 0):  # past the end, Magento repeats the last page
                return
            page += 1


def make_shop(merchant: Merchant) -> Magento:
    """The store that the environment names: MAGENTO_URL, MAGENTO_TOKEN, MAGENTO_PER_SHIPMENT=1."""
    token = {"authorization": f"Bearer {os.environ.get('MAGENTO_TOKEN', '')}"}
    http = shop_client(os.environ.get("MAGENTO_URL", ""), headers=token)
    return Magento(merchant, http, per_shipment=os.environ.get("MAGENTO_PER_SHIPMENT", "") == "1")


if __name__ == "__main__":
    sys.exit(run(make_shop))
