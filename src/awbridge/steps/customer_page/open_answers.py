"""What customers may answer about the parcels of their pages, for many pages in one statement or a few."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from awbridge.domain.customer_page.answer_rules import AnswerRules
from awbridge.domain.customer_page.answer_view import Asks
from awbridge.domain.customer_page.answerable import shown_about
from awbridge.domain.customer_page.answers import NOT_RECEIVED_WITHIN
from awbridge.domain.orders.shipment import State
from awbridge.domain.tracking.lifecycle import Bucket
from awbridge.domain.tracking.pieces import PieceStatus
from awbridge.steps.records.pieces import pieces_of
from awbridge.store.customer_page import answers
from awbridge.store.customer_page.reading import PageShipment
from awbridge.store.engine.database import Session
from awbridge.store.orders import shipments


async def asks_of(
    session: Session, shown: Collection[PageShipment], *, rules: AnswerRules, now: datetime
) -> dict[str, Asks]:
    """What may be answered about these shipments, by reference number; only those of which something is shown."""
    asked = [s for s in shown if _may_be_asked(s, now)]
    if not asked:
        return {}
    given = await answers.of_shipments(session, [s.reference_number for s in asked])
    pieces = await _pieces(session, asked)
    found: dict[str, Asks] = {}
    for s in asked:
        reference = s.reference_number
        about = shown_about(s, pieces.get(reference, ()), given.get(reference, ()), rules, now)
        if about:
            key = _key(reference)
            found[reference] = Asks(key=key, reference_number=reference, boxes=s.children, about=tuple(about))
    return found


def _may_be_asked(s: PageShipment, now: datetime) -> bool:
    """Whether anything may be shown: for most parcels, their status alone says that nothing is."""
    if s.state is not State.PLACED or s.waybill is None:
        return False
    if s.final:
        delivered = s.status_bucket == Bucket.DELIVERED and s.status_at is not None
        return delivered and now - (s.status_at or now) <= NOT_RECEIVED_WITHIN
    return s.ndr_at is not None or s.status_bucket == Bucket.FAILED_DELIVERY or bool(s.children)


async def _pieces(session: Session, asked: Sequence[PageShipment]) -> Mapping[str, Sequence[PieceStatus]]:
    """The boxes of shipments of several that are on their way."""
    several = [s.reference_number for s in asked if s.children and not s.final]
    return await pieces_of(session, await shipments.get_many(session, several)) if several else {}


def _key(reference_number: str) -> str:
    """The name of a parcel in the forms of a page. It tells nothing of the reference number."""
    return hashlib.blake2b(reference_number.encode(), digest_size=6, person=b"answer").hexdigest()
