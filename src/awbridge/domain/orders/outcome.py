"""What came of a call that registers a shipment: values, not exceptions."""

from __future__ import annotations

from dataclasses import dataclass, field

from awbridge.domain.orders.shipment import Piece


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """ClickPost holds the shipment. `already` says that an earlier call had placed it (its data stand).

    `shown_*` is what the answer shows of the order itself, to be held against what was asked; None where it shows
    nothing.
    """

    waybill: str
    already: bool = False
    courier_partner_id: int | None = None
    account_code: str | None = None
    label_url: str | None = None
    sort_code: str | None = None
    security_key: str | None = None
    courier_name: str | None = None
    vendor_order_id: str | None = None
    children: tuple[str, ...] = ()
    pieces: tuple[Piece, ...] = ()
    shown_reference: str | None = None
    shown_order_id: str | None = None
    shown_cod_value: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """Accepted, still being worked on: repeat the same call a little later. Not a failed try."""

    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TryLater:
    """It failed for a reason that passes. `counts` is False where it must not use up a try (429).

    `unclear`: nobody knows what to make of the answer. `maybe_placed`: it says that the order is known, but not where.
    `silent`: it does not say that nothing was placed (a gateway's error, a page, an empty body). `unheard`: ClickPost
    itself has no clear answer of the courier's (a timeout, an error of its server, a code that is not documented).
    `refused`: it says in ClickPost's own words that nothing was placed. `reasoned`: and the courier's own reason why,
    so that the courier was asked for this order and has not taken it.
    """

    message: str
    retry_after: float | None = None
    counts: bool = True
    unclear: bool = False
    maybe_placed: bool = False
    silent: bool = False
    unheard: bool = False
    refused: bool = False
    reasoned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AlreadyHeld:
    """It was refused because the courier (or ClickPost) holds this order already; the answer does not say as what.

    No other courier may get it, and the call is not repeated: that could book a second parcel.
    """

    message: str
    code: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """No answer came after the request had gone out: the order may stand. The next try settles it."""

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """This payload will never be accepted. `fields` names what to mend, as far as the answer told."""

    message: str
    code: int | None = None
    fields: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Misconfigured:
    """Key, credentials or account are at fault: every order of this account would fail the same way."""

    message: str
    code: int | None = None


Outcome = Placed | Pending | TryLater | AlreadyHeld | Unknown | Rejected | Misconfigured
