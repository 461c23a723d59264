"""Create order: a payload becomes a shipment, a shipment the request, the answer an outcome."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from awbridge.clickpost.orders.courier_fields import without_courier_fields
from awbridge.clickpost.orders.normalize import doubts_about, normalize
from awbridge.clickpost.orders.order_facts import is_cod, phone_tail
from awbridge.clickpost.orders.order_places import (
    delivery_type_of,
    shipment_details,
    value_of,
    with_value,
    without_values,
)
from awbridge.clickpost.orders.payload import check_payload
from awbridge.clickpost.orders.refusals import (
    courier_did_not_answer,
    is_already_held,
    is_data_error,
    is_not_serviceable,
    is_unknown_vendor_code,
    named_fields,
    refusal_text,
)
from awbridge.clickpost.wire.answer_codes import AnswerKind, classify
from awbridge.clickpost.wire.answers import describe
from awbridge.clickpost.wire.lenient_json import Reply, as_id, as_int, as_list, as_object, as_text, as_waybill
from awbridge.clickpost.wire.plain_json import as_number
from awbridge.domain.errors import FieldProblem, PayloadRefused
from awbridge.domain.json import JsonObject
from awbridge.domain.orders.outcome import AlreadyHeld, Misconfigured, Outcome, Pending, Placed, Rejected, TryLater
from awbridge.domain.orders.shipment import NO_COURIER, NORMAL, URGENT, NewShipment, Piece, Region, SettleBy, Shipment

ALREADY_PLACED = 323
REFUSED_BY_COURIER = (319, 354, 420)  # the courier's own refusals; the message gives the reason
_WRONG_VENDOR = "vendor_code names a pickup place that this courier account does not have"
_ANY_COURIER = 1  # passes every check that is about the courier alone


def new_shipment(
    payload: JsonObject,
    *,
    region: Region,
    transporter: str | None,
    courier_partner_id: int | None,
    account_code: str | None,
) -> NewShipment:
    """A shipment from a create-order payload. Courier id and account come from the arguments where given.

    The input is not changed. Raises PayloadRefused with every wrong field.
    """
    addressed = _addressed(payload, courier_partner_id, account_code)
    if not isinstance(addressed, dict):  # pyright: ignore[reportUnnecessaryIsInstance] callers hand on what came in
        raise PayloadRefused(check_payload(addressed, region))
    normalized = normalize(addressed, region)
    order = normalized.order
    problems = [normalized.spelling.of(problem) for problem in check_payload(order, region)]
    if normalized.problems or problems:
        raise PayloadRefused(normalized.problems + problems)
    details, additional = shipment_details(order), as_object(order.get("additional"))
    return NewShipment(
        reference_number=as_text(details["reference_number"]),
        order_id=as_id(value_of(order, "order_id")) or None,
        transporter=transporter,
        courier_partner_id=as_int(details["courier_partner"]) or 0,
        account_code=as_id(value_of(order, "account_code")) or None,
        region=region,
        delivery_type=delivery_type_of(order),
        payload=order,
        priority=_priority(details, additional),
        phone_tail=phone_tail(order),
        cod=is_cod(order),
        warnings=tuple(doubts_about(payload, normalized, region)),
    )


def _priority(details: JsonObject, additional: JsonObject) -> int:
    """Urgent if the payload states it in any of the fields that ClickPost's examples use."""
    given = (details.get("order_priority"), additional.get("order_priority"), additional.get("priority"))
    return URGENT if any(as_text(word).upper() == "URGENT" for word in given) else NORMAL


def repeated_order(
    payload: JsonObject, *, region: Region, courier_partner_id: int | None, account_code: str | None
) -> tuple[JsonObject, list[FieldProblem]] | None:
    """What `new_shipment` would store of a valid order, and its warnings; None if it needs a full check."""
    addressed = _addressed(payload, courier_partner_id, account_code)
    if not isinstance(addressed, dict):  # pyright: ignore[reportUnnecessaryIsInstance] callers hand on what came in
        return None
    normalized = normalize(addressed, region)
    return None if normalized.problems else (normalized.order, doubts_about(payload, normalized, region))


