"""The CSV export of Shopify's orders, read into the form of webhooks. No I/O.

Source: exports of stores, and Shopify's help page "Exporting orders".
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from itertools import groupby

from .fields import Json, amount_of, shares


def orders_in_csv(text: str) -> Iterator[Json]:
    """The orders of an export (Orders > Export > CSV), in the form of webhooks.

    An order has a row for each line; only the first one has its totals and addresses. The export has no weights (set
    `item_grams`), no fulfillment orders, and one sum for each tax of the whole order.
    """
    rows = csv.DictReader(text.removeprefix("\ufeff").splitlines(keepends=True))
    missing = {"Name", "Financial Status", "Shipping Name", "Lineitem quantity"} - set(rows.fieldnames or ())
    if missing:
        raise ValueError(f"not an export of Shopify's orders: it has no column {', '.join(sorted(missing))}")
    for _, rows_of_order in groupby(rows, key=lambda row: row["Name"]):
        first, *others = rows_of_order
        order = _order_of_row(first)
        order["line_items"] = [_line_of_row(row, str(line)) for line, row in enumerate((first, *others), start=1)]
        _spread_taxes(order["line_items"], first)
        yield order


def _order_of_row(row: Mapping[str, str]) -> Json:
    taxes, total = amount_of(row["Taxes"]), amount_of(row["Total"])
    # The file does not say whether prices include tax; the sum does.
    included = total - amount_of(row["Subtotal"]) - amount_of(row["Shipping"]) < taxes
    return {
        "id": row.get("Id", ""),
        "name": row["Name"],
        "email": row["Email"],
        "phone": row.get("Phone", ""),
        "created_at": row["Created at"],
        "cancelled_at": row["Cancelled at"],
        "financial_status": row["Financial Status"],
        "payment_gateway_names": [row["Payment Method"]],
        "currency": row["Currency"],
        "taxes_included": included,
        "total_price": str(total),
        "total_outstanding": row.get("Outstanding Balance") or str(total),
        "shipping_lines": [{"price": row["Shipping"]}],
        "shipping_address": _address_of_row(row, "Shipping"),
        "billing_address": _address_of_row(row, "Billing"),
    }


def _spread_taxes(lines: list[Json], row: Mapping[str, str]) -> None:
    """Each tax of the order on its lines, by value. Names such as "IGST 18%" tell the rate."""
    values = [amount_of(line["price"]) * line["quantity"] for line in lines]
    for column in range(1, 6):
        name = row.get(f"Tax {column} Name") or ""
        if name:
            rate = re.search(r"([\d.]+)\s*%", name)
            for line, part in zip(lines, shares(amount_of(row[f"Tax {column} Value"]), values), strict=True):
                percent = amount_of(rate[1]) / 100 if rate else 0
                line["tax_lines"].append({"title": name, "rate": str(percent), "price": str(part)})


def _address_of_row(row: Mapping[str, str], side: str) -> Json:
    address = {
        "name": row[f"{side} Name"],
        "company": row[f"{side} Company"],
        "address1": row[f"{side} Address1"],
        "address2": row[f"{side} Address2"],
        "city": row[f"{side} City"],
        "zip": row[f"{side} Zip"].lstrip("'"),  # the export guards postal codes from spreadsheets
        "province_code": row[f"{side} Province"],
        "province": row.get(f"{side} Province Name", ""),
        "country_code": row[f"{side} Country"],
        "phone": row[f"{side} Phone"].lstrip("'"),
    }
    return address if any(address.values()) else {}


def _line_of_row(row: Mapping[str, str], line_id: str) -> Json:
    quantity = int(row["Lineitem quantity"])
    return {
        "id": line_id,
        "sku": row["Lineitem sku"],
        "name": row["Lineitem name"],
        "price": row["Lineitem price"],
        "quantity": quantity,
        "fulfillable_quantity": 0 if row["Lineitem fulfillment status"] == "fulfilled" else quantity,
        "requires_shipping": row["Lineitem requires shipping"] == "true",
        "tax_lines": [],
        "discount_allocations": [{"amount": row.get("Lineitem discount") or "0"}],
    }
