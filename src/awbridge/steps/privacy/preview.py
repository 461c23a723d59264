"""What an erasure would touch, before anybody asks for it. Writes nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from awbridge.steps.privacy.erase import find_scope, read_subject
from awbridge.steps.privacy.redaction import concerns
from awbridge.store import Store
from awbridge.store.audit import archive, reports
from awbridge.store.privacy import personal


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasurePreview:
    """What an erasure would touch.

    `ended`: shipments erased at once; `waiting`: those erased once they have ended, both by reference number. `rows`:
    of these tables, those that belong to the ended shipments or name the person; only what is personal in them is
    removed. `files`: files of the archive and reports that are searched.
    """

    ended: tuple[str, ...]
    waiting: tuple[str, ...]
    rows: dict[str, int]
    files: dict[str, int]


async def preview_erasure(*, store: Store, phone: str | None = None, reference: str | None = None) -> ErasurePreview:
    """Find what `ask_erasure` with the same arguments would touch. Raises NotValid if the phone is too short."""
    kind, subject = read_subject(phone, reference)
    scope, waiting = await find_scope(store, kind, subject)
    rows: Counter[str] = Counter()
    for parcel in scope.parcels:
        async with store.read() as session:
            rows.update(await personal.rows_of(session, parcel.reference_number))
    rows["attempts"] += len([1 async for c in personal.unnamed_calls(store) if concerns(scope, c.request + c.response)])
    rows["inbox"] += len(
        [1 async for _, _, body in personal.deliveries(store) if concerns(scope, body.decode("utf-8", "replace"))]
    )
    archived = [file for file in await archive.every(store) if file.archived_at and not file.emptied_at]
    async with store.read() as session:
        reported = [report for report in await reports.newest(session, limit=100_000) if report.object_key]
    return ErasurePreview(
        ended=tuple(sorted(scope.references)),
        waiting=tuple(sorted(waiting)),
        rows=dict(sorted(rows.items())),
        files={"archive_files": len(archived), "reports": len(reported)},
    )
