"""WooCommerce: orders from webhooks or the REST API (v3), and order notes, metadata and the status in return.

Sources: WooCommerce's REST API documentation, and its source of orders, refunds and webhooks.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import httpx2

from .bridge import Update, needed, run, shop_client, verify
from .fields import Json, amount_of, centimetres_of, grams_of, object_of, objects_in, objects_of, text_of
from .parcels import Item, Merchant, Parcel, payload
from .places import Place, delivery_place, state_name
from .problems import Cancelled, NotToShip, OrderProblem
from .taxes import Tax

CHANNEL = "WooCommerce"
API = "/wp-json/wc/v3"
PICKED_UP_IN_STORE = ("local_pickup", "pickup_location")
NUMBER, PROVIDER, URL, STATUS, STATUS_AT = (
    "_tracking_number",
    "_tracking_provider",
    "_tracking_url",
    "_tracking_status",
    "_tracking_status_at",
)
_FAILED = (9, 11, 12, 13, 14, 16, 17)  # a failed delivery, the way back, lost, damaged


def payloads(
    order: Json, merchant: Merchant, *, products: Mapping[int, Json] | None = None, refunds: Sequence[Json] = ()
) -> list[Json]:
    """The payload of an order's parcel.

    An order has no weights: `products` are those of its lines, by variation id, else product id. Without them each
    item weighs the merchant's `item_grams`. `refunds` are those of the order: refunded lines are not sent.

    Raises OrderProblem; NotToShip if it is unpaid, done, collected or digital; Cancelled.
    """
    name = text_of(order.get("number")) or text_of(order.get("id"))
    _check_status(order, name)
    rates = {text_of(line.get("rate_id")): line for line in objects_of(order.get("tax_lines"))}
    back = _refunded(refunds)
    items: list[Item] = []
    taxes: list[Tax] = []
    for line in objects_of(order.get("line_items")):
        product = (products or {}).get(int(line.get("variation_id") or line.get("product_id") or 0), {})
        quantity = int(line["quantity"]) - back.get(text_of(line.get("id")), 0)
        if quantity < 1 or product.get("virtual") is True:
            continue
        part = Decimal(quantity) / Decimal(line["quantity"])
        items.append(_item(line, product, quantity, part, name, merchant))
        taxes += _taxes(line, rates, part)
    if not items:
        raise NotToShip(name, "all its lines are refunded or digital")
    extra = _sum(order, "shipping_total", "shipping_tax")
    for fee in objects_of(order.get("fee_lines")):
        extra += _sum(fee, "total", "total_tax")
    given_back = sum((amount_of(refund.get("total")) for refund in objects_of(order.get("refunds"))), Decimal(0))
    is_cod = text_of(order.get("payment_method")) in ("cod", *merchant.cod_methods) and not order.get("date_paid")
    parcel = Parcel(
        reference=name,
        order=name,
        shop_ids=(text_of(order.get("id")),),
        channel=CHANNEL,
        to=_destination(order, name),
        items=tuple(items),
        taxes=tuple(taxes),
        invoice_number=name,
        invoice_date=date.fromisoformat(text_of(order.get("date_created"))[:10]),
        value=max(sum((item.total for item in items), Decimal(0)) + extra, Decimal(0)),
        collect=max(amount_of(order.get("total")) + given_back, Decimal(0)) if is_cod else Decimal(0),
        currency=text_of(order.get("currency")),
    )
    return [payload(parcel, merchant)]


def _check_status(order: Json, name: str) -> None:
    status = text_of(order.get("status"))
    if status in ("cancelled", "refunded", "trash") or "status" not in order:  # order.deleted has nothing but the id
        raise Cancelled(name, f"it is {status or 'deleted'}")
    if status != "processing":
        raise NotToShip(name, f"its status is {status}")
    methods = [text_of(line.get("method_id")) for line in objects_of(order.get("shipping_lines"))]
    if methods and all(method in PICKED_UP_IN_STORE for method in methods):
        raise NotToShip(name, "the customer collects it")


def _refunded(refunds: Sequence[Json]) -> dict[str, int]:
    """How many of each line were refunded. A refund's lines count downwards and name theirs in their metadata."""
    found: dict[str, int] = {}
    for line in (line for refund in refunds for line in objects_of(refund.get("line_items"))):
        origin = _meta(line, "_refunded_item_id")
        found[origin] = found.get(origin, 0) + abs(int(line.get("quantity") or 0))
    return found


