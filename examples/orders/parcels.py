"""From a parcel in plain terms to the create-order payload that awbridge takes. No I/O, no shop.

Lengths are in cm, weights in grams, amounts are Decimals in the parcel's currency. A parcel within India becomes
ClickPost's form v3, any other its form v4 (`region: world`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from .fields import Json, centimetres_of, number
from .places import Place
from .problems import OrderProblem
from .taxes import Tax, gst_info

LONGEST_DESCRIPTION = 500  # characters of an item's description; couriers print far fewer


@dataclass(frozen=True, slots=True, kw_only=True)
class Merchant:
    """What no order says: where parcels are collected, how heavy and large they are, who chooses the courier."""

    pickup: Place
    gstin: str = ""
    """GST number of the seller; its first two digits are the seller's state."""
    prefix: str = ""
    """Put before reference numbers, where several shops count their orders alike."""
    transporter: str = ""
    """Your name for a courier account; "" lets awbridge's allocation rules choose."""
    box: tuple[Decimal, Decimal, Decimal] | None = None
    """Length, breadth and height of a parcel whose goods have no sizes, in cm."""
    item_grams: Decimal | None = None
    """Weight of an item for which the shop has none, in grams. Without it such an order is refused."""
    packaging_grams: Decimal = Decimal(0)
    """Weight of the empty box, in grams."""
    weight_unit: str = "kg"
    """The unit of WooCommerce's and Magento's weights, a setting of the store: g, kg, lb or oz."""
    length_unit: str = "cm"
    """The unit of WooCommerce's sizes, likewise: cm, mm, m, in or yd."""
    cod_methods: tuple[str, ...] = ()
    """Payment methods that mean cash on delivery, beside the shop's own."""
    hsn_codes: Mapping[str, str] = field(default_factory=dict[str, str])
    """HSN code of a SKU, where the shop has none."""

    pickups: Mapping[str, Place] = field(default_factory=dict[str, Place])
    """Further pickup addresses, by Shopify's location id, Magento's source code or ERPNext's warehouse."""

    def at(self, location: str) -> Merchant:
        """The same, with parcels collected at this location if it has an address of its own."""
        if location not in self.pickups:
            return self
        pickup = self.pickups[location]
        return replace(self, pickup=pickup, gstin=pickup.gstin or self.gstin)

    @classmethod
    def read(cls, path: Path) -> Merchant:
        """From a TOML file such as `merchant.toml`. Raises ValueError for a wrong field."""
        given = tomllib.loads(path.read_text("utf-8"), parse_float=Decimal)
        box = given.pop("box", None)
        for name in ("item_grams", "packaging_grams"):
            if name in given:
                given[name] = Decimal(given[name])
        try:
            return cls(
                pickup=Place(**given.pop("pickup")),
                pickups={name: Place(**place) for name, place in given.pop("pickups", {}).items()},
                box=centimetres_of(box, "cm") if box else None,
                cod_methods=tuple(given.pop("cod_methods", ())),
                **given,
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path}: {error}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Goods of one kind in a parcel."""

    sku: str
    name: str
    quantity: int
    total: Decimal
    """What the customer pays for all of them: after discounts, with tax."""
    grams: Decimal | None = None
    """Weight of one."""
    size: tuple[Decimal, Decimal, Decimal] | None = None
    """Length, breadth and height of one, in cm."""
    hsn: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """One parcel of an order."""

    reference: str
    """Unique over all parcels. Bluedart takes at most 20 characters."""
    order: str
    """The order number that the customer knows."""
    shop_ids: tuple[str, ...]
    """The ids under which the shop's API knows order and parcel: needed to report back."""
    channel: str
    to: Place
    items: tuple[Item, ...]
    invoice_number: str
    invoice_date: date
    value: Decimal
    """What the customer pays for this parcel in all: goods, tax, freight."""
    collect: Decimal = Decimal(0)
    """What the courier collects: 0 if it is paid. It may exceed `value`, as for goods sent with a gift card by mail."""
    currency: str = "INR"
    taxes: tuple[Tax, ...] = ()
    more_gst: Mapping[str, str] = field(default_factory=dict[str, str])
    """Further fields of `gst_info` that the shop knows, such as `ewaybill_serial_number`."""


