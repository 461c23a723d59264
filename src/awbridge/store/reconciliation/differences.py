"""The table `differences`: what a reconciliation found, and the outcome."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from awbridge.domain.orders.shipment import shard_of
from awbridge.domain.reconciliation.differences import DifferenceKind, Ours, Theirs
from awbridge.store.engine.database import Row, Session, row_as
from awbridge.store.engine.ids import Ids
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)
_ids = Ids()

Seen = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A finding: what we held and what ClickPost held when it was found. State is `open` or `solved`."""

    id: int
    reconciliation_id: int
    kind: DifferenceKind
    item: str
    reference_number: str | None
    waybill: str | None
    courier_partner_id: int | None
    ours: Seen | None
    theirs: Seen | None
    state: str
    solved_how: str | None
    checks: int
    next_check_at: datetime | None
    pushed_at: datetime | None
    found_at: datetime
    solved_at: datetime | None

    @property
    def their_row(self) -> Theirs:
        """The row of theirs, as it is compared."""
        seen = self.theirs or {}
        at = seen.get("status_at")
        return Theirs(
            line=seen.get("line", 0),
            waybill=seen.get("waybill", ""),
            reference_number=seen.get("reference_number", ""),
            courier_partner_id=seen.get("courier_partner_id"),
            status_code=seen.get("status_code"),
            status_at=datetime.fromisoformat(at) if at else None,
            status_within=timedelta(seconds=seen.get("status_within", 0)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A difference to be kept."""

    kind: DifferenceKind
    ours: Ours | None
    theirs: Theirs | None

    @property
    def item(self) -> str:
        """What it is about: the reference number, else the waybill, else the line of the file."""
        if self.ours:
            return self.ours.reference_number
        assert self.theirs
        return self.theirs.waybill or self.theirs.reference_number


def _seen_ours(ours: Ours) -> dict[str, Any]:
    return {
        "waybill": ours.waybill,
        "courier_partner_id": ours.courier_partner_id,
        "state": ours.state.value,
        "status_code": ours.status_code,
        "status_at": ours.status_at.isoformat() if ours.status_at else None,
        **_description(ours.status_description),
    }


def _seen_theirs(theirs: Theirs) -> dict[str, Any]:
    return {
        "line": theirs.line,
        "waybill": theirs.waybill,
        "reference_number": theirs.reference_number,
        "courier_partner_id": theirs.courier_partner_id,
        "status_code": theirs.status_code,
        "status_at": theirs.status_at.isoformat() if theirs.status_at else None,
        **({"status_within": theirs.status_within.total_seconds()} if theirs.status_within else {}),
        **_description(theirs.status_description),
    }


def _description(text: str) -> dict[str, str]:
    return {"status_description": text} if text else {}


async def add(
    session: Session, reconciliation_id: int, findings: Sequence[Finding], *, check_at: datetime, now: datetime
) -> None:
    """Store findings; those stored already are unchanged. They are checked again from `check_at` on."""
    rows = [_row(reconciliation_id, finding, check_at, now) for finding in findings]
    await session.write_rows(_sql.add, sorted(rows, key=lambda row: row[:4]))


def _row(reconciliation_id: int, finding: Finding, check_at: datetime, now: datetime) -> tuple[Any, ...]:
    ours, theirs = finding.ours, finding.theirs
    return (
        shard_of(finding.item),
        reconciliation_id,
        finding.kind.value,
        finding.item,
        _ids.next(),
        ours.reference_number if ours else (theirs.reference_number if theirs else None) or None,
        (ours.waybill if ours else "") or (theirs.waybill if theirs else "") or None,
        ours.courier_partner_id if ours else (theirs.courier_partner_id if theirs else None),
        json.dumps(_seen_ours(ours), ensure_ascii=False) if ours else None,
        json.dumps(_seen_theirs(theirs), ensure_ascii=False) if theirs else None,
        check_at,
        now,
    )


def _difference(row: Row) -> Difference:
    ours, theirs = (json.loads(row[name]) if row[name] else None for name in ("ours", "theirs"))
    return row_as(Difference, row, ours=ours, theirs=theirs)


async def get(session: Session, reconciliation_id: int, number: int) -> Difference | None:
    """One difference of a run; None when there is none of that id."""
    rows = await session.fetch(_sql.get, reconciliation_id, number)
    return _difference(rows[0]) if rows else None


async def listed(
    session: Session, reconciliation_id: int, *, kind: DifferenceKind | None = None, after: int = 0, limit: int = 100
) -> list[Difference]:
    """Differences of a run in the order of their ids; `after` is the id where the last page ended."""
    if kind is None:
        rows = await session.fetch(_sql.listed, reconciliation_id, after, limit)
    else:
        rows = await session.fetch(_sql.listed_of_kind, reconciliation_id, after, limit, kind.value)
    return [_difference(row) for row in rows]


async def listed_open(
    session: Session, reconciliation_id: int, *, kind: DifferenceKind | None = None, after: int = 0, limit: int = 100
) -> list[Difference]:
    """The open differences of a run in the order of their ids; `after` is the id where the last page ended."""
    chosen = kind.value if kind else ""
    return [_difference(row) for row in await session.fetch(_sql.listed_open, reconciliation_id, after, limit, chosen)]


async def count_open(session: Session, reconciliation_id: int) -> dict[str, int]:
    """How many differences of a run are open, by kind."""
    return {row["kind"]: row["n"] for row in await session.fetch(_sql.count_open, reconciliation_id)}


async def unsolved_since(session: Session, start: datetime) -> int:
    """How many open differences were found before `start` and have not solved themselves; a week at the longest."""
    rows = await session.fetch(_sql.unsolved_since, start)
    return rows[0]["n"]


async def claim(session: Session, *, now: datetime, until: datetime, limit: int) -> list[Difference]:
    """Claim up to `limit` open differences that are due for a check; no other process checks them before `until`."""
    return [_difference(row) for row in await session.fetch(_sql.claim, now, until, limit)]


async def solve(session: Session, difference: Difference, *, how: str, now: datetime) -> bool:
    """Close a difference; False when it is closed already."""
    return await session.execute(_sql.solve, difference.reconciliation_id, difference.id, now, how) > 0


async def check_later(session: Session, difference: Difference, *, at: datetime | None) -> None:
    """Check it again then; None: only on request."""
    await session.execute(_sql.check_later, difference.reconciliation_id, difference.id, at)


async def to_push(session: Session, reconciliation_id: int, *, after: int, limit: int) -> list[Difference]:
    """Open shipments of a run that are missing there and were not pushed again yet."""
    return [_difference(row) for row in await session.fetch(_sql.to_push, reconciliation_id, after, limit)]


async def keep_pushed(session: Session, difference: Difference, *, check_at: datetime, now: datetime) -> None:
    """It is being pushed again; the result is checked at `check_at`."""
    await session.execute(_sql.pushed, difference.reconciliation_id, difference.id, now, check_at)