def _item(line: Json, product: Json, quantity: int, part: Decimal, name: str, merchant: Merchant) -> Item:
    size = object_of(product.get("dimensions"))
    sku = text_of(line.get("sku")) or text_of(product.get("sku")) or text_of(line.get("product_id"))
    try:
        grams = grams_of(product.get("weight"), merchant.weight_unit)
        sizes = [size.get(side) for side in ("length", "width", "height")]
        dimensions = centimetres_of(sizes, merchant.length_unit)
    except ValueError as error:
        raise OrderProblem(name, f"weight or size of {sku}", str(error)) from None
    return Item(
        sku=sku,
        name=text_of(line.get("name")),
        quantity=quantity,
        total=_sum(line, "total", "total_tax") * part,
        grams=grams,
        size=dimensions,
        hsn=_hsn(line) or _hsn(product),
    )


def _taxes(line: Json, rates: Mapping[str, Json], part: Decimal) -> Iterator[Tax]:
    for tax in objects_of(line.get("taxes")):
        rate = rates.get(text_of(tax.get("id")), {})
        if amount := amount_of(tax.get("total")):  # "" for a tax that does not apply
            label = f"{text_of(rate.get('label'))} {text_of(rate.get('rate_code'))}"
            percent = amount_of(rate.get("rate_percent"))
            yield Tax(name=label, rate=percent, amount=amount * part, base=amount_of(line.get("total")) * part)


def _destination(order: Json, name: str) -> Place:
    """The shipping address. Where the customer gave none, all its fields are "" (or only the country is set)."""
    billing, shipping = object_of(order.get("billing")), object_of(order.get("shipping"))
    where, address = ("shipping", shipping) if text_of(shipping.get("address_1")) else ("billing", billing)
    country = text_of(address.get("country"))
    return delivery_place(
        name,
        where,
        name=" ".join(filter(None, (text_of(address.get("first_name")), text_of(address.get("last_name"))))),
        company=address.get("company"),
        lines=(address.get("address_1"), address.get("address_2")),
        city=address.get("city"),
        state=state_name(address.get("state"), "", country),
        postal_code=address.get("postcode"),
        country=country,
        phones=(address.get("phone"), billing.get("phone")),
        email=billing.get("email"),
    )


def _sum(holder: Json, *names: str) -> Decimal:
    return sum((amount_of(holder.get(name)) for name in names), Decimal(0))


def _meta(holder: Json, key: str) -> str:
    return next((text_of(m.get("value")) for m in objects_of(holder.get("meta_data")) if m.get("key") == key), "")


def _hsn(holder: Json) -> str:
    """The HSN code in the metadata of a line or product: plugins call it hsn_code, _hsn, "HSN Code" and the like."""
    for meta in objects_of(holder.get("meta_data")):
        if "hsn" in text_of(meta.get("key")).lower() and text_of(meta.get("value")):
            return text_of(meta["value"])
    return ""


def report_requests(update: Update, order: Json) -> list[tuple[str, str, Json]]:
    """What brings an update to an order (as the API has it now): method, path and body of each request.

    A new waybill is a note to the customer, and metadata. A newer status is metadata; delivered completes the order;
    a failed delivery or a return is a note to the shop.
    """
    path, meta = f"{API}/orders/{order['id']}", dict[str, str]()
    requests: list[tuple[str, str, Json]] = []
    change: Json = {}
    if update.waybill and update.kind != "shipment.cancelled" and _meta(order, NUMBER) != update.waybill:
        meta |= {NUMBER: update.waybill, PROVIDER: update.courier, URL: update.track_url}
        note = f"Sent with {update.courier}, waybill {update.waybill}. {update.track_url}".strip()
        requests.append(("POST", f"{path}/notes", {"note": note, "customer_note": True}))
    if update.kind == "shipment.cancelled" and _meta(order, NUMBER) == update.waybill:
        meta |= {NUMBER: "", PROVIDER: "", URL: "", STATUS: "Cancelled", STATUS_AT: update.at}
        requests.append(("POST", f"{path}/notes", {"note": f"Waybill {update.waybill} was cancelled."}))
    elif update.status and update.at > _meta(order, STATUS_AT):
        meta |= {STATUS: update.status_name, STATUS_AT: update.at}
        if update.status in _FAILED:
            requests.append(("POST", f"{path}/notes", {"note": f"Waybill {update.waybill}: {update.status_name}."}))
        if update.status == 8 and order.get("status") == "processing":
            change["status"] = "completed"
    if meta:
        change["meta_data"] = [{"key": key, "value": value} for key, value in meta.items()]
    return [*requests, ("PUT", path, change)] if change else requests


