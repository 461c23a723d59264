"""Rows old enough to delete, table by table, in pages small enough to hold no lock for long.

A new table gets a rule here, or a line in STAYS that says why its rows stay.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from awbridge.store.audit.archive import ArchiveFile
from awbridge.store.customer_page import links
from awbridge.store.engine.database import Session, row_as
from awbridge.store.engine.ids import first_id
from awbridge.store.engine.packing import packed_texts, text_of
from awbridge.store.engine.partitions import FAMILIES
from awbridge.store.engine.queries import Queries, Statement

_sql = Queries(__name__)


@dataclass(frozen=True, slots=True)
class RetainedTable:
    """A table with retention: how a page of a shard is read by id, and how rows and their dependents are deleted.

    `months`: the tables that have the same partitions of months on PostgreSQL. `needed`: whether a row of such a month
    must be kept.
    """

    name: str
    page: Statement
    drops: tuple[tuple[str, Statement], ...]
    months: tuple[str, ...] = ()
    needed: Statement | None = None


@dataclass(frozen=True, slots=True)
class Diary:
    """A small table of awbridge's own records, whose old rows one statement finds and deletes.

    `by_day`: its rows are days. `by_id`: its ids grow with time, and old ones are found by them. `least`: days that are
    kept regardless of the settings.
    """

    name: str
    drop: Statement
    by_day: bool = False
    by_id: bool = False
    least: int = 0


_CALLS, _EVENTS = FAMILIES

CALLS = RetainedTable("attempts", _sql.calls_page, (("attempts", _sql.calls_drop),), _CALLS, _sql.calls_needed)
ARCHIVED_CALLS = RetainedTable(
    "attempts",
    _sql.archived_calls_page,
    (("attempts", _sql.archived_calls_drop),),
    _CALLS,
    _sql.archived_calls_needed,
)
INBOX = RetainedTable(
    "inbox", _sql.inbox_page, (("inbox", _sql.inbox_drop), ("update_sources", _sql.update_sources_drop))
)
SCANS = RetainedTable("scans", _sql.scans_page, (("promises", _sql.promises_drop), ("scans", _sql.scans_drop)))
NOTICES = RetainedTable("notices", _sql.notices_page, (("notices", _sql.notices_drop),))
EVENTS = RetainedTable(
    "events",
    _sql.events_page,
    (("event_deliveries", _sql.event_deliveries_drop), ("events", _sql.events_drop)),
    _EVENTS,
    _sql.events_needed,
)

DIARIES = (
    Diary("runs", _sql.runs_drop),
    Diary("replays", _sql.replays_drop),
    Diary("catch_up_windows", _sql.windows_drop, least=8),
    Diary("alarms", _sql.alarms_drop),
    Diary("digests", _sql.digests_drop, by_day=True),
    Diary("sessions", _sql.sessions_drop),
    Diary("answer_tries", _sql.answer_tries_drop),
)
AUDIT_LOG = Diary("audit_log", _sql.audit_log_drop, by_id=True)

ANSWERS = Diary("customer_answers", _sql.answers_drop)
LABELS = Diary("labels", _sql.labels_drop)
MANIFESTS = (
    Diary("print_lines", _sql.print_lines_drop),
    Diary("print_runs", _sql.print_runs_drop),
    Diary("manifest_lines", _sql.manifest_lines_drop),
    Diary("manifests", _sql.manifests_drop),
)

STAYS = {
    "shipments": "the register of what was shipped, without personal data after their days; no reference is used twice",
    "payload_versions": "as the shipments, and stripped with them",
    "waybills": "whose a waybill is must be known whenever news of it comes",
    "reused_waybills": "as waybills, of the few that a courier used again",
    "milestones": "a milestone is sent once, also after a replay or a late webhook",
    "erasures": "the record that personal data was erased",
    "opt_outs": "who wants no messages gets none, for ever",
    "inbox_batches": "gone as soon as their deliveries are applied",
    "arrivals": "8 days, by the step that watches whether webhooks come",
    "reconciliation_files": "gone as soon as they are matched",
    "courier_accounts": "set by you, a row each",
    "courier_warnings": "what the last comparison found",
    "courier_comparisons": "one row",
    "allocation_rules": "set by you, a row each",
    "account_states": "one row for each courier account",
    "downtimes": "set by you, a row each",
    "account_wakes": "one row for each account and process",
    "account_figures": "one row for each account",
    "paces": "one row for each kind of call",
    "clock_marks": "one row",
    "restores": "a row for each restore of the database",
    "figure_samples": "two rows",
    "processes": "a day after the process ended",
    "track_links": "as the shipments; those of erased ones go with the erasure, and the page says when a link expires",
    "track_link_progress": "two rows",
    "saved_views": "set by you, a row each",
    "endpoints": "set by you, a row each",
    "webhook_keys": "set by you, a row each",
    "webhook_refusals": "one row for each reason",
    "people": "set by you, a row each",
    "accounts": "set by you, a row each",
    "api_keys": "set by you, a row each; the audit log names revoked ones",
}
"""Tables without days of their own here, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OldRow:
    """A row of such a table. `settled`: no longer needed (archived, applied, sent, or its shipment has ended)."""

    id: int
    noted_at: datetime
    settled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OldPayload:
    """The payload of a shipment that has ended. `more`: it had other payloads, actions, or answers."""

    shard: int
    reference_number: str
    payload: str = field(repr=False)
    problem: str | None = field(repr=False)
    created_at: datetime
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OldAction:
    """An action requested long ago. `settled`: no longer needed."""

    shard: int
    id: str
    requested_at: datetime
    settled: bool


