"""The table `labels`: label PDFs, due to be fetched, fetched, or not to be had."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from awbridge.domain.handover.labels import LabelKey, StoredLabel, WantedLabel
from awbridge.domain.orders.shipment import shard_of
from awbridge.store.engine.database import Row, Session, row_as
from awbridge.store.engine.queries import Queries
from awbridge.store.engine.shards import fetch_of

_sql = Queries(__name__)


def _label(row: Row) -> StoredLabel:
    return row_as(StoredLabel, row, key=LabelKey(row["reference_number"], row["piece"]))


async def want(session: Session, wanted: Sequence[WantedLabel], *, now: datetime) -> None:
    """These labels are needed: those not held with this link are due now."""
    rows = [
        (shard_of(w.key.reference_number), w.key.reference_number, w.key.piece, w.waybill, w.url, now) for w in wanted
    ]
    await session.write_rows(_sql.want, sorted(rows, key=lambda row: row[:3]))


async def hurry(session: Session, reference_number: str, *, now: datetime) -> None:
    """A person waits for the labels of this shipment: what is tried again later is tried now."""
    await session.execute(_sql.hurry, shard_of(reference_number), reference_number, now)


async def claim(session: Session, *, owner: str, now: datetime, until: datetime, limit: int) -> list[StoredLabel]:
    """Take due labels under a lease, the longest due first."""
    return [_label(row) for row in await session.fetch(_sql.claim, owner, until, now, limit)]


async def claim_of(
    session: Session, references: Sequence[str], *, owner: str, now: datetime, until: datetime
) -> list[StoredLabel]:
    """Take the due labels of these shipments under a lease. Those that another worker holds are left out."""
    found: list[StoredLabel] = []
    for reference in sorted(set(references), key=lambda name: (shard_of(name), name)):
        rows = await session.fetch(_sql.claim_of, shard_of(reference), reference, owner, until, now)
        found += map(_label, rows)
    return found


async def record(session: Session, label: StoredLabel, content: bytes | None, *, now: datetime) -> bool:
    """Store a claimed label as it is now, with its PDF or the problem; False where its lease was lost."""
    key = (shard_of(label.key.reference_number), label.key.reference_number, label.key.piece, label.lease_owner)
    if content is None:
        state = (None, label.problem, label.tries, label.next_try_at, label.refreshed_at, None)
    else:
        state = (len(content), None, label.tries, None, label.refreshed_at, now)
    return await session.execute(_sql.record, *key, label.url, content, *state) > 0


async def of_shipments(session: Session, references: Sequence[str]) -> dict[str, list[StoredLabel]]:
    """The labels of shipments by reference number, without their content."""
    found: dict[str, list[StoredLabel]] = {}
    for row in await fetch_of(session, _sql.of_shipments, references):
        found.setdefault(row["reference_number"], []).append(_label(row))
    return found


async def contents(session: Session, references: Sequence[str]) -> dict[LabelKey, bytes]:
    """The PDFs of shipments."""
    rows = await fetch_of(session, _sql.contents, references)
    return {LabelKey(row["reference_number"], row["piece"]): bytes(row["content"]) for row in rows}


async def ahead(
    session: Session, *, since: datetime, accounts: Sequence[str] | None, after: tuple[datetime, str], limit: int
) -> list[tuple[datetime, str]]:
    """(placed_at, reference number) of shipments placed since, oldest first, none of whose labels is known.

    `accounts`: of these courier accounts; None: of all.
    """
    rows = await session.fetch(_sql.ahead, since, accounts is None, *after, list(accounts or ()), limit)
    return [(row["placed_at"], row["reference_number"]) for row in rows]


async def drop_of(session: Session, reference_number: str) -> int:
    """Delete the labels of a shipment; how many."""
    return await session.execute(_sql.drop_of, shard_of(reference_number), reference_number)
