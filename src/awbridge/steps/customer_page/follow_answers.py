"""Follow: keeps what became of customers' answers, by their instructions and by tracking."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

import structlog

from awbridge.domain.customer_page.answerable import is_open
from awbridge.domain.customer_page.answers import REFUSED_FOR, AnswerEnding, CustomerAnswer, followed
from awbridge.steps.records.pieces import pieces_of
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.customer_page import answers
from awbridge.store.engine.database import Session
from awbridge.store.orders import shipments

log = structlog.get_logger()

BATCH = 500


async def follow_answers(*, store: Store, clock: Clock, zone: ZoneInfo) -> int:
    """Keep the end of up to a batch of answers; how many changed. `zone`: of the days that customers choose."""
    now = clock()
    today = now.astimezone(zone).date()
    async with store.read() as session:
        endings = [*await _by_tracking(session, today), *await _by_actions(session, today, now)]
    if not endings:
        return 0
    changed = 0
    async with store.write() as session:
        for answer, ending in sorted(endings, key=lambda pair: pair[0].id):
            changed += await answers.follow(session, answer, ending, now=now)
    for answer, ending in endings:
        log.info("answer.followed", answer=answer.id, kind=answer.kind.value, state=ending.state.value)
    return changed


_Ending = tuple[CustomerAnswer, AnswerEnding]


async def _by_tracking(session: Session, today: date) -> list[_Ending]:
    found = await answers.overtaken(session, today=today, limit=BATCH)
    about = {s.reference_number: s for s in await shipments.get_many(session, _references(found))}
    pieces = await pieces_of(session, list(about.values()))
    endings: list[_Ending] = []
    for answer in found:
        shipment = about.get(answer.reference_number)
        boxes = pieces.get(answer.reference_number, ())
        may_still = shipment is not None and is_open(answer.waybill, shipment, boxes)
        if ending := followed(answer, None, None, may_still=may_still, today=today):
            endings.append((answer, ending))
    return endings


async def _by_actions(session: Session, today: date, now: datetime) -> list[_Ending]:
    found = await answers.acted_on(session, refused_since=now - REFUSED_FOR, limit=BATCH)
    endings = [(a, followed(a, state, problem, may_still=True, today=today)) for a, state, problem in found]
    return [(answer, ending) for answer, ending in endings if ending]


def _references(found: Sequence[CustomerAnswer]) -> list[str]:
    return sorted({answer.reference_number for answer in found})
