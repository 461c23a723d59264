"""India's goods and services tax as shops state it, and as ClickPost's `gst_info`. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .fields import number
from .places import INDIAN_STATES

# The first two digits of a GST number are the state: gst.gov.in, "State Code List under GST".
GST_STATES = {
    "01": "Jammu and Kashmir",
    "02": "Himachal Pradesh",
    "03": "Punjab",
    "04": "Chandigarh",
    "05": "Uttarakhand",
    "06": "Haryana",
    "07": "Delhi",
    "08": "Rajasthan",
    "09": "Uttar Pradesh",
    "10": "Bihar",
    "11": "Sikkim",
    "12": "Arunachal Pradesh",
    "13": "Nagaland",
    "14": "Manipur",
    "15": "Mizoram",
    "16": "Tripura",
    "17": "Meghalaya",
    "18": "Assam",
    "19": "West Bengal",
    "20": "Jharkhand",
    "21": "Odisha",
    "22": "Chhattisgarh",
    "23": "Madhya Pradesh",
    "24": "Gujarat",
    "26": "Dadra and Nagar Haveli and Daman and Diu",
    "27": "Maharashtra",
    "29": "Karnataka",
    "30": "Goa",
    "31": "Lakshadweep",
    "32": "Kerala",
    "33": "Tamil Nadu",
    "34": "Puducherry",
    "35": "Andaman and Nicobar Islands",
    "36": "Telangana",
    "37": "Andhra Pradesh",
    "38": "Ladakh",
}
_KIND = re.compile(r"\b(CGST|SGST|UTGST|IGST|GST)\b|(CGST|SGST|IGST)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tax:
    """A tax on goods of a parcel: `name` as the shop has it, `rate` in percent, `base` is the taxed amount."""

    name: str
    rate: Decimal
    amount: Decimal
    base: Decimal = Decimal(0)


def gst_info(taxes: Iterable[Tax], *, seller_gstin: str, drop_state: str) -> dict[str, Any]:
    """`gst_info` of a parcel within India; {} if the shop charges no GST and the seller has no GST number.

    A tax named only "GST" is split by the states: CGST and SGST within the seller's state, else IGST. Other taxes, such
    as a cess, count towards the total only. A rate is given if it is the same for all goods.
    """
    held = list(taxes)
    amounts: dict[str, Decimal] = {}
    rates: dict[str, set[Decimal]] = {}
    for tax in held:
        for kind, share in _kinds(tax.name, seller_gstin, drop_state):
            amounts[kind] = amounts.get(kind, Decimal(0)) + tax.amount * share
            rates.setdefault(kind, set()).add(tax.rate * share)
    if not amounts and not seller_gstin:
        return {}
    fields: dict[str, Any] = {"seller_gstin": seller_gstin} if seller_gstin else {}
    if seller_gstin:
        fields["is_seller_registered_under_gst"] = True
    fields["place_of_supply"] = drop_state
    if not amounts:
        return fields
    fields["gst_total_tax"] = number(sum((tax.amount for tax in held), Decimal(0)))
    if base := taxable(held):
        fields["taxable_value"] = number(base)
    for kind, amount in amounts.items():
        fields[f"{kind}_amount"] = number(amount)
        if len(rates[kind]) == 1:
            fields[f"{kind}_tax_rate"] = number(next(iter(rates[kind])))
    return fields


def taxable(taxes: Iterable[Tax]) -> Decimal:
    """The taxed amount. CGST and SGST tax the same amount, which counts once."""
    counted = [tax for tax in taxes if kind_of(tax.name) not in ("", "sgst")]
    return sum((tax.base for tax in counted), Decimal(0))


def kind_of(name: str) -> str:
    """cgst, sgst, igst or gst, from names such as "CGST 9%", "IN-KA-SGST-9" or "Output Tax IGST - AT"; "" if none."""
    found = _KIND.search(name)
    if found is None:
        return ""
    kind = (found[1] or found[2]).lower()
    return "sgst" if kind == "utgst" else kind


def _kinds(name: str, seller_gstin: str, drop_state: str) -> list[tuple[str, Decimal]]:
    kind = kind_of(name)
    if kind != "gst":
        return [(kind, Decimal(1))] if kind else []
    seller = GST_STATES.get(seller_gstin[:2], "")
    drop = INDIAN_STATES.get(drop_state.upper(), drop_state)
    if seller and seller.casefold() == drop.casefold():
        return [("cgst", Decimal("0.5")), ("sgst", Decimal("0.5"))]
    return [("igst", Decimal(1))]
