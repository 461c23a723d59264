"""Checks and completes the bodies of actions on a shipment, reporting every wrong field at once.

What a courier accepts is left to ClickPost. Unknown fields of edits, pickups and registrations pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Annotated, Any, cast

from pydantic import BaseModel, ConfigDict, StrictBool, ValidationError

from awbridge.clickpost.models.base import RequestModel
from awbridge.clickpost.models.edits import OrderEdit
from awbridge.clickpost.models.ndr import NdrUpdate
from awbridge.clickpost.models.orders.order_rules import DELIVERY_TYPES, LONGEST_REFERENCE
from awbridge.clickpost.models.parts import kept
from awbridge.clickpost.models.pickups import IndiaPickupRequest, WorldPickupRequest
from awbridge.clickpost.models.waybills import WaybillV3
from awbridge.clickpost.orders.order_facts import is_cod, phone_tail
from awbridge.clickpost.wire.identifiers import identifier_problems
from awbridge.clickpost.wire.lenient_json import as_id, as_int, as_object, as_text, as_waybill, is_no_waybill
from awbridge.clickpost.wire.plain_json import not_plain
from awbridge.domain.errors import FieldProblem, PayloadRefused
from awbridge.domain.json import JsonObject
from awbridge.domain.nearest import unknown_name
from awbridge.domain.orders.action import ActionKind
from awbridge.domain.orders.shipment import NewShipment, Region, Shipment

_OURS = ("awb_number", "courier_partner")  # fields of an edit that the shipment provides
_OF_ORDER = ("items", "length", "breadth", "height", "weight")  # fields of a world pickup that the order provides
_NDR_FIELDS = ("address", "landmark", "drop_pincode", "phone_number", "preferred_date")
_NDR_NAMES = ("action", "waybill", *_NDR_FIELDS)
_EARLIEST_ZONE = timedelta(hours=14)  # the earliest time zone
# In place of the shipment's own values while a body is checked.
_PLACEHOLDER = {"waybill": "0", "cp_id": 1, "account_code": "0"}


class _EmptyBody(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _LabelBody(_EmptyBody):
    regenerate: Annotated[StrictBool, kept("must be true or false")] = False


class _WhatsAppBody(_EmptyBody):
    enabled: Annotated[StrictBool, kept("must be true or false")]


def checked_body(kind: ActionKind, body: Any, *, now: datetime) -> JsonObject:
    """The body of an edit, label, security key, NDR, WhatsApp or proof action. Raises PayloadRefused."""
    match kind:
        case ActionKind.EDIT:
            return _edit(_object(body))
        case ActionKind.NDR:
            return _ndr(_object(body), now)
        case ActionKind.LABEL:
            return _read(_LabelBody, _object(body))
        case ActionKind.WHATSAPP:
            return _read(_WhatsAppBody, _object(body))
        case ActionKind.SECURITY_KEY | ActionKind.PROOF:
            return _read(_EmptyBody, _object(body))
        case ActionKind.PICKUP | ActionKind.REGISTER:
            raise AssertionError(f"{kind} is checked elsewhere")


def _object(body: Any) -> JsonObject:
    if not isinstance(body, dict):
        raise PayloadRefused([FieldProblem("", "the body is a JSON object")])
    return dict(cast("JsonObject", body))


def _edit(body: JsonObject) -> JsonObject:
    problems = [FieldProblem(name, "is taken from the shipment: leave it out") for name in _OURS if name in body]
    if not body:
        problems = [FieldProblem("", "name at least one field to change, such as order_type")]
    _refuse(problems, _unsendable(body), _problems(OrderEdit, body))
    return body


def _ndr(body: JsonObject, now: datetime) -> JsonObject:
    given = {name: value for name, value in body.items() if value not in (None, "")}
    unknown = [FieldProblem(name, unknown_name(name, _NDR_NAMES)) for name in given if name not in _NDR_NAMES]
    _refuse(unknown, _unsendable(given), _problems(NdrUpdate, {**given, **_PLACEHOLDER}) if not unknown else ())
    if "waybill" in given:
        given["waybill"] = as_waybill(given["waybill"])
        _refuse(
            [] if given["waybill"] else [FieldProblem("waybill", "is not a waybill, or is longer than any waybill")]
        )
    day = given.get("preferred_date")
    if day is not None and (problem := _day_problem(day, now)):
        raise PayloadRefused([FieldProblem("preferred_date", problem)])
    return {name: as_text(value) for name, value in given.items()}


def _day_problem(day: Any, now: datetime) -> str:
    try:
        past = date.fromisoformat(as_text(day)) < (now - _EARLIEST_ZONE).date()
    except ValueError:
        return "must be a day, as YYYY-MM-DD"
    return "is in the past" if past else ""


def ndr_waybill(body: JsonObject) -> str:
    """The waybill that a checked NDR body names; "" for the shipment's own."""
    return as_text(body.get("waybill"))


def ndr_arguments(body: JsonObject) -> dict[str, Any]:
    """The arguments of the client's update_ndr in a checked NDR body."""
    given: dict[str, Any] = {name: body[name] for name in _NDR_FIELDS if name in body}
    if "preferred_date" in given:
        given["preferred_date"] = date.fromisoformat(given["preferred_date"])
    return given


