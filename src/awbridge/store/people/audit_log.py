"""The table `audit_log`: who did what, recorded in the transaction of the action.

It holds no data of customers: a changed payload is recorded by its version and the names of the changed fields, an
address that opted out by its hash.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from awbridge.domain.people.actor import ActorKind, current_actor
from awbridge.domain.people.audited import AuditAction
from awbridge.store.engine.clocks.shared_time import SHARED_TIME
from awbridge.store.engine.database import Row, Session, row_as
from awbridge.store.engine.ids import Ids
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)
_ids = Ids()

NEWEST = 2**63 - 1  # above every id
LONGEST_SUBJECT = 300  # characters

Values = Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """One action. `before` and `after`: what it changed; None if it has no such side."""

    id: int
    recorded_at: datetime
    actor_kind: ActorKind
    actor: str
    action: str
    subject: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


async def record(
    session: Session,
    action: AuditAction,
    subject: object,
    *,
    before: Values = None,
    after: Values = None,
    now: datetime | None = None,
) -> None:
    """Record an action of the current actor in its own transaction. Without an actor, nothing: a background loop acts.

    `now`: by default the time of the database. Pass no personal data of customers.
    """
    actor = current_actor()
    if actor is None:
        return
    named = str(subject)[:LONGEST_SUBJECT]
    texts = (_text(before), _text(after))
    at = now or SHARED_TIME.now()
    await session.execute(_sql.add, _ids.next(), at, actor.kind, actor.name, action, named, *texts)


async def page(
    session: Session, *, subject: str = "", actor: str = "", action: str = "", before_id: int = NEWEST, limit: int
) -> list[AuditRecord]:
    """Entries older than `before_id`, newest first, of exactly this subject, actor and action where given."""
    if subject:
        rows = await session.fetch(_sql.of_subject, before_id, limit, subject, actor, action)
    elif actor:
        rows = await session.fetch(_sql.of_actor, before_id, limit, actor, action)
    elif action:
        rows = await session.fetch(_sql.of_action, before_id, limit, action)
    else:
        rows = await session.fetch(_sql.newest, before_id, limit)
    return [_entry(row) for row in rows]


def _entry(row: Row) -> AuditRecord:
    before, after = (json.loads(row[name]) if row[name] else None for name in ("before_json", "after_json"))
    return row_as(AuditRecord, row, before=before, after=after)


def _text(values: Values) -> str | None:
    if values is None:
        return None
    return json.dumps(dict(values), ensure_ascii=True, default=_plain).replace("\\u0000", "")


def _plain(value: object) -> Any:
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, (set, frozenset)):
        return sorted(map(str, value))  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return str(value)
