"""The table `scans`: the timeline of every shipment, each scan once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter, itemgetter
from struct import Struct
from typing import NamedTuple

from awbridge.domain.orders.shipment import shard_of
from awbridge.domain.tracking.returns import ReturnEvent, from_text, to_text
from awbridge.domain.tracking.scan import HASH_LENGTH, PART_MARK, SOURCES, Scan
from awbridge.domain.tracking.timeline import Entry
from awbridge.store.engine.database import Row, Session, row_as
from awbridge.store.engine.ids import Ids
from awbridge.store.engine.queries import Queries, Statement
from awbridge.store.engine.shards import fetch_of
from awbridge.store.tracking.inbox import Delivery

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
        fingerprints=_wordings(row["fingerprint"]),
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
        copies=copies_of(row["copies"]) if row["copies"] else (),
    )


def _wordings(stored: str) -> tuple[str, ...]:
    found = stored.split(" ")
    if len(stored) > _USUAL:  # more than one wording, or longer hashes, of an older version
        found = [one[: HASH_LENGTH + one.startswith(PART_MARK)] for one in found]
    return tuple(found)


_USUAL = 2 * HASH_LENGTH + 2  # characters of a fingerprint and a marked part


_COPY = Struct(">Bq")  # the shard and the id of a delivery


def copies_of(stored: bytes) -> tuple[tuple[int, int], ...]:
    """The deliveries, each by its shard and id, in a value of the column `copies`."""
    return tuple(_COPY.iter_unpack(stored))


def _stored_copies(entry: Entry) -> bytes | None:
    return b"".join(_COPY.pack(*copy) for copy in entry.copies) or None


def _entry(row: Row) -> Entry:
    known = _known(row)
    known.courier_partner_id = row["courier_partner_id"]
    known.status, known.remark, known.location = row["status"], row["remark"], row["location"]
    known.description, known.ndr_description = row["description"], row["ndr_description"]
    known.return_event = from_text(row["return_event"])
    return known


class JoinedScan(NamedTuple):
    """A new scan with nothing unusual, its delivery, and the EDD that this stated, if it is the newest."""

    reference_number: str
    scan: Scan
    fingerprint: str  # as it is stored
    delivery: Delivery
    edd: str | None


def _joined_row(row_id: int, joined: JoinedScan) -> tuple[object, ...]:
    reference, scan, fingerprint, delivery, edd = joined
    return (
        shard_of(reference),
        row_id,
        reference,
        fingerprint,
        scan.scan_id,
        scan.checkpoint_id,
        scan.waybill,
        scan.courier_partner_id,
        scan.code,
        scan.status,
        scan.remark,
        scan.location,
        scan.scanned_at,
        delivery.received_at,
        delivery.source.value,
        delivery.id,
        delivery.shard,
        edd,
    )


async def add(session: Session, new: Sequence[tuple[str, Entry]], joined: Sequence[JoinedScan] = ()) -> None:
    """Put scans on the timelines of these reference numbers. An entry that has an id keeps it.

    The caller has locked the shipments, and knows that none of these is stored.
    """
    # Ids grow in the order in which scans are added, which orders scans of the same moment.
    ids = _ids.take(len(new) + len(joined))
    plain = [_joined_row(row_id, one) for row_id, one in zip(ids[len(new) :], joined, strict=True)]
    others: list[tuple[object, ...]] = []
    for own, (reference, e) in zip(ids, new, strict=False):
        row = (
            shard_of(reference),
            e.id or own,
            reference,
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
            e.delivery[1] if e.delivery else None,
            e.delivery[0] if e.delivery else None,
            e.edd,
        )
        if _more(e) == _NO_MORE:
            plain.append(row)
        else:
            others.append((*row, *_more(e)[:-2], to_text(e.return_event), _stored_copies(e)))
    await session.add_rows(_sql.add_plain, sorted(plain, key=_key))
    await session.add_rows(_sql.add, sorted(others, key=_key))


_key = itemgetter(0, 2, 1)  # as the index has them


_more = attrgetter(
    *("ndr_code", "npr_code", "npr_description", "description", "ndr_description", "return_event", "copies")
)
_NO_MORE = (None, None, "", "", "", None, ())


async def learn(session: Session, changed: Sequence[tuple[str, Entry]]) -> None:
    """Later copies of scans on these timelines carried what the first ones lacked, or are stored with them.

    An id, the reason of a failure, a location; or nothing but that they came.
    """
    rows = [
        (
            shard_of(reference),
            e.id,
            e.scan_id,
            e.checkpoint_id,
            e.ndr_code,
            " ".join(e.fingerprints),
            e.npr_code,
            e.npr_description,
            e.location,
            e.remark,
            e.ndr_description,
            _stored_copies(e),
        )
        for reference, e in changed
    ]
    if rows:
        await session.write_rows(_sql.learn, sorted(rows, key=_shard_and_id))


_shard_and_id = itemgetter(0, 1)


async def remove(session: Session, gone: Sequence[tuple[str, Entry]]) -> None:
    """Take entries off the timelines of these reference numbers. What is stored with them gets rows of its own."""
    rows = [(shard_of(reference), entry.id) for reference, entry in gone]
    # As they are stored: a rebuilt entry that takes the place of its row knows of no copies.
    copies = {
        (row["shard"], row["reference_number"], number, shard)
        for row in await session.fetch_rows(_sql.copies_of, rows)
        for shard, number in copies_of(row["copies"])
    }
    await session.write_rows(_sql.keep_copies, sorted(copies))
    for statement in (_sql.keep_sources, _sql.keep_promises, _sql.remove) if rows else ():
        await session.write_rows(statement, rows)


async def timeline(session: Session, reference_number: str) -> list[TimelineScan]:
    """A shipment's scans, oldest first."""
    rows = await session.fetch(_sql.timeline, shard_of(reference_number), reference_number)
    return [replace(row_as(TimelineScan, row), return_event=from_text(row["return_event"])) for row in rows]