class WooCommerce:
    """A store: `http` calls it with a REST API key; `webhook_secret` is that of its webhooks.

    Without `http`, files are read and weights come from `merchant.toml` alone.
    """

    channel = CHANNEL

    def __init__(self, merchant: Merchant, http: httpx2.Client | None = None, *, webhook_secret: str = "") -> None:
        self._merchant, self._http, self._webhook_secret = merchant, http, webhook_secret

    def from_webhook(self, headers: Mapping[str, str], body: bytes) -> list[Json]:
        """The order of a webhook. Raises NotSigned."""
        if body.startswith(b"webhook_id="):
            return []  # the ping by which a new webhook is tried; it has no signature, and says nothing
        verify(self._webhook_secret, body, headers.get("x-wc-webhook-signature", ""))
        return [json.loads(body)] if headers.get("x-wc-webhook-topic", "").startswith("order.") else []

    def from_file(self, path: Path) -> list[Json]:
        """The orders of an answer of the REST API, as JSON."""
        return objects_in(path.read_text("utf-8-sig"), "orders")

    def changed_since(self, at: datetime) -> Iterator[Json]:
        """The orders that changed since then."""
        since = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
        query = {
            "modified_after": since,
            "dates_are_gmt": "true",
            "orderby": "modified",
            "order": "asc",
            "per_page": 100,
        }
        page = 1
        while found := objects_of(self._get("/orders", query={**query, "page": page})):
            yield from found
            page += 1

    def payloads(self, order: Json) -> list[Json]:
        """The payload of the order's parcel, with the weights of its products."""
        if not self._http or text_of(order.get("status")) != "processing":
            return payloads(order, self._merchant)
        products: dict[int, Json] = {}
        for line in objects_of(order.get("line_items")):
            product, variation = int(line.get("product_id") or 0), int(line.get("variation_id") or 0)
            if product:
                path = f"/products/{product}" + (f"/variations/{variation}" if variation else "")
                products[variation or product] = object_of(self._get(path, missing={}))
        refunds = objects_of(self._get(f"/orders/{order['id']}/refunds")) if order.get("refunds") else []
        return payloads(order, self._merchant, products=products, refunds=refunds)

    def report(self, update: Update) -> None:
        """Waybill and status become notes and metadata of the order."""
        order = object_of(self._get(f"/orders/{update.shop_ids[0]}"))
        for method, path, body in report_requests(update, order):
            needed(self._http, "WOO_URL").request(method, path, json=body).raise_for_status()

    def _get(self, path: str, *, missing: Json | None = None, query: Json | None = None) -> object:
        """The answer; `missing` for what was deleted, such as a product that is sold no more."""
        answer = needed(self._http, "WOO_URL").get(f"{API}{path}", params=query)
        return missing if answer.status_code == 404 and missing is not None else answer.raise_for_status().json()


def make_shop(merchant: Merchant) -> WooCommerce:
    """The store that the environment names: WOO_URL, WOO_KEY, WOO_SECRET, WOO_WEBHOOK_SECRET."""
    key = (os.environ.get("WOO_KEY", ""), os.environ.get("WOO_SECRET", ""))
    http = shop_client(os.environ.get("WOO_URL", ""), auth=key)
    return WooCommerce(merchant, http, webhook_secret=os.environ.get("WOO_WEBHOOK_SECRET", ""))


if __name__ == "__main__":
    sys.exit(run(make_shop))
