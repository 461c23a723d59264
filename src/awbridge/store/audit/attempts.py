"""The table `attempts`: every call to the vendor, secrets masked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from awbridge.domain.attempt import AttemptOutcome
from awbridge.domain.call import Call
from awbridge.domain.orders.shipment import shard_of
from awbridge.store.engine.database import Row, Session, row_as
from awbridge.store.engine.ids import Ids
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)
_ids = Ids()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A call as it was kept. `outcome` is an `AttemptOutcome`, or a word of an older version.

    `payload_version` is the shipment's payload that went out, None where none did."""

    id: int
    reference_number: str | None
    api: str
    method: str
    url: str
    request: str
    http_status: int | None
    business_status: int | None
    response: str
    error: str
    outcome: str
    ms: int
    made_at: datetime
    payload_version: int | None


def _text(value: str) -> str:
    return value.replace("\x00", "\ufffd")  # PostgreSQL's text holds no NUL


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAttempt:
    """A call to be kept. `id` is its row's, where it has one already: it is kept once, however often it is given."""

    call: Call
    reference_number: str | None
    outcome: AttemptOutcome
    made_at: datetime
    payload_version: int | None = None
    id: int | None = None


def new_id() -> int:
    """An id for a call that is written down later."""
    return _ids.next()


async def add(
    session: Session,
    call: Call,
    *,
    reference_number: str | None,
    outcome: AttemptOutcome,
    made_at: datetime,
    payload_version: int | None = None,
) -> None:
    """Keep one call."""
    new = NewAttempt(
        call=call,
        reference_number=reference_number,
        outcome=outcome,
        made_at=made_at,
        payload_version=payload_version,
    )
    await add_many(session, [new])


async def add_many(session: Session, new: Sequence[NewAttempt]) -> None:
    """Keep these calls."""
    await session.write_rows(_sql.add, [_row(attempt, attempt.id or _ids.next()) for attempt in new])


def _row(new: NewAttempt, number: int) -> tuple[object, ...]:
    call = new.call
    return (
        shard_of(new.reference_number or str(number)),
        number,
        new.reference_number,
        call.api,
        call.method,
        call.url,
        _text(call.request),
        call.http_status,
        call.business_status,
        _text(call.response),
        _text(call.error),
        str(new.outcome),
        call.ms,
        new.made_at,
        new.payload_version,
    )


async def of_shipment(session: Session, reference_number: str) -> Sequence[Attempt]:
    """Every call made about a shipment, oldest first."""
    rows: list[Row] = await session.fetch(_sql.of_shipment, shard_of(reference_number), reference_number)
    return [row_as(Attempt, row) for row in rows]
