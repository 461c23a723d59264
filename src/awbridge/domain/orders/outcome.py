"""The outcomes of a create-order call: values, not exceptions."""

from __future__ import annotations

from dataclasses import dataclass, field

from awbridge.domain.orders.shipment import Piece


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """ClickPost holds the shipment. `already`: an earlier call placed it, and that call's data apply.

    `shown_*` is what the answer shows of the order, to be compared with the request; None if it shows nothing.
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
    """Accepted and in progress: repeat the same call shortly. Not a failed try."""

    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TryLater:
    """A transient failure. `counts` is False if it must not use up a try (429).

    `unclear`: the answer is not understood. `maybe_placed`: the answer says that the order is known, but not where.
    `silent`: the answer does not say that nothing was placed (a gateway's error, an HTML page, an empty body).
    `courier_silent`: ClickPost has no clear answer from the courier (a timeout, a server error, an undocumented code).
    `refused`: ClickPost says that nothing was placed. `reasoned`: it adds the courier's own reason, so the courier
    received this order and did not accept it.
    """

    message: str
    retry_after: float | None = None
    counts: bool = True
    unclear: bool = False
    maybe_placed: bool = False
    silent: bool = False
    courier_silent: bool = False
    refused: bool = False
    reasoned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AlreadyHeld:
    """Refused because the courier or ClickPost already holds this order; the answer does not name the waybill.

    No other courier may get the order, and the call is not repeated: that could book a second parcel.
    """

    message: str
    code: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """No answer arrived after the request was sent: the order may be placed. The next try settles it."""

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """This payload will never be accepted. `fields` names what to correct, as far as the answer says."""

    message: str
    code: int | None = None
    fields: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Misconfigured:
    """Key, credentials or account are wrong: every order of this account would fail the same way."""

    message: str
    code: int | None = None


Outcome = Placed | Pending | TryLater | AlreadyHeld | Unknown | Rejected | Misconfigured
