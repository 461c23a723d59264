"""The table `actions`: what people and systems want done at ClickPost, beside registering and cancelling."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from awbridge.domain.json import JsonObject
from awbridge.domain.orders.action import (
    Action,
    ActionEnding,
    ActionState,
    NewAction,
    action_id,
    is_action_id,
    shard_of_action,
)
from awbridge.domain.orders.shipment import shard_of
from awbridge.domain.retry import NotDone
from awbridge.store.engine.database import Row, Session, row_as
from awbridge.store.engine.pages import AFTER_ALL, BEFORE_ALL
from awbridge.store.engine.queries import Queries
from awbridge.store.engine.shards import fetch_of

_sql = Queries(__name__)


def _action(row: Row) -> Action:
    result = json.loads(row["result"]) if row["result"] else None
    return row_as(Action, row, body=json.loads(row["body"]), result=result)


def _text(value: JsonObject) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


async def add(session: Session, new: NewAction, *, now: datetime) -> tuple[Action, bool]:
    """Store an action and return (the stored action, whether it is new). A known key returns the first action."""
    number = action_id(new)
    added = await session.execute(
        _sql.add,
        shard_of_action(number),
        number,
        new.kind.value,
        new.reference_number,
        _text(new.body),
        new.idempotency_key,
        new.state.value,
        now,
    )
    rows = await session.fetch(_sql.get, shard_of_action(number), number)
    return _action(rows[0]), added > 0


async def get(session: Session, number: str) -> Action | None:
    """One action; None when there is none of that id."""
    if not is_action_id(number):
        return None
    rows = await session.fetch(_sql.get, shard_of_action(number), number)
    return _action(rows[0]) if rows else None


async def abandon(session: Session, *, problem: str, now: datetime) -> int:
    """Pickups whose worker never recorded a result become unclear; how many."""
    return await session.execute(_sql.abandon, now, problem)


async def claim(session: Session, *, owner: str, now: datetime, until: datetime, limit: int) -> list[Action]:
    """Take up to `limit` due actions under a lease that ends at `until`. `owner` is new for every claim."""
    return [_action(row) for row in await session.fetch(_sql.claim, owner, until, now, limit)]


async def done(session: Session, number: str, result: JsonObject, *, now: datetime) -> bool:
    """ClickPost did it; False when that was known already."""
    return await session.execute(_sql.done, shard_of_action(number), number, _text(result), now) > 0


async def not_done(session: Session, number: str, owner: str, decided: NotDone[ActionState], *, now: datetime) -> bool:
    """Store the next state; False when the lease was lost (then nothing is written)."""
    return await session.execute(_sql.not_done, shard_of_action(number), number, owner, *decided.columns, now) > 0


async def open_of(session: Session, references: Sequence[str]) -> list[Action]:
    """The actions about these shipments that are to be made or need a person, first asked first."""
    return [_action(row) for row in await fetch_of(session, _sql.open_of_shipments, references)]


async def ended(session: Session, number: str, ending: ActionEnding, *, now: datetime) -> bool:
    """It is over without an answer of its own; False when it was over already."""
    done_at = now if ending.state is ActionState.DONE else None
    changed = await session.execute(
        _sql.ended,
        shard_of_action(number),
        number,
        ending.state.value,
        ending.problem,
        _text(ending.result) if ending.result is not None else None,
        done_at,
        now,
    )
    return changed > 0


async def try_again(session: Session, number: str, *, now: datetime) -> bool:
    """It is due at once, with all its tries; False when it is done or being made at this moment."""
    return await session.execute(_sql.try_again, shard_of_action(number), number, now) > 0


async def of_shipment(session: Session, reference_number: str) -> list[Action]:
    """Every action about a shipment, first asked first."""
    rows = await session.fetch(_sql.of_shipment, shard_of(reference_number), reference_number)
    return [_action(row) for row in rows]


async def page_of_shipment(
    session: Session, reference_number: str, *, after: tuple[datetime, str] | None = None, limit: int
) -> list[Action]:
    """The actions about a shipment that follow the (requested_at, id) `after`, first asked first."""
    key = (shard_of(reference_number), reference_number, *(after or BEFORE_ALL))
    return [_action(row) for row in await session.fetch(_sql.page_of_shipment, *key, limit)]


async def newest(
    session: Session, *, state: ActionState | None = None, before: tuple[datetime, str] | None = None, limit: int
) -> list[Action]:
    """Actions, last asked first; `before` is the (requested_at, id) where the last page ended."""
    at, number = before or AFTER_ALL
    if state is None:
        rows = await session.fetch(_sql.newest, at, number, limit)
    else:
        rows = await session.fetch(_sql.newest_in_state, state.value, at, number, limit)
    return [_action(row) for row in rows]