def payload(parcel: Parcel, merchant: Merchant) -> Json:
    """The body for `POST /v1/shipments`. The same parcel gives the same payload, so sending it twice has no effect.

    Raises OrderProblem for a parcel that no courier would take.
    """
    if not parcel.items:
        raise OrderProblem(parcel.order, "items", "has no goods to ship")
    within_india = merchant.pickup.country == parcel.to.country == "IN"
    places = {
        "pickup_info": replace(merchant.pickup, gstin=merchant.gstin).indian("pickup_")
        if within_india
        else merchant.pickup.world(),
        "drop_info": parcel.to.indian("drop_") if within_india else parcel.to.world(),
    }
    gst = gst_info(parcel.taxes, seller_gstin=merchant.gstin, drop_state=parcel.to.state) if within_india else {}
    hsn = next((code for item in _by_value(parcel.items) if (code := _hsn(item, merchant))), "")
    return {
        **({"region": "world"} if not within_india else {}),
        **({"transporter": merchant.transporter} if merchant.transporter else {}),
        **places,
        "shipment_details": _details(parcel, merchant, within_india=within_india),
        **_section("gst_info", {**gst, **({"hsn_code": hsn} if hsn and within_india else {}), **parcel.more_gst}),
        **_section("tax_info", {"tax_amount": _total_tax(parcel)} if parcel.taxes and not within_india else {}),
        "additional": {
            "label": True,
            "channel_name": parcel.channel,
            "user_defined_field_array": [
                {"name": f"udf_{number}", "type": "String", "value": shop_id}
                for number, shop_id in enumerate(parcel.shop_ids, start=1)
            ],
        },
    }


def shop_ids(order: Json) -> tuple[str, ...]:
    """The shop's own ids in a payload that `payload` made."""
    fields = order.get("additional", {}).get("user_defined_field_array", [])
    return tuple(str(one["value"]) for one in fields)


def _details(parcel: Parcel, merchant: Merchant, *, within_india: bool) -> Json:
    length, breadth, height = _box(parcel, merchant)
    return {
        "reference_number": f"{merchant.prefix}{parcel.reference}",
        "order_id": parcel.order,
        "order_type": "COD" if parcel.collect else "PREPAID",
        "cod_value": number(parcel.collect),
        "delivery_type": "FORWARD",
        "invoice_number": parcel.invoice_number,
        "invoice_date": parcel.invoice_date.isoformat(),
        "invoice_value": number(max(parcel.value, parcel.collect)),
        "length": number(length),
        "breadth": number(breadth),
        "height": number(height),
        "weight": number(_grams(parcel, merchant)),
        **({"currency_code": parcel.currency} if not within_india or parcel.currency != "INR" else {}),
        "items": [_item(item, merchant) for item in parcel.items],
    }


def _item(item: Item, merchant: Merchant) -> Json:
    hsn = _hsn(item, merchant)
    return {
        "sku": item.sku,
        "description": item.name[:LONGEST_DESCRIPTION],
        "quantity": item.quantity,
        "price": number(item.total / item.quantity),
        **({"weight": number(item.grams)} if item.grams else {}),
        **({"hs_code": hsn} if hsn else {}),
    }


def _hsn(item: Item, merchant: Merchant) -> str:
    return item.hsn or merchant.hsn_codes.get(item.sku, "")


def _by_value(items: Iterable[Item]) -> list[Item]:
    return sorted(items, key=lambda item: item.total, reverse=True)


def _total_tax(parcel: Parcel) -> int | float:
    return number(sum((tax.amount for tax in parcel.taxes), Decimal(0)))


def _grams(parcel: Parcel, merchant: Merchant) -> Decimal:
    total = merchant.packaging_grams
    for item in parcel.items:
        each = item.grams or merchant.item_grams
        if not each:
            problem = "is missing: enter the product's weight in the shop, or set item_grams in merchant.toml"
            raise OrderProblem(parcel.order, f"weight of {item.sku}", problem)
        total += each * item.quantity
    return max(total.to_integral_value(ROUND_HALF_UP), Decimal(1))


def _box(parcel: Parcel, merchant: Merchant) -> tuple[Decimal, Decimal, Decimal]:
    """The size of the parcel: of its only item, else of your box. Goods packed together are not added up."""
    first = parcel.items[0]
    if len(parcel.items) == 1 and first.quantity == 1 and first.size:
        return first.size
    if merchant.box is None:
        problem = "is unknown: set box in merchant.toml to the size of your usual box, in cm"
        raise OrderProblem(parcel.order, "size of the parcel", problem)
    return merchant.box


def _section(name: str, fields: Json) -> Json:
    return {name: fields} if fields else {}
