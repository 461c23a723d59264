"""Hand-over manifests: the list of parcels that a courier signs when it takes them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A hand-over manifest of one courier account. `number` counts up over all accounts.

    `parcels`: its lines. `cod_total`: what the courier collects, one sum for each currency.
    """

    number: int
    account: str
    courier_partner_id: int
    account_code: str | None
    parcels: int
    cod_total: str
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestLine:
    """A parcel on a manifest. `cod`: the amount to collect, with its currency unless that is the rupee; "" if prepaid.

    `pieces`: its boxes.
    """

    position: int
    reference_number: str
    waybill: str
    pieces: int
    cod: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedLine:
    """A line as printed. The consignee is read from the shipment when the manifest is printed, and not kept with it."""

    line: ManifestLine
    order_id: str
    consignee: str = field(repr=False)
    place: str
    weight: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedManifest:
    """A manifest with all that its paper shows. `courier`: its name and account. `printed_at`: in words."""

    manifest: Manifest
    courier: str
    created_at: str
    lines: Sequence[PrintedLine]


def cod_total(amounts: Iterable[str]) -> str:
    """The sum of amounts as text, one for each currency; an amount that is no number is left out.

    An amount may end with its currency.

    >>> cod_total(["120.00 AED", "90.00 SAR", "", "30.50 AED"])
    '150.50 AED, 90.00 SAR'
    """
    totals: dict[str, Decimal] = {}
    for amount in amounts:
        number, _, currency = amount.partition(" ")
        try:
            value = Decimal(number or "nan")
        except InvalidOperation:
            continue
        if value.is_finite():
            totals[currency] = totals.get(currency, Decimal(0)) + value
    return ", ".join(f"{amount_text(total)} {currency}".strip() for currency, total in totals.items()) or "0.00"


def amount_text(amount: Decimal) -> str:
    """An amount with two decimals, or with more where it has them: the dinars of the Gulf have three."""
    exponent = amount.normalize().as_tuple().exponent
    return f"{amount:.{max(2, -exponent) if isinstance(exponent, int) else 2}f}"
