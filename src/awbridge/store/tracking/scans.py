"""The table `scans`: the timeline of every shipment, each scan once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter, itemgetter
from typing import NamedTuple

from awbridge.domain.orders.shipment import shard_of
from awbridge.domain.tracking.returns import ReturnEvent, from_text, to_text
from awbridge.domain.tracking.scan import SOURCES
from awbridge.domain.tracking.timeline import Entry
from awbridge.store.engine.database import Row, Session, row_as
from awbridge.store.engine.ids import Ids
from awbridge.store.engine.queries import Queries, Statement
from awbridge.store.engine.shards import fetch_of

_sql = Queries(__name__)
_ids = Ids()


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineScan:
    """A stored scan of a timeline."""

    waybill: str
    courier_partner_id: int | None
    status_code: int
    status: str
    remark: str
    location: str
    ndr_code: int | None
    scanned_at: datetime
    received_at: datetime
    source: str
    scan_id: str | None
    checkpoint_id: str | None
    npr_code: int | None
    npr_description: str
    description: str
    ndr_description: str
    return_event: ReturnEvent | None


async def entries(session: Session, references: Sequence[str]) -> dict[str, list[Entry]]:
    """The timelines of these shipments in order of arrival, by reference number."""
    return await _timelines(session, _sql.entries, references, _entry)


async def for_matching(session: Session, references: Sequence[str]) -> dict[str, list[Entry]]:
    """The same without texts and couriers, which matching does not need."""
    return await _timelines(session, _sql.for_matching, references, _known)


async def _timelines(
    session: Session, statement: Statement, references: Sequence[str], made: Callable[[Row], Entry]
) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {reference: [] for reference in references}
    for row in await fetch_of(session, statement, references):
        found[row["reference_number"]].append(made(row))
    return found


class IncomingScan(NamedTuple):
    """An incoming scan, as far as it can match stored ones."""

    reference_number: str
    scan_id: str | None
    checkpoint_id: str | None
    fingerprint: str
    part: str


async def alike(session: Session, incoming: Sequence[IncomingScan]) -> dict[str, list[Entry]]:
    """What may be one with these scans, as `for_matching` has it, by reference number: most often nothing."""
    found: dict[str, dict[int, Entry]] = {one.reference_number: {} for one in incoming}
    rows = [(t[0], shard_of(t[0]), *t[1:]) for t in incoming]
    for row in await session.fetch_rows(_sql.alike, rows):
        found[row["reference_number"]][row["id"]] = _known(row)
    return {reference: sorted(entries.values(), key=_by_arrival) for reference, entries in found.items()}


def _by_arrival(entry: Entry) -> tuple[datetime, int]:
    return entry.received_at, entry.id


def _known(row: Row) -> Entry:
    # Apply reads every timeline that it updates: rows are read without an intermediate dictionary.
    return Entry(
        id=row["id"],
        fingerprints=tuple(row["fingerprint"].split(" ")),
        scan_id=row["scan_id"],
        checkpoint_id=row["checkpoint_id"],
        ndr_code=row["ndr_code"],
        waybill=row["waybill"],
        code=row["status_code"],
        scanned_at=row["scanned_at"],
        received_at=row["received_at"],
        source=SOURCES[row["source"]],
        npr_code=row["npr_code"],
        npr_description=row["npr_description"],
    )


def _entry(row: Row) -> Entry:
    known = _known(row)
    known.courier_partner_id = row["courier_partner_id"]
    known.status, known.remark, known.location = row["status"], row["remark"], row["location"]
    known.description, known.ndr_description = row["description"], row["ndr_description"]
    known.return_event = from_text(row["return_event"])
    return known


def _identity(reference_number: str, entry: Entry) -> str:
    """Unique within the table; two scans of one shipment that say the same but carry two ids are two."""
    if entry.scan_id:
        own = f"id:{entry.scan_id}"
    elif entry.checkpoint_id:
        own = f"cp:{entry.checkpoint_id}"
    else:
        own = f"fp:{entry.fingerprints[0]}"
    return f"{reference_number}\x1f{own}"


async def add(session: Session, new: Sequence[tuple[str, Entry]]) -> None:
    """Put scans on the timelines of these reference numbers. An entry that has an id keeps it."""
    # Ids grow in the order in which scans are added, which orders scans of the same moment.
    ids = _ids.take(len(new))
    keyed = [(shard_of(r), _identity(r, e), e.id or own, r, e) for own, (r, e) in zip(ids, new, strict=True)]
    plain: list[tuple[object, ...]] = []
    others: list[tuple[object, ...]] = []
    for shard, identity, row_id, reference, e in sorted(keyed, key=_key):
        row = (
            shard,
            row_id,
            reference,
            identity,
            " ".join(e.fingerprints),
            e.scan_id,
            e.checkpoint_id,
            e.waybill,
            e.courier_partner_id,
            e.code,
            e.status,
            e.remark,
            e.location,
            e.scanned_at,
            e.received_at,
            e.source.value,
        )
        if _more(e) == _NO_MORE:
            plain.append(row)
        else:
            others.append((*row, *_more(e)[:-1], to_text(e.return_event)))
    await session.write_rows(_sql.add_plain, plain)
    await session.write_rows(_sql.add, others)


_key = itemgetter(0, 1)
_more = attrgetter("ndr_code", "npr_code", "npr_description", "description", "ndr_description", "return_event")
_NO_MORE = (None, None, "", "", "", None)


async def learn(session: Session, reference_number: str, entry: Entry) -> None:
    """A later copy of a stored scan carried what the first one lacked: an id, the reason of a failure, a location."""
    shard, fingerprint = shard_of(reference_number), " ".join(entry.fingerprints)
    ids = (entry.scan_id, entry.checkpoint_id)
    reasons = (entry.ndr_code, fingerprint, entry.npr_code, entry.npr_description)
    words = (entry.location, entry.remark, entry.ndr_description)
    await session.execute(_sql.learn, shard, entry.id, *ids, *reasons, *words)


async def remove(session: Session, gone: Sequence[tuple[str, Entry]]) -> None:
    """Take entries off the timelines of these reference numbers."""
    await session.write_rows(_sql.remove, [(shard_of(reference), entry.id) for reference, entry in gone])


async def timeline(session: Session, reference_number: str) -> list[TimelineScan]:
    """A shipment's scans, oldest first."""
    rows = await session.fetch(_sql.timeline, shard_of(reference_number), reference_number)
    return [replace(row_as(TimelineScan, row), return_event=from_text(row["return_event"])) for row in rows]
