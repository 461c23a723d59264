"""The list of shipments as the pages name it in URLs: its query, the tabs, and what it is filtered by in words."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from urllib.parse import urlencode

from pydantic import ValidationError

from awbridge.clickpost.wire.answer_codes import ANSWER_NAMES
from awbridge.clickpost.wire.tracking_codes import ndr_name
from awbridge.domain.errors import FieldProblem, PayloadRefused
from awbridge.domain.orders.attention import Need
from awbridge.domain.orders.listing import ListKind
from awbridge.domain.orders.shipment import State
from awbridge.steps.orders.list_query import FILTERS, LISTS, BucketName
from awbridge.steps.orders.shipment_columns import courier_name
from awbridge.web.pages.language import gettext as _
from awbridge.web.pages.language import gettext_noop
from awbridge.web.v1.shipments.lists import ShipmentQuery

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """A list that can be chosen: its parameter and value, and its texts. `need`: what counts it."""

    name: str
    parameter: str
    value: str
    title: str
    need: Need | None = None

    @property
    def url(self) -> str:
        """Its page."""
        return f"/shipments?{self.parameter}={self.value}"


def _list(name: str, kind: ListKind, title: str, need: Need | None = None) -> Tab:
    return Tab(name=name, parameter=kind.value, value="true", title=title, need=need)


def _state(state: State, name: str, title: str, need: Need | None = None) -> Tab:
    return Tab(name=name, parameter="state", value=state.value, title=title, need=need)


TABS = (
    _state(
        State.REJECTED,
        gettext_noop("Rejected"),
        gettext_noop("Rejected: correct the payload, then retry"),
        Need.REJECTED,
    ),
    _state(State.GAVE_UP, gettext_noop("Gave up"), gettext_noop("Retries exhausted"), Need.GAVE_UP),
    _state(State.HELD, gettext_noop("Held"), gettext_noop("Held while the courier account has an incident"), Need.HELD),
    _list(gettext_noop("NDR"), ListKind.NDR, gettext_noop("Open failed deliveries (NDR), oldest first"), Need.NDR),
    _list(gettext_noop("Late"), ListKind.LATE, gettext_noop("Past the expected date, most overdue first"), Need.LATE),
    _list(
        gettext_noop("Stuck"), ListKind.STUCK, gettext_noop("Without a scan for too long, longest first"), Need.STUCK
    ),
    _list(
        gettext_noop("Pieces"),
        ListKind.PIECES,
        gettext_noop("A piece is lost, damaged or returning, oldest first"),
        Need.PIECES,
    ),
    _list(
        gettext_noop("Not cancelled"),
        ListKind.NOT_CANCELLED,
        gettext_noop("Cancellation refused or given up, oldest first"),
        Need.CANCEL_REFUSED,
    ),
    _list(gettext_noop("Silent"), ListKind.SILENT, gettext_noop("No longer polled, for lack of updates")),
)
STATE_NAMES: Mapping[State, str] = {
    State.ALLOCATING: gettext_noop("Allocating"),
    State.READY: gettext_noop("Ready"),
    State.WAITING: gettext_noop("Waiting"),
    State.RETRYING: gettext_noop("Retrying"),
    State.HELD: gettext_noop("Held"),
    State.PLACED: gettext_noop("Placed"),
    State.REJECTED: gettext_noop("Rejected"),
    State.GAVE_UP: gettext_noop("Gave up"),
    State.CANCELLED: gettext_noop("Cancelled"),
}
BUCKET_NAMES: Mapping[str, str] = dict(
    zip(
        [bucket.value for bucket in BucketName],
        (
            *(gettext_noop("Order placed"), gettext_noop("Shipped"), gettext_noop("In transit")),
            *(gettext_noop("Out for delivery"), gettext_noop("Failed delivery"), gettext_noop("Delivered")),
            *(gettext_noop("Returned"), gettext_noop("Lost"), gettext_noop("Damaged")),
        ),
        strict=True,
    )
)
PARAMETERS = (*LISTS, *FILTERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedOnList:
    """What was typed and chosen on the page of a list, shown again with what is wrong with it.

    `problems`: by the name of the field. `to`: the transporter of a move.
    """

    problems: Mapping[str, str] = field(default_factory=dict[str, str])
    view_name: str = ""
    references: Collection[str] = ()
    all: bool = False
    to: str = ""


def read_query(given: Mapping[str, str]) -> tuple[dict[str, str], ShipmentQuery]:
    """The parameters of a list without empty ones, as a form sends those of fields left alone; and what they mean.

    Raises PayloadRefused that names each wrong value.
    """
    parameters = {name: value for name in (*PARAMETERS, "cursor") if (value := given.get(name, "").strip())}
    try:
        return parameters, ShipmentQuery.model_validate({**parameters, "limit": PAGE_SIZE})
    except ValidationError as error:
        problems = [
            FieldProblem(".".join(map(str, e["loc"])), str(e["msg"]).removeprefix("Value error, "))
            for e in error.errors(include_url=False)
        ]
        raise PayloadRefused(problems) from None


def list_url(parameters: Mapping[str, str], *, without: str = "", path: str = "/shipments") -> str:
    """The URL of a list from its first page on, without one of its parameters."""
    left = {name: value for name, value in parameters.items() if name not in (without, "cursor")}
    return f"{path}?{urlencode(left)}" if left else path


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """One thing that a list is filtered by, in words. `url`: the list without it."""

    text: str
    url: str


def chips(parameters: Mapping[str, str], tabs: Sequence[Tab] = TABS) -> list[Chip]:
    """What a list is filtered by, apart from the tab."""
    in_tabs = {(tab.parameter, tab.value) for tab in tabs}
    return [
        Chip(text=_WORDS[name](value), url=list_url(parameters, without=name))
        for name, value in parameters.items()
        if name in _WORDS and (name, value) not in in_tabs
    ]


def _day(text: str) -> Callable[[str], str]:
    def worded(value: str) -> str:
        try:
            day = date.fromisoformat(value)
        except ValueError:
            return _(text) % value
        return _(text) % f"{day.day} {_(day.strftime('%b'))} {day.year}"

    return worded


def _code(text: str, name_of: Callable[[int], str]) -> Callable[[str], str]:
    return lambda value: _(text) % f"{value} {name_of(int(value))}".strip()


def _text(text: str) -> Callable[[str], str]:
    return lambda value: _(text) % value


_WORDS: Mapping[str, Callable[[str], str]] = {
    "state": lambda value: _("State: %s") % _(STATE_NAMES[State(value)]),
    "waybill": _text(gettext_noop("AWB %s")),
    "order_id": _text(gettext_noop("Order %s")),
    "q": _text(gettext_noop("“%s”")),
    "phone_tail": _text(gettext_noop("Phone ends in %s")),
    "courier": lambda value: courier_name(int(value)),
    "account": lambda value: account_name(value),  # noqa: PLW0108 defined below
    "bucket": lambda value: _(BUCKET_NAMES[value]),
    "failure_code": _code(gettext_noop("Failed with %s"), lambda code: ANSWER_NAMES.get(code, "")),
    "ndr_code": _code(gettext_noop("NDR %s"), ndr_name),
    "cod": lambda value: _("COD") if value in ("true", "True", "1", "yes") else _("Prepaid"),
    "delivery_type": lambda value: _("Returns (RVP)") if value == "RVP" else _("To customers"),
    "created_from": _day(gettext_noop("Received from %s")),
    "created_to": _day(gettext_noop("Received until %s")),
    "older_than_days": _text(gettext_noop("Older than %s days")),
    "newer_than_days": _text(gettext_noop("Of the last %s days")),
    "promised_from": _day(gettext_noop("Promised from %s")),
    "promised_to": _day(gettext_noop("Promised until %s")),
}


def account_name(key: str) -> str:
    """A courier account such as "4:main" in words."""
    courier, _colon, code = key.partition(":")
    return courier_name(int(courier), code or None) if courier.isascii() and courier.isdecimal() else key
