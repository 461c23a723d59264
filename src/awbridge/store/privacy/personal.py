"""Where the tables hold personal data: read for an erasure, and written back without it.

A new table with names, phones, addresses or bodies gets its statements here, its part in steps/privacy/erase.py, and a
line in docs/how-to/operate/privacy.md.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from awbridge.domain.orders.shipment import shard_of
from awbridge.domain.privacy import Eraser
from awbridge.store.engine.database import Row, Session, row_as
from awbridge.store.engine.packing import packed, packed_texts, text_of, unpacked, whole
from awbridge.store.engine.pages import every_row
from awbridge.store.engine.queries import Queries, Statement
from awbridge.store.engine.store import Store

_sql = Queries(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParcelTexts:
    """What an erasure must know of a shipment. `ended`: it is delivered, lost, back or cancelled.

    `more`: the bodies of its other payloads, actions and answers, where they were read too.
    """

    shard: int
    reference_number: str
    payload: str = field(repr=False)
    problem: str | None = field(repr=False)
    names: frozenset[str]
    ended: bool
    more: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTexts:
    """The texts of an attempt."""

    shard: int
    id: int
    url: str = field(repr=False)
    request: str = field(repr=False)
    response: str = field(repr=False)
    error: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionTexts:
    """The texts of an action."""

    shard: int
    id: str
    reference_number: str | None
    body: str = field(repr=False)
    result: str | None = field(repr=False)
    problem: str | None = field(repr=False)


def _parcel(row: Row) -> ParcelTexts:
    known = (row["reference_number"], row["waybill"], row["order_id"], *json.loads(row["children"] or "[]"))
    payload = text_of(row, "payload")
    return row_as(ParcelTexts, row, payload=payload, names=frozenset(str(name) for name in known if name))


async def parcels(store: Store) -> AsyncIterator[ParcelTexts]:
    """Every shipment, page by page."""
    async for row in every_row(store, _sql.shipments_page, key={"shard": -1, "reference_number": ""}):
        yield _parcel(row)


async def parcel(session: Session, reference_number: str) -> ParcelTexts | None:
    """One shipment."""
    rows = await session.fetch(_sql.shipment, shard_of(reference_number), reference_number)
    return _parcel(rows[0]) if rows else None


async def rows_of(session: Session, reference_number: str) -> dict[str, int]:
    """How many rows of each table belong to a shipment."""
    [row] = await session.fetch(_sql.rows_of, shard_of(reference_number), reference_number)
    return dict(row)


async def calls_of(session: Session, reference_number: str) -> list[CallTexts]:
    """The texts of every call about a shipment."""
    rows = await session.fetch(_sql.attempts_of, shard_of(reference_number), reference_number)
    return [row_as(CallTexts, whole(row)) for row in rows]


async def unnamed_calls(store: Store) -> AsyncIterator[CallTexts]:
    """The texts of every call that is not about one shipment."""
    async for row in every_row(store, _sql.attempts_unnamed, key={"shard": -1, "id": -1}):
        yield row_as(CallTexts, whole(row))


async def set_call(session: Session, call: CallTexts) -> None:
    """Write the texts of a call back."""
    texts = packed_texts(call.url, call.request, call.response)
    await session.execute(_sql.set_attempt, call.shard, call.id, texts, call.error)


async def deliveries(store: Store) -> AsyncIterator[tuple[int, int, bytes]]:
    """(shard, id, body) of every delivery in the inbox, page by page."""
    async for row in every_row(store, _sql.inbox_page, key={"shard": -1, "id": -1}):
        yield row["shard"], row["id"], unpacked(row["body"])


async def set_body(session: Session, shard: int, delivery: int, body: bytes) -> None:
    """Write the body of a delivery back."""
    await session.execute(_sql.set_body, shard, delivery, packed(body))


async def more_of(session: Session, reference_number: str) -> tuple[str, ...]:
    """The bodies of a shipment's other payloads, of its actions and of its customer's answers."""
    key = (shard_of(reference_number), reference_number)
    versions = [row["payload"] for row in await session.fetch(_sql.versions_of, *key)]
    rows = [*await session.fetch(_sql.actions_of, *key), *await session.fetch(_sql.answers_of, *key)]
    return (*versions, *(row["body"] for row in rows))


async def more_bodies(store: Store) -> AsyncIterator[tuple[str, str]]:
    """(reference number, body) of every kept payload, and every action or answer about a shipment, page by page."""
    by_version = {"shard": -1, "reference_number": "", "version": -1}
    async for row in every_row(store, _sql.versions_page, key=by_version):
        yield row["reference_number"], row["payload"]
    for statement in (_sql.actions_page, _sql.answers_page):
        async for row in every_row(store, statement, key={"shard": -1, "id": ""}):
            yield row["reference_number"], row["body"]


async def strip_versions(session: Session, reference_number: str, eraser: Eraser) -> int:
    """Take the personal data out of a shipment's kept payloads; how many changed."""
    key = (shard_of(reference_number), reference_number)
    changed = 0
    for row in await session.fetch(_sql.versions_of, *key):
        bare = eraser.body(row["payload"]), eraser.text(row["reason"])
        if bare != (row["payload"], row["reason"]):
            changed += await session.execute(_sql.set_version, *key, row["version"], *bare)
    return changed


