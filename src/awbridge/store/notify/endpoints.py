"""The table `endpoints`: webhook subscribers, and the secrets that sign their deliveries."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from awbridge.domain.notify.alarm_causes import AlarmCause
from awbridge.domain.notify.events import EventKind
from awbridge.domain.people.audited import AuditAction
from awbridge.store.engine.database import Row, Session, row_as
from awbridge.store.engine.ids import Ids
from awbridge.store.engine.queries import Queries
from awbridge.store.notify import alarms, events
from awbridge.store.people import audit_log

_sql = Queries(__name__)
_ids = Ids()

OLD_SECRET_SIGNS_FOR = timedelta(days=1)
_SIGN_OF_LIFE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A webhook subscriber. `kinds` is empty for every event; `old_secret` also signs until its time.

    `failing_since_at` is None while its last try was taken.
    """

    id: int
    url: str
    kinds: tuple[str, ...]
    secret: str = field(repr=False)
    old_secret: str | None = field(repr=False)
    old_secret_until_at: datetime | None
    enabled: bool
    problem: str | None
    last_success_at: datetime | None
    failing_since_at: datetime | None
    created_at: datetime
    updated_at: datetime

    def signing_secrets(self, now: datetime) -> tuple[str, ...]:
        """The secrets that sign at this moment, the new one first."""
        old = self.old_secret if self.old_secret_until_at and now < self.old_secret_until_at else None
        return (self.secret, old) if old else (self.secret,)


def _endpoint(row: Row) -> Endpoint:
    return row_as(Endpoint, row, kinds=tuple(kind for kind in row["kinds"].split(",") if kind))


def new_secret() -> str:
    """A secret in the Standard Webhooks form: whsec_ and 32 random bytes."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


async def add(session: Session, url: str, *, kinds: Sequence[EventKind] = (), now: datetime) -> Endpoint:
    """Subscribe this address to these events (all, if none is named) from now on."""
    number = _ids.next()
    await session.execute(_sql.add, number, url, ",".join(kinds), new_secret(), now)
    added = await get(session, number)
    assert added is not None
    parts = urlsplit(url)
    after = {"host": parts.netloc.rpartition("@")[2], "events": list(kinds)}
    await audit_log.record(session, AuditAction.ENDPOINT_ADDED, number, after=after, now=now)
    return added


async def change(session: Session, endpoint_id: int, url: str, *, kinds: Sequence[EventKind], now: datetime) -> bool:
    """Another address or other events from now on; what is due goes to the new address. False if there is none."""
    return await session.execute(_sql.change, endpoint_id, url, ",".join(kinds), now) > 0


async def every(session: Session) -> list[Endpoint]:
    """Every endpoint, oldest first."""
    return [_endpoint(row) for row in await session.fetch(_sql.all)]


async def get(session: Session, endpoint_id: int) -> Endpoint | None:
    """One endpoint; None when there is none of that id."""
    rows = await session.fetch(_sql.get, endpoint_id)
    return _endpoint(rows[0]) if rows else None


async def lock(session: Session, endpoint_id: int) -> Endpoint | None:
    """One endpoint, locked until the transaction ends."""
    rows = await session.fetch(_sql.lock, endpoint_id)
    return _endpoint(rows[0]) if rows else None


async def rotate(session: Session, endpoint_id: int, *, now: datetime) -> str | None:
    """Give it a new secret, and return that; the old one signs too for a day. None when there is no such endpoint."""
    secret = new_secret()
    changed = await session.execute(_sql.rotate, endpoint_id, secret, now + OLD_SECRET_SIGNS_FOR, now)
    return secret if changed else None


async def enable(session: Session, endpoint_id: int, *, now: datetime) -> bool:
    """Deliver to it again, also what waited; False when there is no such endpoint."""
    if not await session.execute(_sql.enable, endpoint_id, now):
        return False
    await events.resume(session, endpoint_id, now=now)
    await alarms.clear(session, AlarmCause.ENDPOINT.of(endpoint_id), now=now)
    return True


async def disable(session: Session, endpoint: Endpoint, *, problem: str, now: datetime) -> bool:
    """Deliver nothing to it any more, and raise the alarm; False when it was disabled already."""
    if not await session.execute(_sql.disable, endpoint.id, problem, now):
        return False
    await events.pause(session, endpoint.id)
    text = f"endpoint {endpoint.id} is disabled: {problem}. Correct it, then: awbridge endpoints enable {endpoint.id}"
    await alarms.raise_(session, AlarmCause.ENDPOINT.of(endpoint.id), text, now=now)
    return True


async def rest(session: Session, endpoint_id: int, *, now: datetime) -> None:
    """Stop deliveries on an operator's request, without an alarm."""
    await session.execute(_sql.disable, endpoint_id, "disabled by hand", now)
    await events.pause(session, endpoint_id)


async def succeeded(session: Session, endpoint_id: int, *, now: datetime) -> None:
    """It took a delivery."""
    await session.execute(_sql.succeeded, endpoint_id, now, now - _SIGN_OF_LIFE)


async def failed(session: Session, endpoint_id: int, *, now: datetime) -> None:
    """It did not take a delivery; the first time since it last took one is kept."""
    await session.execute(_sql.failed, endpoint_id, now)


async def remove(session: Session, endpoint_id: int, *, now: datetime) -> bool:
    """Forget it and what was on its way to it; False when there is no such endpoint."""
    await events.forget(session, endpoint_id)
    await alarms.clear(session, AlarmCause.ENDPOINT.of(endpoint_id), now=now)
    removed = await session.execute(_sql.remove, endpoint_id) > 0
    await events.forget(session, endpoint_id)  # what was written since; nothing is addressed to it from here on
    return removed