async def page(session: Session, table: RetainedTable, shard: int, *, after: int, limit: int) -> list[OldRow]:
    """Rows of a shard by id, oldest first."""
    rows = await session.fetch(table.page, shard, after, limit)
    return [row_as(OldRow, row) for row in rows]


async def drop(session: Session, table: RetainedTable, shard: int, ids: Sequence[int]) -> Counter[str]:
    """Delete these rows, as far as they still may go, and what hangs on them; how many, by table."""
    return Counter({name: await session.execute(statement, shard, list(ids)) for name, statement in table.drops})


async def is_month_needed(session: Session, table: RetainedTable, *, first: int, end: int, before: datetime) -> bool:
    """Whether a row with an id from `first` up to `end` must be kept, or was noted after `before`. For PostgreSQL."""
    assert table.needed
    return (await session.fetch(table.needed, first, end, before))[0]["needed"]


async def drop_diary(session: Session, diary: Diary, *, before: datetime, limit: int) -> int:
    """Delete up to `limit` rows of a diary from before; how many."""
    first_kept = before.date().isoformat() if diary.by_day else first_id(before) if diary.by_id else before
    return await session.execute(diary.drop, first_kept, limit)


async def old_actions(
    session: Session, *, before: datetime, keyed_before: datetime, after: tuple[datetime, str], limit: int
) -> list[OldAction]:
    """Actions requested before, oldest first; `after` is the (requested_at, id) where the last page ended.

    Those with an idempotency key are settled from `keyed_before` on: until then the key counts.
    """
    rows = await session.fetch(_sql.actions_page, *after, before, limit, keyed_before)
    return [row_as(OldAction, row) for row in rows]


async def drop_action(session: Session, action: OldAction) -> int:
    """Delete an action unless it was retried; how many."""
    return await session.execute(_sql.actions_drop, action.shard, action.id)


async def old_reconciliations(session: Session, *, before: datetime, after: int, limit: int) -> list[int]:
    """Ids of reconciliations that were over before then and are looked at no more."""
    return [row["id"] for row in await session.fetch(_sql.reconciliations_page, after, before, limit)]


async def drop_differences(session: Session, reconciliation_id: int, *, limit: int) -> int:
    """Delete up to `limit` differences of a reconciliation; how many."""
    return await session.execute(_sql.differences_drop, reconciliation_id, limit)


async def drop_reconciliation(session: Session, reconciliation_id: int) -> int:
    """Delete a reconciliation that has no differences any more; how many."""
    return await session.execute(_sql.reconciliation_drop, reconciliation_id)


async def old_archive_files(session: Session, *, before: datetime, after: int, limit: int) -> list[ArchiveFile]:
    """Files archived before then whose calls have been deleted."""
    rows = await session.fetch(_sql.archive_files_page, after, before, limit)
    return [row_as(ArchiveFile, row) for row in rows]


async def drop_archive_file(session: Session, number: int) -> int:
    """Forget a file of the archive; how many."""
    return await session.execute(_sql.archive_file_drop, number)


async def ended_payloads(
    session: Session, *, before: datetime, after: tuple[datetime, str], limit: int
) -> list[OldPayload]:
    """Payloads of shipments created before, that have ended and still hold personal data."""
    rows = await session.fetch(_sql.ended_payloads, before, *after, limit)
    return [row_as(OldPayload, row, payload=text_of(row, "payload")) for row in rows]


async def set_payload(
    session: Session, shard: int, reference_number: str, *, payload: str, problem: str | None, now: datetime
) -> None:
    """Keep a payload without personal data, and forget the end of the phone number. The customer's link goes too."""
    for row in await session.fetch(_sql.set_payload, shard, reference_number, packed_texts(payload), problem, now):
        await links.drop(session, reference_number, row["link_generation"] or 0)