def unallocated_shipment(payload: JsonObject, *, region: Region) -> NewShipment:
    """A shipment from a payload without a courier, checked apart from that. Raises PayloadRefused."""
    checked = new_shipment(payload, region=region, transporter=None, courier_partner_id=_ANY_COURIER, account_code=None)
    order = normalize(_addressed(payload, None, None), region).order
    return replace(checked, courier_partner_id=NO_COURIER, account_code=None, payload=order)


def allocated(
    shipment: NewShipment, *, transporter: str, courier_partner_id: int, account_code: str | None, by: str
) -> NewShipment:
    """The shipment under a courier that was chosen for it. Its payload stays as given.

    Raises PayloadRefused if this courier does not accept it (such as a reference number that is too long).
    """
    new_shipment(
        shipment.payload,
        region=shipment.region,
        transporter=transporter,
        courier_partner_id=courier_partner_id,
        account_code=account_code,
    )
    return replace(
        shipment,
        transporter=transporter,
        courier_partner_id=courier_partner_id,
        account_code=account_code,
        allocated_by=by,
    )


def successor(
    shipment: Shipment, *, reference_number: str, transporter: str, courier_partner_id: int, account_code: str | None
) -> NewShipment:
    """The same parcel as a new order to another courier. Fields of the first courier alone are left out.

    Raises PayloadRefused if the other courier does not accept it.
    """
    addressed = _addressed(shipment.payload, courier_partner_id, None, reference=reference_number)
    return new_shipment(
        without_courier_fields(addressed),
        region=shipment.region,
        transporter=transporter,
        courier_partner_id=courier_partner_id,
        account_code=account_code,
    )


def own_waybill(payload: JsonObject) -> str:
    """The preassigned waybill of a payload; "" if it has none."""
    return as_waybill(value_of(payload, "awb_number"))


def has_own_waybill(shipment: Shipment) -> bool:
    """Whether the payload has a preassigned waybill."""
    return bool(own_waybill(shipment.payload))


def create_order_request(shipment: Shipment) -> JsonObject:
    """The body of create-order for a shipment: its payload, addressed to its current courier and account.

    For a shipment moved from another courier, the fields of that courier alone are left out.
    """
    payload = without_courier_fields(shipment.payload) if was_moved(shipment) else shipment.payload
    order = _addressed(payload, shipment.courier_partner_id, shipment.account_code, reference=shipment.reference_number)
    return order if shipment.account_code is not None else without_values(order, "account_code")


def was_moved(shipment: Shipment) -> bool:
    """Whether a shipment now has another courier or account than its payload was written for."""
    courier = as_int(shipment_details(shipment.payload).get("courier_partner"))
    code = as_id(value_of(shipment.payload, "account_code"))
    if courier is None:
        return False  # the payload names no courier
    return courier != shipment.courier_partner_id or (code or None) != (shipment.account_code or None)


def _addressed(
    payload: JsonObject, courier_partner_id: int | None, account_code: str | None, *, reference: str | None = None
) -> JsonObject:
    """A copy of the payload with courier, account and reference in ClickPost's own terms."""
    if not isinstance(payload, dict) or not shipment_details(payload):  # pyright: ignore[reportUnnecessaryIsInstance]
        return payload
    order = {name: value for name, value in payload.items() if name != "transporter"}
    details = _renamed(shipment_details(order), courier_partner_id, reference)
    addressed = order | {"shipment_details": details} if "shipment_details" in order else details
    return addressed if account_code is None else with_value(addressed, "account_code", account_code)


def _renamed(details: JsonObject, courier_partner_id: int | None, reference: str | None) -> JsonObject:
    renamed = {name: value for name, value in details.items() if name != "transporter"}
    courier = courier_partner_id if courier_partner_id is not None else as_int(details.get("courier_partner"))
    if courier is not None:
        renamed["courier_partner"] = courier
    given = details.get("reference_number")
    if reference or (isinstance(given, str | int) and not isinstance(given, bool)):
        renamed["reference_number"] = reference or str(given).strip()  # checked as given
    return renamed


