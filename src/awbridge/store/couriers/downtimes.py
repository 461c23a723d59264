"""The table `downtimes`: when nothing may go to a courier or an account of it."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime, time

from awbridge.domain.couriers.downtime import Downtime
from awbridge.domain.people.audited import AuditAction
from awbridge.store.engine.database import Row, Session, row_as
from awbridge.store.engine.ids import Ids
from awbridge.store.engine.queries import Queries
from awbridge.store.people import audit_log

_sql = Queries(__name__)
_ids = Ids()


def _downtime(row: Row) -> Downtime:
    return row_as(
        Downtime,
        row,
        weekdays=frozenset(int(day) for day in row["weekdays"] or ""),
        starts=time.fromisoformat(row["starts"]) if row["starts"] else None,
        ends=time.fromisoformat(row["ends"]) if row["ends"] else None,
    )


async def add(session: Session, downtime: Downtime, *, now: datetime) -> Downtime:
    """Declare a downtime; the same with its new id."""
    added = replace(downtime, id=_ids.next())
    await session.execute(
        _sql.add,
        added.id,
        added.courier_partner_id,
        added.account,
        added.from_at,
        added.to_at,
        "".join(str(day) for day in sorted(added.weekdays)) or None,
        added.starts.isoformat("minutes") if added.starts else None,
        added.ends.isoformat("minutes") if added.ends else None,
        added.zone,
        added.reason,
        now,
    )
    after = {name: value for name, value in asdict(added).items() if value}
    await audit_log.record(session, AuditAction.DOWNTIME_ADDED, added.id, after=after, now=now)
    return added


async def open_ones(session: Session, *, now: datetime) -> list[Downtime]:
    """Every downtime that is not over for good, oldest declaration first."""
    return [_downtime(row) for row in await session.fetch(_sql.open_ones, now)]


async def remove(session: Session, number: int) -> bool:
    """Take a downtime back; False when there is none of this id."""
    if not await session.execute(_sql.remove, number):
        return False
    await audit_log.record(session, AuditAction.DOWNTIME_REMOVED, number)
    return True
