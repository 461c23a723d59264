"""The columns in which lists and exports show shipments: their names, titles and values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from awbridge.clickpost.orders.order_places import place_of
from awbridge.clickpost.wire.tracking_codes import COURIER_NAMES, ndr_name, status_name
from awbridge.domain.customer_page.links import NO_LINKS, TrackLinks
from awbridge.domain.nearest import unknown_name
from awbridge.domain.orders.shipment import Shipment
from awbridge.domain.privacy import without_people


@dataclass(frozen=True, slots=True, kw_only=True)
class Showing:
    """How values are shown: times local to `zone`, with its offset; `links` to the customer's page."""

    zone: ZoneInfo
    links: TrackLinks = NO_LINKS


_Read = Callable[[Shipment, Showing], str | int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column. `read`: the value of a shipment, as text or a number. `is_shown`: unless others are chosen."""

    title: str
    read: _Read
    is_shown: bool = False


def problem_of(shipment: Shipment) -> str:
    """Why it is not placed, without personal data in ClickPost's text; "" if there is no problem."""
    return without_people(shipment.problem, shipment.payload) if shipment.problem else ""


def courier_name(courier_partner_id: int, account_code: str | None = None) -> str:
    """The courier's name and account code; "" while none is allocated."""
    if not courier_partner_id:
        return ""
    name = COURIER_NAMES.get(courier_partner_id, f"courier {courier_partner_id}")
    return f"{name} · {account_code}" if account_code else name


def _local(at: datetime | None, zone: ZoneInfo) -> str:
    return at.astimezone(zone).isoformat(timespec="seconds") if at else ""


def _drop(shipment: Shipment, name: str) -> str:
    value = place_of(shipment.payload, "drop").get(name)
    return str(value) if isinstance(value, str | int) else ""


def _yes_or_no(value: bool | None) -> str:
    return {True: "yes", False: "no", None: ""}[value]


COLUMNS: Mapping[str, Column] = {
    "reference": Column(title="Reference", read=lambda s, _: s.reference_number, is_shown=True),
    "order": Column(title="Order", read=lambda s, _: s.order_id or ""),
    "awb": Column(title="AWB", read=lambda s, _: s.waybill or "", is_shown=True),
    "courier": Column(
        title="Courier", read=lambda s, _: courier_name(s.courier_partner_id, s.account_code), is_shown=True
    ),
    "transporter": Column(title="Transporter", read=lambda s, _: s.transporter or ""),
    "state": Column(title="State", read=lambda s, _: s.state.value, is_shown=True),
    "problem": Column(title="Problem", read=lambda s, _: problem_of(s)),
    "status": Column(title="Status", read=lambda s, _: status_name(s.status_code, s.status_description), is_shown=True),
    "status_at": Column(title="Last scan", read=lambda s, how: _local(s.status_at, how.zone)),
    "ndr": Column(title="NDR reason", read=lambda s, _: ndr_name(s.ndr_code, s.ndr_description or "")),
    "edd": Column(title="EDD", read=lambda s, _: s.edd or "", is_shown=True),
    "cod": Column(title="COD", read=lambda s, _: _yes_or_no(s.cod)),
    "type": Column(title="Type", read=lambda s, _: s.delivery_type),
    "pincode": Column(title="Pincode", read=lambda s, _: _drop(s, "pincode") or _drop(s, "postal_code")),
    "retries": Column(title="Retries", read=lambda s, _: s.no_of_retries),
    "received": Column(title="Received", read=lambda s, how: _local(s.created_at, how.zone), is_shown=True),
    "placed": Column(title="Placed", read=lambda s, how: _local(s.placed_at, how.zone)),
    "track_url": Column(title="Customer's page", read=lambda s, how: how.links.url(s) or ""),
}
SHOWN = tuple(name for name, column in COLUMNS.items() if column.is_shown)


def read_columns(text: str) -> tuple[str, ...]:
    """The columns of a list such as `reference,awb,state`, in their own order; SHOWN of an empty text.

    Raises ValueError for an unknown name. The reference number is always among them.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in COLUMNS:
            raise ValueError(unknown_name(name, COLUMNS))
    return tuple(name for name in COLUMNS if name in names or name == "reference") if names else SHOWN


def values(shipment: Shipment, columns: Sequence[str], how: Showing) -> list[str | int]:
    """A shipment in these columns."""
    return [COLUMNS[name].read(shipment, how) for name in columns]