def parse_create_order(reply: Reply, reference_number: str) -> Outcome:
    """What an answer to create-order means. Never raises; an unforeseen answer is retried as unclear."""
    code = reply.business_status
    answer = classify(reply.http_status, code, is_json=reply.is_json)
    if answer is AnswerKind.SUCCESS and (placed := _placed(reply, reference_number, already=code == ALREADY_PLACED)):
        return placed
    message = describe(reply)
    if answer in _KINDS_WITH_REASON and (read := _outcome_by_text(reply, message, reference_number)):
        return read
    match answer:
        case AnswerKind.SUCCESS:
            message = f"{message}, but the answer holds no waybill"
            return TryLater(message=message, unclear=True, maybe_placed=True)
        case AnswerKind.REGISTERED:
            if _is_about(reply, reference_number) and (placed := _placed(reply, reference_number, already=True)):
                return placed
            message = f"{message}, but the answer holds no waybill of this reference"
            return TryLater(message=message, unclear=True, maybe_placed=True)
        case AnswerKind.PENDING:
            return Pending(message=message)
        case AnswerKind.THROTTLED:
            return TryLater(message=message, retry_after=reply.retry_after, counts=False)
        case AnswerKind.TRANSIENT:
            return TryLater(
                message=message, retry_after=reply.retry_after, silent=_is_silent(reply), courier_silent=True
            )
        case AnswerKind.UNCLEAR:
            refused, by_code = _is_refusal(reply), reply.business_status is not None
            return TryLater(
                message=message,
                retry_after=reply.retry_after,
                unclear=True,
                silent=_is_silent(reply),
                courier_silent=by_code and not refused,
                refused=refused,
                reasoned=refused and _is_reasoned(reply.message),
            )
        case AnswerKind.CONFIGURATION:
            return Misconfigured(message=message, code=code)
        case AnswerKind.PERMANENT:
            return Rejected(message=message, code=code, fields=named_fields(code, reply.message))


_KINDS_WITH_REASON = (
    AnswerKind.UNCLEAR,
    AnswerKind.TRANSIENT,
    AnswerKind.PERMANENT,
)  # whose text may be more precise than the code


def _outcome_by_text(reply: Reply, message: str, reference_number: str) -> Outcome | None:
    """The outcome that the text of a refusal shows and its code does not; None if it shows none."""
    text = refusal_text(reply)
    if is_unknown_vendor_code(text):
        return Misconfigured(message=f"{message}. {_WRONG_VENDOR}", code=reply.business_status)
    if is_already_held(text):
        named = _placed(reply, reference_number, already=True)
        addition = f"; the answer names waybill {named.waybill}" if named else ""
        return AlreadyHeld(message=f"{message}{addition}", code=reply.business_status)
    return None


def _is_refusal(reply: Reply) -> bool:
    """Whether an unclear answer reports the courier's own refusal, so that nothing was placed."""
    return (
        reply.http_status == 200
        and reply.business_status in REFUSED_BY_COURIER
        and not courier_did_not_answer(refusal_text(reply))
    )


def _is_reasoned(message: str) -> bool:
    return is_not_serviceable(message) or is_data_error(message) or bool(named_fields(None, message))


def _is_silent(reply: Reply) -> bool:
    """Whether an answer leaves open whether the order was placed: a gateway's, or one without ClickPost's code."""
    return (
        reply.http_status >= 500 or reply.http_status == 408 or (reply.http_status < 400 and not reply.business_status)
    )


def parse_fetch_order(reply: Reply, reference_number: str = "") -> Placed | None:
    """The order in an answer of fetch-order; None if it has none, or one of another reference number."""
    if classify(reply.http_status, reply.business_status) is not AnswerKind.SUCCESS:
        return None
    if reference_number and not _is_about(reply, reference_number):
        return None
    return _placed(reply, reference_number, already=True)


def placed_differences(shipment: Shipment, placed: Placed) -> list[str]:
    """The differences between the requested order and ClickPost's, as texts for people; [] if there are none.

    An answer shows few fields of an order: only those are compared.
    """
    details = shipment_details(shipment.payload)
    asked_cod, shown_cod = as_number(details.get("cod_value")), as_number(placed.shown_cod_value)
    pairs = (
        ("courier partner", _shown(shipment.courier_partner_id or None), _shown(placed.courier_partner_id)),
        ("account", shipment.account_code, placed.account_code),
        ("reference number", shipment.reference_number, placed.shown_reference),
        ("order id", shipment.order_id, placed.shown_order_id),
    )
    found = [
        f"{name}: requested {asked}, ClickPost holds {held}" for name, asked, held in pairs if _differ(asked, held)
    ]
    if shown_cod is not None and shown_cod != (asked_cod or 0.0):
        found.append(f"COD value: requested {asked_cod or 0:g}, ClickPost holds {shown_cod:g}")
    changed_at, sent_at = shipment.payload_changed_at, shipment.sent_at
    is_first = shipment.settle_by is SettleBy.REPEATING
    if is_first or (placed.already and changed_at and sent_at and sent_at < changed_at):
        found.append(
            "ClickPost had placed an earlier payload of this reference number already and holds that one; "
            "the change did not reach it. Cancel this shipment and send a new one if the change matters."
        )
    return found


