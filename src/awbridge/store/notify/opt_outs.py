"""The table `opt_outs`: who wants no messages. Only a hash of the address is kept, so no list of people is."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from awbridge.domain.notify.notices import Channel
from awbridge.domain.people.audited import AuditAction
from awbridge.store.engine.database import Session, row_as
from awbridge.store.engine.queries import Queries
from awbridge.store.people import audit_log

_sql = Queries(__name__)
_FIRST = (datetime(9000, 1, 1, tzinfo=UTC), "", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class OptOut:
    """An address that opted out; `channel` is empty for all channels."""

    address_hash: str
    channel: str
    created_at: datetime


def address_hash(address: str) -> str:
    """What is kept of a phone number (E.164) or a mail address."""
    return hashlib.sha256(b"awbridge opt-out:" + address.strip().casefold().encode()).hexdigest()


async def add(session: Session, address: str, *, channel: Channel | None = None, now: datetime) -> bool:
    """No messages to this address, over one channel or all; False when that was known."""
    hashed = address_hash(address)
    if not await session.execute(_sql.add, hashed, channel or "", now):
        return False
    after = {"channel": channel or "all"}
    await audit_log.record(session, AuditAction.OPT_OUT_ADDED, hashed, after=after, now=now)
    return True


async def remove(session: Session, address: str, *, channel: Channel | None = None) -> bool:
    """Messages are welcome again; False when nothing was there to remove."""
    hashed = address_hash(address)
    if not await session.execute(_sql.remove, hashed, channel or ""):
        return False
    await audit_log.record(session, AuditAction.OPT_OUT_REMOVED, hashed, before={"channel": channel or "all"})
    return True


async def opted_out(session: Session, address: str, channel: Channel, *, others: Sequence[str] = ()) -> bool:
    """Whether a customer wants nothing over this channel. `others` are further addresses of the same customer.

    An opt-out of everything at one address holds for all of them.
    """
    hashes = [address_hash(other) for other in others]
    return bool(await session.fetch(_sql.find, address_hash(address), channel.value, hashes))


async def newest(session: Session, *, after: tuple[datetime, str, str] | None = None, limit: int) -> list[OptOut]:
    """The newest opt-outs; `after` is the (created_at, address_hash, channel) where the last page ended."""
    return [row_as(OptOut, row) for row in await session.fetch(_sql.all, limit, *(after or _FIRST))]
