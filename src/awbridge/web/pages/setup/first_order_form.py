"""The form of the first order: its fields, the order that they make, and what ClickPost would refuse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from awbridge.clickpost.orders.first_order import PLACE_FIELDS, first_order
from awbridge.domain.couriers.allocation_mode import Allocation
from awbridge.domain.errors import AwbridgeError, PayloadRefused, ReferenceTaken
from awbridge.domain.json import JsonObject
from awbridge.steps.orders.reading import configured, read_orders
from awbridge.store.couriers.couriers import CourierAccount
from awbridge.store.engine.database import Session
from awbridge.web.pages.language import gettext, gettext_noop
from awbridge.web.pages.wording import sentence

_PLACE = {
    "name": gettext_noop("Name"),
    "phone": gettext_noop("Phone"),
    "address": gettext_noop("Address"),
    "city": gettext_noop("City"),
    "state": gettext_noop("State of the address"),
    "pincode": gettext_noop("Pincode"),
}
# The sections of the form: each field and its label.
SECTIONS: Mapping[str, Mapping[str, str]] = {
    gettext_noop("Order"): {
        "reference_number": gettext_noop("Reference number"),
        "transporter": gettext_noop("Transporter"),
        "weight": gettext_noop("Weight (g)"),
        "value": gettext_noop("Value (₹)"),
    },
    gettext_noop("Pickup"): {f"pickup_{name}": label for name, label in _PLACE.items()},
    gettext_noop("Drop"): {f"drop_{name}": label for name, label in _PLACE.items()},
}
LONGEST_VALUE = 200  # characters of a field
# Where a field of the order is not called like the form's.
_FIELD_OF = {
    "price": "value",
    "invoice_value": "value",
    "order_id": "reference_number",
    "invoice_number": "reference_number",
}
FIELDS = tuple(name for fields in SECTIONS.values() for name in fields)


def start_values(transporters: Sequence[CourierAccount], now: datetime) -> dict[str, str]:
    """The values that the form starts with."""
    active = [account.transporter for account in transporters if account.active]
    start = {"reference_number": f"TEST-{now:%Y%m%d-%H%M}", "weight": "500", "value": "100"}
    return {**dict.fromkeys(FIELDS, ""), **start, "transporter": active[0] if active else ""}


def order_of(typed: Mapping[str, str], today: date) -> JsonObject:
    """The order of a filled form. A number that cannot be read is 0, which intake refuses by its field."""
    return first_order(
        reference_number=typed["reference_number"],
        transporter=typed["transporter"],
        pickup={name: typed[f"pickup_{name}"] for name in PLACE_FIELDS},
        drop={name: typed[f"drop_{name}"] for name in PLACE_FIELDS},
        weight=_number(typed["weight"]),
        value=_number(typed["value"]),
        today=today,
    )


def too_long(typed: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with texts that are longer than LONGEST_VALUE, by field."""
    text = gettext("At most %s characters, please.") % LONGEST_VALUE
    return {name: text for name, value in typed.items() if len(value) > LONGEST_VALUE}


async def problems_of(session: Session, order: JsonObject, allocation: Allocation) -> dict[str, str]:
    """What is wrong with the order by field, "" for what belongs to none; empty if it can be placed."""
    _, errors = read_orders({0: order}, *await configured(session, allocation))
    return problems_by_field(errors[0]) if errors else {}


def problems_by_field(error: AwbridgeError) -> dict[str, str]:
    """What is wrong with an order that was refused, by field of the form."""
    if not isinstance(error, PayloadRefused):
        return {"reference_number" if isinstance(error, ReferenceTaken) else "": sentence(str(error))}
    found = dict[str, str]()
    for problem in error.problems:
        name = problem.path.rpartition(".")[2]
        field = _FIELD_OF.get(name, name)
        if field not in FIELDS:
            field = ""
        text = f"{problem.path} {problem.problem}" if not field else problem.problem
        found[field] = f"{found[field]}; {text}" if field in found else text
    return found


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        return 0
    return number if 0 < number < 1e9 else 0
