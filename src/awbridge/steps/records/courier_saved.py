"""Records in the audit log which transporters were added or changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from awbridge.domain.people.audited import AuditAction
from awbridge.store.couriers.couriers import CourierAccount
from awbridge.store.engine.database import Session
from awbridge.store.people import audit_log


async def record_saved(
    session: Session, existing: Mapping[str, CourierAccount], saved: Sequence[CourierAccount], *, now: datetime
) -> None:
    """Record each transporter that differs from the existing one of its name, with what differs."""
    for account in saved:
        after, known = asdict(account), existing.get(account.transporter)
        before = asdict(known) if known else {}
        changed = {name: value for name, value in after.items() if before.get(name) != value}
        if changed:
            was = {name: before[name] for name in changed if name in before}
            await audit_log.record(
                session, AuditAction.COURIER_SAVED, account.transporter, before=was or None, after=changed, now=now
            )