_WORDS_OF_SCANS = ("remark", "npr_description", "ndr_description")


async def strip_scans(session: Session, reference_number: str, eraser: Eraser) -> int:
    """Take the personal data out of what was written beside the scans of a shipment; how many changed."""
    shard, changed = shard_of(reference_number), 0
    for row in await session.fetch(_sql.words_of_scans, shard, reference_number):
        event = row["return_event"]
        bare = (*(eraser.text(row[name]) for name in _WORDS_OF_SCANS), eraser.body(event) if event else None)
        if bare != (*(row[name] for name in _WORDS_OF_SCANS), event):
            changed += await session.execute(_sql.set_words_of_scan, shard, row["id"], *bare)
    for row in await session.fetch(_sql.words_of_shipment, shard, reference_number):
        bare = (words and eraser.text(words) for words in (row["status_description"], row["ndr_description"]))
        await session.execute(_sql.set_words_of_shipment, shard, reference_number, *bare)
    return changed


async def events_of(store: Store, reference_number: str) -> list[int]:
    """The ids of a shipment's events, read page by page."""
    of_shard = every_row(store, _sql.events_page, shard_of(reference_number), key={"id": -1})
    return [row["id"] async for row in of_shard if row["reference_number"] == reference_number]


async def strip_events(session: Session, reference_number: str, ids: Sequence[int], eraser: Eraser) -> int:
    """Take the personal data out of these events of a shipment and what endpoints answered; how many changed."""
    shard = shard_of(reference_number)
    changed = 0
    for row in map(whole, await session.fetch(_sql.events_with, shard, list(ids))):
        if (bare := eraser.body(row["body"])) != row["body"]:
            changed += await session.execute(_sql.set_event, shard, row["id"], packed_texts(bare))
    problems = await session.fetch(_sql.event_problems_with, shard, list(ids))
    key = ("shard", "event_id", "endpoint_id")
    return changed + await _strip(session, problems, "problem", eraser.text, _sql.set_event_problem, *key)


async def _strip(
    session: Session, rows: Sequence[Row], column: str, erase: Callable[[str], str], write: Statement, *key: str
) -> int:
    """Write a column back without personal data where it had any; how many rows. `write` takes the key and the text."""
    changed = 0
    for row in rows:
        if (erased := erase(row[column])) != row[column]:
            changed += await session.execute(write, *(row[name] for name in key), erased)
    return changed


async def strip_endpoints(session: Session, eraser: Eraser) -> int:
    """Take the personal data out of why endpoints are disabled; how many changed."""
    rows = await session.fetch(_sql.problems_of_endpoints)
    return await _strip(session, rows, "problem", eraser.text, _sql.set_problem_of_endpoint, "id", "problem")


async def strip_alarms(session: Session, eraser: Eraser) -> int:
    """Take the personal data out of the texts of alarms; how many changed."""
    rows = await session.fetch(_sql.texts_of_alarms)
    return await _strip(session, rows, "text", eraser.text, _sql.set_text_of_alarm, "cause", "text")


async def strip_notices(session: Session, reference_number: str, eraser: Eraser) -> int:
    """Remove the personal data from the records of a shipment's messages; how many changed."""
    rows = await session.fetch(_sql.notices_of, shard_of(reference_number), reference_number)
    return await _strip(session, rows, "why", eraser.text, _sql.set_notice, "shard", "id")


async def strip_actions(session: Session, reference_number: str, eraser: Eraser) -> int:
    """Take the personal data out of a shipment's actions; how many changed."""
    rows = await session.fetch(_sql.actions_of, shard_of(reference_number), reference_number)
    return sum([await strip_action(session, row_as(ActionTexts, row), eraser) for row in rows])


async def strip_answers(session: Session, reference_number: str, eraser: Eraser) -> int:
    """Take the personal data out of the answers to a shipment; how many changed."""
    changed = 0
    for row in await session.fetch(_sql.answers_of, shard_of(reference_number), reference_number):
        bare = eraser.body(row["body"]), row["why"] and eraser.text(row["why"])
        if bare != (row["body"], row["why"]):
            changed += await session.execute(_sql.set_answer, row["shard"], row["id"], *bare)
    return changed


async def strip_action(session: Session, action: ActionTexts, eraser: Eraser) -> int:
    """Take the personal data out of one action; 1 where there were any."""
    bare = dataclasses.replace(
        action,
        body=eraser.body(action.body),
        result=action.result and eraser.body(action.result),
        problem=action.problem and eraser.text(action.problem),
    )
    if bare == action:
        return 0
    return await session.execute(_sql.set_action, bare.shard, bare.id, bare.body, bare.result, bare.problem)


async def actions_alone(store: Store, *, before: datetime) -> AsyncIterator[ActionTexts]:
    """Every ended action requested before that belongs to no shipment, page by page."""
    async for row in every_row(store, _sql.actions_alone, before, key={"shard": -1, "id": ""}):
        yield row_as(ActionTexts, row)
