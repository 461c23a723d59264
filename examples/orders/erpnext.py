"""ERPNext with India Compliance: Delivery Notes and Sales Invoices from the REST API, custom fields in return.

Sources: Frappe's REST API and webhook documentation, ERPNext's Delivery Note, Sales Invoice and Address, and the custom
fields of India Compliance (gst_hsn_code, place_of_supply, ewaybill, cgst_amount ...).
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2

from .bridge import Update, needed, run, shop_client, verify
from .fields import Json, amount_of, grams_of, object_of, objects_in, objects_of, text_of
from .parcels import Item, Merchant, Parcel, payload
from .places import Place, country_code, delivery_place, state_name
from .problems import Cancelled, NotToShip, OrderProblem
from .taxes import Tax

CHANNEL = "ERPNext"
_COD = re.compile(r"cash on delivery|\bcod\b", re.IGNORECASE)
_SERVICE = "99"  # HSN codes of services (SAC) begin with it
_GST = ("cgst", "sgst", "igst")
WAYBILL, COURIER, URL, STATUS, STATUS_AT = (
    "custom_waybill",
    "custom_courier",
    "custom_tracking_url",
    "custom_tracking_status",
    "custom_tracking_status_at",
)


def payloads(document: Json, address: Json, merchant: Merchant, *, bill: Json | None = None) -> list[Json]:
    """The payload of the parcel of a Delivery Note, or of a Sales Invoice that updates the stock.

    `address` is the Address that its `shipping_address_name` names. `bill` is the Sales Invoice or Sales Order of a
    Delivery Note, which alone knows the payment: terms whose name says COD, and what is outstanding.

    Raises OrderProblem; NotToShip for drafts, returns and services; Cancelled.
    """
    name = text_of(document.get("name"))
    if document.get("docstatus") == 2:
        raise Cancelled(name, "it was cancelled")
    if document.get("docstatus") != 1 or document.get("is_return") == 1:
        raise NotToShip(name, "it is a return" if document.get("is_return") == 1 else "it is a draft")
    lines = [line for line in objects_of(document.get("items")) if _is_goods(line)]
    if not lines:
        raise NotToShip(name, "it has services only")
    paid_by = bill or document
    total = amount_of(document.get("rounded_total")) or amount_of(document.get("grand_total"))
    is_invoice = "outstanding_amount" in paid_by
    parcel = Parcel(
        reference=name,
        order=name,
        shop_ids=(text_of(document.get("doctype")) or "Delivery Note", name),
        channel=CHANNEL,
        to=_destination(document, address, name),
        items=tuple(_item(line, document, name) for line in lines),
        taxes=tuple(tax for line in lines for tax in _taxes(line)),
        invoice_number=text_of(paid_by.get("name")) if is_invoice else name,
        invoice_date=date.fromisoformat(text_of((paid_by if is_invoice else document).get("posting_date"))),
        value=total,
        collect=min(_outstanding(paid_by, merchant), total),
        currency=text_of(document.get("currency")),
        more_gst=_more_gst(document, paid_by),
    )
    warehouse = text_of(document.get("set_warehouse")) or text_of(lines[0].get("warehouse"))
    return [payload(parcel, merchant.at(warehouse))]


def _is_goods(line: Json) -> bool:
    return not text_of(line.get("gst_hsn_code")).startswith(_SERVICE) and amount_of(line.get("qty")) > 0


def _outstanding(bill: Json, merchant: Merchant) -> Decimal:
    """What the courier collects for all parcels of a bill: 0 unless its payment terms are cash on delivery."""
    terms = text_of(bill.get("payment_terms_template"))
    if not (_COD.search(terms) or terms in merchant.cod_methods):
        return Decimal(0)
    if "outstanding_amount" in bill:
        return max(amount_of(bill.get("outstanding_amount")), Decimal(0))
    total = amount_of(bill.get("rounded_total")) or amount_of(bill.get("grand_total"))
    return max(total - amount_of(bill.get("advance_paid")), Decimal(0))


def _item(line: Json, document: Json, name: str) -> Item:
    quantity, code = amount_of(line.get("qty")), text_of(line.get("item_code"))
    try:
        weight = grams_of(line.get("total_weight"), text_of(line.get("weight_uom")))
    except ValueError as error:
        raise OrderProblem(name, f"weight of {code}", str(error)) from None
    net = amount_of(line.get("net_amount")) or amount_of(line.get("amount"))
    taxes = sum((amount_of(line.get(f"{kind}_amount")) for kind in (*_GST, "cess")), Decimal(0))
    if not any(f"{kind}_amount" in line for kind in _GST):  # without India Compliance, lines have no taxes
        rate = amount_of(document.get("total_taxes_and_charges")) / (amount_of(document.get("net_total")) or 1)
        taxes = net * rate
    pieces = max(int(quantity), 1)  # 0.5 m of cloth is one piece
    return Item(
        sku=code,
        name=text_of(line.get("item_name")) or code,  # the description is HTML
        quantity=pieces,
        total=net + taxes,
        grams=weight / pieces if weight else None,
        hsn=text_of(line.get("gst_hsn_code")),
    )


def _taxes(line: Json) -> Iterator[Tax]:
    for kind in _GST:
        if amount := amount_of(line.get(f"{kind}_amount")):
            base = amount_of(line.get("taxable_value")) or amount_of(line.get("net_amount"))
            yield Tax(name=kind, rate=amount_of(line.get(f"{kind}_rate")), amount=amount, base=base)


def _more_gst(document: Json, bill: Json) -> dict[str, str]:
    found = {
        "seller_gstin": text_of(document.get("company_gstin")),
        "consignee_gstin": text_of(document.get("billing_address_gstin")),
        "place_of_supply": re.sub(r"^\d{2}-", "", text_of(document.get("place_of_supply"))),
        "ewaybill_serial_number": text_of(document.get("ewaybill")) or text_of(bill.get("ewaybill")),
    }
    return {field: value for field, value in found.items() if value}


def _destination(document: Json, address: Json, name: str) -> Place:
    """The Address, and the contact of the document: its own `shipping_address` is HTML for printing."""
    country = country_code(address.get("country"))
    return delivery_place(
        name,
        f"Address {text_of(document.get('shipping_address_name'))}".strip(),
        name=text_of(document.get("contact_display")) or text_of(document.get("customer_name")),
        company=document.get("customer_name") if text_of(document.get("contact_display")) else "",
        lines=(address.get("address_line1"), address.get("address_line2")),
        city=address.get("city"),
        state=state_name("", address.get("gst_state") or address.get("state"), country),
        postal_code=address.get("pincode"),
        country=country,
        phones=(document.get("contact_mobile"), document.get("contact_phone"), address.get("phone")),
        email=text_of(document.get("contact_email")) or text_of(address.get("email_id")),
    )


def custom_fields(doctype: str) -> list[Json]:
    """The Custom Fields for waybill and status, which the command `fields` creates.

    A submitted document takes changes only in fields with Allow on Submit. ERPNext's own (`lr_no`, `transporter_name`)
    are without, and Customize Form refuses to enable it for standard fields.
    """
    labels = {
        WAYBILL: ("Waybill", "Data"),
        COURIER: ("Courier", "Data"),
        URL: ("Tracking URL", "Data"),
        STATUS: ("Tracking Status", "Data"),
        STATUS_AT: ("Tracking Status At", "Data"),
    }
    common = {"doctype": "Custom Field", "dt": doctype, "allow_on_submit": 1, "no_copy": 1, "read_only": 1}
    names = list(labels)
    return [
        {
            **common,
            "fieldname": field,
            "label": label,
            "fieldtype": kind,
            "in_standard_filter": int(field in (WAYBILL, STATUS)),
            "insert_after": names[index - 1] if index else "lr_no",
        }
        for index, (field, (label, kind)) in enumerate(labels.items())
    ]


def report_values(update: Update, document: Json) -> Json:
    """The fields to write to a document (as the API has it now) for an update; {} if it has them, or was cancelled."""
    if document.get("docstatus") == 2:
        return {}
    if update.kind == "shipment.cancelled":
        gone = {WAYBILL: "", COURIER: "", URL: "", STATUS: "Cancelled", STATUS_AT: update.at}
        return gone if text_of(document.get(WAYBILL)) == update.waybill else {}
    values: Json = {}
    if update.waybill and text_of(document.get(WAYBILL)) != update.waybill:
        values = {WAYBILL: update.waybill, COURIER: update.courier, URL: update.track_url}
    if update.status and update.at > text_of(document.get(STATUS_AT)):
        values |= {STATUS: update.status_name, STATUS_AT: update.at}
    return values


class ErpNext:
    """A site: `http` calls it with the key of an API user; `webhook_secret` is that of its Webhook documents."""

    channel = CHANNEL

    def __init__(self, merchant: Merchant, http: httpx2.Client | None = None, *, webhook_secret: str = "") -> None:
        self._merchant, self._http, self._webhook_secret = merchant, http, webhook_secret

    def from_webhook(self, headers: Mapping[str, str], body: bytes) -> list[Json]:
        """The document that a webhook names by `doctype` and `name`: only these are read. Raises NotSigned."""
        verify(self._webhook_secret, body, headers.get("x-frappe-webhook-signature", ""))
        named = object_of(json.loads(body))
        return [self._get(text_of(named.get("doctype")), text_of(named.get("name")))]

    def from_file(self, path: Path) -> list[Json]:
        """The documents of a file, as `GET /api/resource/Delivery Note/NAME` answers them."""
        found = objects_in(path.read_text("utf-8-sig"))
        return [object_of(one.get("data", one)) for one in found]

    def changed_since(self, at: datetime) -> Iterator[Json]:
        """The Delivery Notes that changed since then. `modified` is in the site's time zone, so a day is added."""
        since = (at - timedelta(days=1)).strftime("%Y-%m-%d %H:%M:%S")
        query = {
            "filters": json.dumps([["modified", ">=", since]]),
            "order_by": "modified asc",
            "limit_page_length": "0",
        }
        for one in objects_of(self._ask("GET", "/api/resource/Delivery Note", params=query).json().get("data")):
            yield self._get("Delivery Note", text_of(one.get("name")))

    def payloads(self, order: Json) -> list[Json]:
        """The payload of a document's parcel, with its address and its bill."""
        if order.get("docstatus") != 1 or order.get("is_return") == 1:
            return payloads(order, {}, self._merchant)
        address_name = text_of(order.get("shipping_address_name")) or text_of(order.get("customer_address"))
        if not address_name:
            raise OrderProblem(text_of(order.get("name")), "shipping_address_name", "is missing: choose an address")
        address = self._get("Address", address_name)
        if len(country_code(address.get("country"))) != 2:
            address = {**address, "country": self._get("Country", text_of(address.get("country"))).get("code")}
        lines = objects_of(order.get("items"))
        bill: Json | None = None
        for doctype, field in (("Sales Invoice", "against_sales_invoice"), ("Sales Order", "against_sales_order")):
            names = {text_of(line.get(field)) for line in lines} - {""}
            if bill is None and len(names) == 1:
                bill = self._get(doctype, names.pop())
        return payloads(order, address, self._merchant, bill=bill)

    def report(self, update: Update) -> None:
        """Waybill and status become fields of the document."""
        doctype, name = update.shop_ids
        if values := report_values(update, self._get(doctype, name)):
            self._ask("PUT", _resource(doctype, name), json=values)

    def create_fields(self) -> None:
        """Create the custom fields of Delivery Notes and Sales Invoices that are missing."""
        for field in (field for doctype in ("Delivery Note", "Sales Invoice") for field in custom_fields(doctype)):
            query = {"filters": json.dumps([["dt", "=", field["dt"]], ["fieldname", "=", field["fieldname"]]])}
            if not self._ask("GET", "/api/resource/Custom Field", params=query).json()["data"]:
                self._ask("POST", "/api/resource/Custom Field", json=field)

    def _get(self, doctype: str, name: str) -> Json:
        return object_of(self._ask("GET", _resource(doctype, name)).json().get("data"))

    def _ask(self, method: str, path: str, **request: Any) -> httpx2.Response:
        return needed(self._http, "ERPNEXT_URL").request(method, path, **request).raise_for_status()


def _resource(doctype: str, name: str) -> str:
    return f"/api/resource/{quote(doctype)}/{quote(name, safe='')}"


def make_shop(merchant: Merchant) -> ErpNext:
    """The site that the environment names: ERPNEXT_URL, ERPNEXT_KEY, ERPNEXT_SECRET, ERPNEXT_WEBHOOK_SECRET."""
    token = f"token {os.environ.get('ERPNEXT_KEY', '')}:{os.environ.get('ERPNEXT_SECRET', '')}"
    http = shop_client(os.environ.get("ERPNEXT_URL", ""), headers={"authorization": token})
    return ErpNext(merchant, http, webhook_secret=os.environ.get("ERPNEXT_WEBHOOK_SECRET", ""))


if __name__ == "__main__":
    sys.exit(run(make_shop, {"fields": ("create the custom fields for waybill and status", ErpNext.create_fields)}))