def pickup_body(body: Any, region: Region, *, courier_partner_id: int | None, account_code: str | None) -> JsonObject:
    """The body of a pickup for this courier and account. A known shipment may leave out its waybill.

    Raises PayloadRefused with every wrong field.
    """
    completed = _object(body)
    if region is Region.INDIA:
        completed |= _given(courier_partner=courier_partner_id, account_code=account_code)
        _refuse(_unsendable(completed), _problems(IndiaPickupRequest, completed))
        return completed
    named = _given(courier_partner_id=courier_partner_id, account_code=account_code)
    completed["shipment_details"] = {**_booked(completed), **named}
    _refuse(_unsendable(completed), _problems(WorldPickupRequest, completed))
    return completed


def completed_pickup(body: Any, shipment: Shipment) -> JsonObject:
    """The body of a world pickup; fields that it leaves out are completed from the shipment."""
    order = as_object(shipment.payload.get("shipment_details"))
    known = {name: order[name] for name in _OF_ORDER if name in order} | _given(
        awb_number=shipment.waybill,
        courier_partner_id=shipment.courier_partner_id,
        account_code=shipment.account_code,
    )
    return {**_object(body), "shipment_details": known | _booked(body)}


def _booked(body: Any) -> JsonObject:
    """The shipment that a world pickup names, without a placeholder for a waybill."""
    details = as_object(as_object(body).get("shipment_details"))
    return {name: value for name, value in details.items() if name != "awb_number" or not is_no_waybill(value)}


def pickup_reference(body: Any) -> str | None:
    """The reference number of a world pickup without a waybill; None for any other pickup."""
    details = _booked(body)
    return None if details.get("awb_number") else as_id(details.get("reference_number")) or None


def registration_body(body: Any, *, courier_partner_id: int | None, account_code: str | None) -> JsonObject:
    """The body of awb-register v3, for this courier and account. Raises PayloadRefused with every wrong field."""
    completed = _object(body) | _given(courier_partner=courier_partner_id, account_code=account_code)
    _refuse(_unsendable(completed), _problems(WaybillV3, completed), _registration_problems(completed))
    return completed


def _registration_problems(completed: JsonObject) -> Iterator[FieldProblem]:
    info = as_object(completed.get("shipment_info"))
    reference = as_text(info.get("reference_number"))
    if not 0 < len(reference) <= LONGEST_REFERENCE:
        problem = f"is required, at most {LONGEST_REFERENCE} characters: it identifies the shipment here"
        yield FieldProblem("shipment_info.reference_number", problem)
    if info.get("delivery_type") not in (None, "", *DELIVERY_TYPES):
        yield FieldProblem("shipment_info.delivery_type", f"must be one of {', '.join(DELIVERY_TYPES)}")
    if as_text(completed.get("waybill")) and not as_waybill(completed.get("waybill")):
        yield FieldProblem("waybill", "is not a waybill, or is longer than any waybill")


def registered_shipment(body: JsonObject) -> NewShipment:
    """The shipment of a checked registration. Its payload is the registration."""
    info, additional = as_object(body.get("shipment_info")), as_object(body.get("additional"))
    return NewShipment(
        reference_number=as_text(info["reference_number"]),
        order_id=as_id(info.get("order_id")) or as_id(additional.get("order_id")) or None,
        transporter=None,
        courier_partner_id=as_int(body["courier_partner"]) or 0,
        account_code=as_id(body.get("account_code")) or None,
        region=Region.INDIA,
        delivery_type=as_text(info.get("delivery_type")) or DELIVERY_TYPES[0],
        payload=body,
        phone_tail=phone_tail(body),
        cod=is_cod(body),
    )


def is_registration(payload: JsonObject) -> bool:
    """Whether a payload is the registration of a waybill booked elsewhere rather than an order."""
    return "shipment_info" in payload and "shipment_details" not in payload


def waybill_of(body: JsonObject) -> str:
    """The waybill of a checked registration."""
    return as_waybill(body["waybill"])


def _given(**fields: Any) -> JsonObject:
    return {name: value for name, value in fields.items() if value is not None}


def _read(model: type[BaseModel], body: JsonObject) -> JsonObject:
    _refuse(_problems(model, body))
    return model.model_validate(body).model_dump()


def _unsendable(body: JsonObject) -> list[FieldProblem]:
    found = not_plain(body) or identifier_problems(body)
    return [FieldProblem(_path(problem.loc), problem.problem) for problem in found]


def _problems(model: type[BaseModel | RequestModel], body: JsonObject) -> list[FieldProblem]:
    try:
        model.model_validate(body)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False, include_context=False)
        known = model.model_fields
        return [FieldProblem(_path(e["loc"]), _problem_text(e["type"], e["msg"], e["loc"], known)) for e in details]
    return []


def _path(place: tuple[int | str, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")


def _problem_text(kind: str, message: str, place: tuple[int | str, ...], known: Iterable[str]) -> str:
    if kind == "extra_forbidden":
        return unknown_name(str(place[-1]), known)
    return "is required" if kind == "missing" else message


def _refuse(*found: Iterable[FieldProblem]) -> None:
    if problems := [problem for some in found for problem in some]:
        raise PayloadRefused(problems)
