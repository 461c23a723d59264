"""What a customer may answer now about a parcel, or about one box of several, and what the page shows of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from awbridge.domain.customer_page.answer_rules import AnswerHandling, AnswerRules
from awbridge.domain.customer_page.answers import (
    AFTER_FAILURE,
    NOT_RECEIVED_WITHIN,
    AnswerState,
    CustomerAnswer,
    CustomerAnswerKind,
)
from awbridge.domain.orders.shipment import State
from awbridge.domain.tracking.lifecycle import Bucket
from awbridge.domain.tracking.pieces import PieceStatus

RETURN = "RVP"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answerable:
    """What may be answered now about a parcel, or about one box (`waybill`) of several; `last`: the last answer to it.

    `kinds` is empty while the last answer stands, or the rules hide every answer.
    """

    waybill: str
    about_at: datetime
    ndr_code: int | None
    kinds: tuple[CustomerAnswerKind, ...]
    last: CustomerAnswer | None = None


class AnswerableShipment(Protocol):
    """What decides whether a shipment may be answered about."""

    @property
    def state(self) -> State: ...
    @property
    def waybill(self) -> str | None: ...
    @property
    def replaced_by(self) -> str | None: ...
    @property
    def cancel_requested_at(self) -> datetime | None: ...
    @property
    def delivery_type(self) -> str: ...
    @property
    def courier_partner_id(self) -> int: ...
    @property
    def status_bucket(self) -> int | None: ...
    @property
    def status_at(self) -> datetime | None: ...
    @property
    def final(self) -> bool: ...
    @property
    def ndr_at(self) -> datetime | None: ...
    @property
    def ndr_code(self) -> int | None: ...
    @property
    def created_at(self) -> datetime: ...


def answerable(
    shipment: AnswerableShipment,
    pieces: Sequence[PieceStatus],
    answers: Sequence[CustomerAnswer],
    rules: AnswerRules,
    now: datetime,
) -> list[Answerable]:
    """What may be answered about a shipment now: as a whole, or for each box whose delivery failed.

    `pieces`: the boxes of a multi-piece shipment, empty for one parcel. `answers`: those to the shipment so far, the
    oldest first.
    """
    if not _is_asked(shipment):
        return []
    found: list[Answerable] = []
    if shipment.status_bucket == Bucket.FAILED_DELIVERY and shipment.ndr_at:
        found.append(_after_failure("", shipment.ndr_at, shipment.ndr_code))
    elif not shipment.final:
        for piece in pieces:
            if piece.ndr_at and piece.failures:
                found.append(_after_failure(piece.waybill, piece.ndr_at, piece.failures[-1].ndr_code))
    elif shipment.status_bucket == Bucket.DELIVERED and shipment.status_at and now <= _reportable_until(shipment):
        kinds = (CustomerAnswerKind.NOT_RECEIVED,)
        found.append(Answerable(waybill="", about_at=shipment.status_at, ndr_code=None, kinds=kinds))
    return [_allowed(one, shipment.courier_partner_id, answers, rules) for one in found]


def _reportable_until(shipment: AnswerableShipment) -> datetime:
    return (shipment.status_at or shipment.created_at) + NOT_RECEIVED_WITHIN


def _is_asked(shipment: AnswerableShipment) -> bool:
    is_on_its_way = shipment.state is State.PLACED and shipment.waybill and not shipment.replaced_by
    return bool(is_on_its_way and not shipment.cancel_requested_at and shipment.delivery_type.upper() != RETURN)


def _after_failure(waybill: str, at: datetime, ndr_code: int | None) -> Answerable:
    return Answerable(waybill=waybill, about_at=at, ndr_code=ndr_code, kinds=AFTER_FAILURE)


def _allowed(one: Answerable, courier: int, answers: Sequence[CustomerAnswer], rules: AnswerRules) -> Answerable:
    """The same with the last answer to it, and without the kinds that may not be given now."""
    mine = [answer for answer in answers if answer.waybill == one.waybill and answer.state is not AnswerState.REPLACED]
    # One that is not sent yet stands for a later failed delivery too; the others are about their own.
    is_late = one.kinds == (CustomerAnswerKind.NOT_RECEIVED,)
    mine = [a for a in mine if (a.kind is CustomerAnswerKind.NOT_RECEIVED) == is_late]
    last = next((a for a in reversed(mine) if a.about_at == one.about_at or a.state is AnswerState.RECEIVED), None)
    stands = last is not None and last.state in (AnswerState.SENT, AnswerState.DONE)
    if stands or (is_late and last is not None):
        return replace(one, kinds=(), last=last)
    kinds = tuple(k for k in one.kinds if rules.handling(courier, one.ndr_code, k) is not AnswerHandling.OFF)
    return replace(one, kinds=kinds, last=last)


def shown_about(
    shipment: AnswerableShipment,
    pieces: Sequence[PieceStatus],
    answers: Sequence[CustomerAnswer],
    rules: AnswerRules,
    now: datetime,
) -> list[Answerable]:
    """What the page shows: what may be answered now; else, on its way, what became of the last answer."""
    found = answerable(shipment, pieces, answers, rules, now)
    if found or shipment.final or not _is_asked(shipment):
        return found
    last = next((answer for answer in reversed(answers) if answer.state is not AnswerState.REPLACED), None)
    if last is None:
        return []
    return [Answerable(waybill=last.waybill, about_at=last.about_at, ndr_code=last.ndr_code, kinds=(), last=last)]


def is_open(waybill: str, shipment: AnswerableShipment, pieces: Iterable[PieceStatus]) -> bool:
    """Whether the failed delivery of a shipment, or of one of its boxes, is still open."""
    if shipment.final or shipment.state is not State.PLACED:
        return False
    if waybill and waybill != shipment.waybill:
        return any(piece.waybill == waybill and piece.ndr_at for piece in pieces)
    return shipment.status_bucket == Bucket.FAILED_DELIVERY
