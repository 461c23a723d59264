"""The tables `customer_answers` and `answer_tries`: what customers answer on the page of their parcel."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime

from awbridge.domain.customer_page.answerable import Answerable
from awbridge.domain.customer_page.answers import (
    WRONG_DIGITS,
    WRONG_DIGITS_WITHIN,
    AnswerEnding,
    AnswerState,
    CustomerAnswer,
    Wish,
    answer_id,
)
from awbridge.domain.orders.action import ActionState, is_action_id, shard_of_action
from awbridge.domain.orders.shipment import shard_of
from awbridge.store.engine.database import Row, Session, row_as
from awbridge.store.engine.pages import AFTER_ALL, BEFORE_ALL
from awbridge.store.engine.queries import Queries
from awbridge.store.engine.shards import fetch_of

_sql = Queries(__name__)


def _answer(row: Row) -> CustomerAnswer:
    day = date.fromisoformat(row["day"]) if row["day"] else None
    return row_as(CustomerAnswer, row, day=day, body=json.loads(row["body"]))


async def count_try(session: Session, reference_number: str, *, now: datetime) -> bool:
    """Count a try of the digits; False where too many were made within the hour.

    Whoever counts a try holds the shipment's row until the transaction ends, so that two answers do not cross.
    """
    key = (shard_of(reference_number), reference_number)
    since = now - WRONG_DIGITS_WITHIN
    return await session.execute(_sql.count_try, *key, now, WRONG_DIGITS, since) > 0


async def take_try_back(session: Session, reference_number: str) -> None:
    """The digits were right: the try does not count."""
    await session.execute(_sql.take_try_back, shard_of(reference_number), reference_number)


async def add(
    session: Session, reference_number: str, courier_partner_id: int, wish: Wish, about: Answerable, *, now: datetime
) -> CustomerAnswer:
    """Store an answer, in place of one to the same parcel or box that is not sent yet."""
    shard, number = shard_of(reference_number), answer_id(reference_number)
    await session.execute(_sql.replace, shard, reference_number, about.waybill, now)
    await session.execute(
        _sql.add,
        shard,
        number,
        reference_number,
        about.waybill,
        wish.kind.value,
        wish.day.isoformat() if wish.day else None,
        json.dumps(wish.body, ensure_ascii=False),
        about.about_at,
        courier_partner_id,
        about.ndr_code,
        now,
    )
    [row] = await session.fetch(_sql.get, shard, number)
    return _answer(row)


async def settle(
    session: Session,
    number: str,
    state: AnswerState,
    *,
    action: str | None = None,
    by: str,
    why: str | None = None,
    now: datetime,
) -> bool:
    """Decide on an answer that waits; False where that happened already."""
    key = (shard_of_action(number), number)
    return await session.execute(_sql.settle, *key, state.value, action, by, why, now) > 0


async def follow(session: Session, answer: CustomerAnswer, ending: AnswerEnding, *, now: datetime) -> bool:
    """Keep what became of an answer; False where its state is another one by now."""
    key = (shard_of_action(answer.id), answer.id, answer.state.value)
    return await session.execute(_sql.follow, *key, ending.state.value, ending.why, now) > 0


async def get(session: Session, number: str) -> CustomerAnswer | None:
    """One answer; None when there is none of that id."""
    if not is_action_id(number):  # ids have the same form
        return None
    rows = await session.fetch(_sql.get, shard_of_action(number), number)
    return _answer(rows[0]) if rows else None


async def of_shipments(session: Session, references: Sequence[str]) -> dict[str, list[CustomerAnswer]]:
    """The answers to these shipments by reference number, the oldest first; only shipments that have some."""
    found: dict[str, list[CustomerAnswer]] = {}
    for row in await fetch_of(session, _sql.of_shipments, references):
        found.setdefault(row["reference_number"], []).append(_answer(row))
    return found


async def newest(
    session: Session, *, state: AnswerState | None = None, before: tuple[datetime, str] | None = None, limit: int
) -> list[CustomerAnswer]:
    """Answers, the last received first; `before` is the (received_at, id) where the last page ended."""
    at, number = before or AFTER_ALL
    if state is None:
        rows = await session.fetch(_sql.newest, at, number, limit)
    else:
        rows = await session.fetch(_sql.newest_in_state, state.value, at, number, limit)
    return [_answer(row) for row in rows]


async def waiting(session: Session, *, after: tuple[datetime, str] | None = None, limit: int) -> list[CustomerAnswer]:
    """Answers that wait for an operator, the oldest first; `after` is the (received_at, id) of the last page's end."""
    key = (AnswerState.RECEIVED.value, *(after or BEFORE_ALL))
    return [_answer(row) for row in await session.fetch(_sql.oldest_in_state, *key, limit)]


async def overtaken(session: Session, *, today: date, limit: int) -> list[CustomerAnswer]:
    """Answers that wait, perhaps in vain: their parcel is no longer in the failed delivery, or their day is over."""
    return [_answer(row) for row in await session.fetch(_sql.overtaken, today.isoformat(), limit)]


async def acted_on(
    session: Session, *, refused_since: datetime, limit: int
) -> list[tuple[CustomerAnswer, ActionState | None, str | None]]:
    """Answers whose instruction ended, or is tried again: each with the state and the problem of the instruction.

    `refused_since`: when the oldest refused answer was received whose instruction is looked at.
    """
    sent = await session.fetch(_sql.acted_on, limit)
    rows = [*sent, *await session.fetch(_sql.tried_again, refused_since, limit)]
    return [
        (_answer(row), ActionState(row["action_state"]) if row["action_state"] else None, row["action_problem"])
        for row in rows
    ]
