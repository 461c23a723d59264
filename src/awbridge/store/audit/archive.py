"""The table `archive_files`, and which attempt is in which of them.

A file's content is fixed by one transaction that writes its id into its attempts. From then on it can be made again
from the table at any time: a crash archives nothing twice and nothing never.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from awbridge.domain.orders.shipment import SHARDS
from awbridge.store.engine.database import Row, Session, row_as
from awbridge.store.engine.ids import Ids
from awbridge.store.engine.packing import size_of
from awbridge.store.engine.pages import every_row
from awbridge.store.engine.queries import Queries
from awbridge.store.engine.store import Store

_sql = Queries(__name__)
_ids = Ids()

LEFT_OUT = 0  # in place of a file's id: looked at, and not wanted in the archive


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfiled:
    """An attempt that no file holds yet, without its bodies; `size` is their length."""

    shard: int
    id: int
    made_at: datetime
    http_status: int | None
    business_status: int | None
    outcome: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveFile:
    """A stored archive file. `tries` counts uploads, also the one for which it is claimed."""

    id: int
    object_key: str
    calls: int
    bytes: int | None
    sha256: str | None
    tries: int
    problem: str | None
    archived_at: datetime | None
    emptied_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveCounts:
    """The archive in numbers. `unfiled` are calls that were not looked at yet, the oldest made at `oldest_at`.

    `problem` is why a file could not be uploaded, `tries` how often it was tried, `next_try_at` when it is tried again.
    """

    files: int
    archived: int
    open: int
    emptied: int
    calls: int
    bytes: int
    unfiled: int
    oldest_at: datetime | None
    problem: str | None
    tries: int
    next_try_at: datetime | None


async def any_unfiled(session: Session) -> bool:
    """Whether there is an attempt that was not looked at yet."""
    return bool(await session.fetch(_sql.any_unfiled))


async def unfiled(session: Session, *, limit: int) -> list[Unfiled]:
    """Attempts that no file holds yet, oldest first; on PostgreSQL locked until the transaction ends."""
    return [_unfiled(row) for row in await session.fetch(_sql.unfiled, limit)]


def _unfiled(row: Row) -> Unfiled:
    return row_as(Unfiled, row, size=row["size"] + size_of(row["packed_head"] or b"", row["packed_size"]))


async def leave_out(session: Session, calls: Sequence[Unfiled]) -> None:
    """These do not belong into the archive."""
    if calls:
        await session.write_rows(_sql.file, [(c.shard, c.id, LEFT_OUT) for c in calls])


def next_file_id() -> int:
    """The id of a new file."""
    return _ids.next()


async def cut(session: Session, file: int, object_key: str, calls: Sequence[Unfiled], *, now: datetime) -> None:
    """Make one file of these calls, due for upload at once."""
    await session.execute(_sql.add, file, object_key, len(calls), now)
    await session.write_rows(_sql.file, [(c.shard, c.id, file) for c in calls])


async def claim(session: Session, *, now: datetime, until: datetime) -> ArchiveFile | None:
    """Take one file that is due to be uploaded, under a lease."""
    rows = await session.fetch(_sql.claim, now, until)
    return row_as(ArchiveFile, rows[0]) if rows else None


async def archived(session: Session, file: int, *, calls: int, size: int, sha256: str, now: datetime) -> None:
    """The file is in the archive, and what was read back is what was sent."""
    await session.execute(_sql.archived, file, now, calls, size, sha256)


async def failed(session: Session, file: int, *, problem: str, again_at: datetime) -> None:
    """The file could not be uploaded."""
    await session.execute(_sql.failed, file, again_at, problem)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """Files that cannot be uploaded: how many, why, and when one of them is tried next."""

    files: int
    problem: str
    next_try_at: datetime | None


async def failing_since(session: Session, start: datetime) -> Failing | None:
    """The files that were made before `start` and still cannot be uploaded; None where there is none."""
    rows = await session.fetch(_sql.failing_since, start)
    return row_as(Failing, rows[0]) if rows[0]["files"] else None


async def every(store: Store) -> list[ArchiveFile]:
    """Every file, oldest first."""
    return [row_as(ArchiveFile, row) async for row in every_row(store, _sql.page, key={"id": -1})]


async def emptied(session: Session, file: int, *, now: datetime) -> None:
    """The file is about to be removed from the archive: its calls are no longer archived."""
    await session.execute(_sql.emptied, file, now)


async def reopen(session: Session, file: int, *, now: datetime) -> bool:
    """Upload the file again; False if none of its calls is left."""
    return await session.execute(_sql.reopen, file, now) > 0


async def rewritten(session: Session, file: int, *, size: int, sha256: str) -> None:
    """The file was replaced in the archive by one with less in it."""
    await session.execute(_sql.rewritten, file, size, sha256)


async def reexamine_all(store: Store, *, batch: int = 500) -> int:
    """Examine every excluded call again, one batch a transaction; how many."""
    total = 0
    for shard in range(SHARDS):
        while True:
            async with store.write() as session:
                changed = await session.execute(_sql.reexamine, shard, batch)
            total += changed
            if changed < batch:
                break
    return total


async def counts(session: Session) -> ArchiveCounts:
    """The archive in numbers."""
    files = dict((await session.fetch(_sql.counts))[0])
    waiting = (await session.fetch(_sql.waiting))[0]
    failing = await session.fetch(_sql.last_problem)
    return ArchiveCounts(
        **files,
        unfiled=waiting["calls"],
        oldest_at=waiting["oldest_at"],
        problem=failing[0]["problem"] if failing else None,
        tries=failing[0]["tries"] if failing else 0,
        next_try_at=failing[0]["next_try_at"] if failing else None,
    )