def _shown(value: int | None) -> str | None:
    return None if value is None else str(value)


def _differ(asked: str | None, held: str | None) -> bool:
    return bool(asked and held) and asked != held


def _order(reply: Reply, reference_number: str) -> JsonObject:
    """The order in an answer: `result`, or the entry of this reference where `result` is a list."""
    entries = [as_object(entry) for entry in as_list(reply.result)]
    ours = (entry for entry in entries if as_text(entry.get("reference_number")) == reference_number)
    return next(ours, entries[0]) if entries else as_object(reply.result)


def _is_about(reply: Reply, reference_number: str) -> bool:
    body = as_object(reply.body)
    places = (_order(reply, reference_number), body, as_object(body.get("meta")))
    reference = next((text for place in places if (text := as_text(place.get("reference_number")))), "")
    return reference in ("", reference_number)


def _placed(reply: Reply, reference_number: str, *, already: bool) -> Placed | None:
    order, body = _order(reply, reference_number), as_object(reply.body)
    waybill = as_waybill(order.get("waybill")) or as_waybill(body.get("waybill"))
    if not waybill:
        return None
    courier, details = as_int(order.get("courier_partner_id")), as_object(order.get("shipment_details"))
    pieces = _pieces(order, waybill)
    return Placed(
        waybill=waybill,
        already=already,
        courier_partner_id=courier if courier is not None else as_int(order.get("courier_partner")),
        account_code=as_id(order.get("account_code")) or None,
        label_url=_link(order.get("label")),
        sort_code=as_id(order.get("sort_code")) or None,
        security_key=as_id(order.get("security_key")) or None,
        courier_name=as_id(order.get("courier_name")) or None,
        # The id next to the result is ClickPost's own; the result itself may echo the caller's order id.
        vendor_order_id=as_id(body.get("order_id")) or as_id(order.get("order_id")) or None,
        children=tuple(piece.waybill for piece in pieces),
        pieces=pieces,
        shown_reference=as_id(order.get("reference_number")) or None,
        shown_order_id=_echoed_order_id(order, body),
        shown_cod_value=as_id(order.get("cod_value")) or as_id(details.get("cod_value")) or None,
    )


def _echoed_order_id(order: JsonObject, body: JsonObject) -> str | None:
    """The caller's own order id: the result echoes it if there is another id next to the result."""
    inside, outside = as_id(order.get("order_id")), as_id(body.get("order_id"))
    return inside if inside and outside and inside != outside else None


def _pieces(order: JsonObject, main: str) -> tuple[Piece, ...]:
    """The pieces of a multi-piece shipment, each with its label and codes, from the child or its item.

    The second leg of a multi-modal shipment (`waybill1` with `label1`) is a piece too.
    """
    found: dict[str, Piece] = {}
    if (second := as_waybill(order.get("waybill1"))) and second != main:
        found[second] = Piece(waybill=second, label_url=_link(order.get("label1")))
    for child in map(as_object, as_list(order.get("children"))):
        both = {**as_object(child.get("item")), **{name: value for name, value in child.items() if value is not None}}
        waybill = as_waybill(both.get("waybill"))
        if waybill and waybill != main:
            found.setdefault(waybill, _piece(waybill, both))
    return tuple(found.values())


def _piece(waybill: str, child: JsonObject) -> Piece:
    return Piece(
        waybill=waybill,
        label_url=_link(child.get("label")),
        sort_code=as_id(child.get("sort_code")) or None,
        security_key=as_id(child.get("security_key")) or None,
    )


def _link(value: Any) -> str | None:
    """A link that is safe to show: http or https only."""
    text = as_text(value)
    return text if re.match(r"https?://", text, re.IGNORECASE) else None
