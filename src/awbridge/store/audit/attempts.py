"""The table `attempts`: every call to the vendor, secrets masked; and the calls as evidence, with their shipments."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from msgspec import Struct

from awbridge.domain.attempt import AttemptOutcome
from awbridge.domain.call import Call
from awbridge.domain.orders.shipment import shard_of
from awbridge.store.engine.database import Session, row_as
from awbridge.store.engine.ids import Ids
from awbridge.store.engine.packing import packed_texts, whole
from awbridge.store.engine.pages import every_row
from awbridge.store.engine.queries import Queries
from awbridge.store.engine.store import Store

_sql = Queries(__name__)
_ids = Ids()
_LARGEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A stored call. `outcome` is an `AttemptOutcome`, or a word of an older version.

    `payload_version` is the shipment's payload that went out, None where none did.
    """

    id: int
    reference_number: str | None
    api: str
    method: str
    url: str
    request: str = field(repr=False)
    http_status: int | None
    business_status: int | None
    response: str = field(repr=False)
    error: str
    outcome: str
    ms: int
    made_at: datetime
    payload_version: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptCall(Attempt):
    """A call and its shipment. `try_number` counts the calls of this API about this shipment, the first is 1."""

    shard: int
    waybill: str | None
    order_id: str | None
    courier_partner_id: int | None
    account_code: str | None
    transporter: str | None
    state: str | None
    no_of_retries: int | None
    problem: str | None
    try_number: int


def _text(value: str) -> str:
    return value.replace("\x00", "\ufffd")  # PostgreSQL's text holds no NUL


class NewAttempt(Struct, frozen=True, kw_only=True, gc=False):
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


async def add(session: Session, new: Sequence[NewAttempt]) -> None:
    """Store these calls."""
    await session.write_rows(_sql.add, [_row(attempt, attempt.id or _ids.next()) for attempt in new])


def _row(new: NewAttempt, number: int) -> tuple[object, ...]:
    call = new.call
    return (
        shard_of(new.reference_number or str(number)),
        number,
        new.reference_number,
        call.api,
        call.method,
        call.http_status,
        call.business_status,
        _text(call.error),
        str(new.outcome),
        call.ms,
        new.made_at,
        new.payload_version,
        packed_texts(call.url, call.request, call.response, thoroughly=True),
    )


async def of_shipment(session: Session, reference_number: str) -> Sequence[Attempt]:
    """Every call made about a shipment, oldest first."""
    rows = await session.fetch(_sql.of_shipment, shard_of(reference_number), reference_number)
    return [row_as(Attempt, whole(row)) for row in rows]


async def placed_anew(session: Session, reference_number: str, *, after: int, already: int) -> bool:
    """Whether a call with an id from `after` on placed the shipment, other than by the business status `already`."""
    shard = shard_of(reference_number)
    return bool(await session.fetch(_sql.placed_anew, shard, reference_number, after, already))


async def page_of_shipment(session: Session, reference_number: str, *, after: int = 0, limit: int) -> Sequence[Attempt]:
    """The calls made about a shipment that follow the call `after`, oldest first."""
    shard = shard_of(reference_number)
    rows = await session.fetch(_sql.page_of_shipment, shard, reference_number, after, limit)
    return [row_as(Attempt, whole(row)) for row in rows]


async def newest_of_shipment(
    session: Session, reference_number: str, *, before: int | None = None, limit: int
) -> Sequence[Attempt]:
    """The newest calls made about a shipment, or the newest before the call `before`; oldest first."""
    shard = shard_of(reference_number)
    rows = await session.fetch(_sql.newest_of_shipment, shard, reference_number, before or _LARGEST_ID, limit)
    return [row_as(Attempt, whole(row)) for row in reversed(rows)]


async def evidence_of_shipment(session: Session, reference_number: str) -> list[KeptCall]:
    """Every call about a shipment, with the shipment, oldest first."""
    rows = await session.fetch(_sql.evidence_of_shipment, shard_of(reference_number), reference_number)
    return [row_as(KeptCall, whole(row)) for row in rows]


async def of_file(session: Session, file: int) -> list[KeptCall]:
    """The calls that make up a file of the archive, oldest first."""
    return [row_as(KeptCall, whole(row)) for row in await session.fetch(_sql.of_file, file)]


async def failed_between(store: Store, start: datetime, end: datetime) -> AsyncIterator[KeptCall]:
    """Calls from `start` (inclusive) to `end` (exclusive) that may have failed, oldest first, page by page."""
    async for row in every_row(store, _sql.failed_between, start, end, key={"made_at": start, "id": -1}):
        yield row_as(KeptCall, whole(row))
