"""The table `notices`: one message to one customer over one channel, and why it was sent, delayed or suppressed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from awbridge.domain.notify.notices import Channel, NoticeState
from awbridge.domain.orders.shipment import shard_of
from awbridge.domain.tracking.milestones import Milestone
from awbridge.store.engine.database import Session, row_as
from awbridge.store.engine.ids import Ids, first_id
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)
_ids = Ids()
_END = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeMilestone:
    """A milestone of a shipment. `status_at` is when the status was that says so; `why` is why no notice was made.

    `fresh_at`: how old that status is by ClickPost's own word, where it gave one.
    """

    shard: int
    reference_number: str
    milestone: Milestone
    status_code: int | None
    ndr_code: int | None
    status_at: datetime
    reached_at: datetime
    due_at: datetime | None
    why: str
    fresh_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A stored notice."""

    shard: int
    id: int
    reference_number: str
    milestone: Milestone
    channel: Channel
    state: NoticeState
    why: str
    due_at: datetime | None
    tries: int
    language: str
    created_at: datetime
    settled_at: datetime | None

    @property
    def key(self) -> str:
        """The id that goes along with the message, the same for every try."""
        return f"notice-{self.id}"


async def take_milestones(session: Session, *, why: str, now: datetime, limit: int) -> list[NoticeMilestone]:
    """Take milestones of which no notices were made yet. They are not due any more; `why` none will be made, or ""."""
    return [row_as(NoticeMilestone, row) for row in await session.fetch(_sql.take_milestones, now, limit, why)]


async def make(
    session: Session, reached: Sequence[NoticeMilestone], channels: Sequence[Channel], *, now: datetime
) -> None:
    """Make the notices of these milestones, one for each channel."""
    rows = [
        (one.shard, _ids.next(), one.reference_number, one.milestone.value, channel.value, now)
        for one in sorted(reached, key=lambda r: (r.shard, r.reference_number, r.milestone))
        for channel in channels
    ]
    if rows:
        await session.write_rows(_sql.add, rows)


async def claim(session: Session, *, owner: str, now: datetime, until: datetime, limit: int) -> list[Notice]:
    """Take up to `limit` due notices under a lease that ends at `until`."""
    return [row_as(Notice, row) for row in await session.fetch(_sql.claim, owner, until, now, limit)]


async def of_shipment(session: Session, reference_number: str) -> list[Notice]:
    """A shipment's notices, oldest first."""
    return [
        row_as(Notice, row)
        for row in await session.fetch(_sql.of_shipment, shard_of(reference_number), reference_number)
    ]


async def milestones_of(session: Session, reference_number: str) -> list[NoticeMilestone]:
    """The milestones that a shipment has reached."""
    rows = await session.fetch(_sql.milestones_of, shard_of(reference_number), reference_number)
    return [row_as(NoticeMilestone, row) for row in rows]


async def begin(session: Session, notice: Notice, owner: str, *, until: datetime, language: str) -> bool:
    """It is about to be sent; False when the lease was lost (then it must not be)."""
    return await session.execute(_sql.begin, notice.shard, notice.id, owner, until, language) > 0


async def settle(
    session: Session,
    notice: Notice,
    owner: str,
    *,
    state: NoticeState,
    why: str,
    due_at: datetime | None = None,
    now: datetime,
) -> bool:
    """Store the decision, or the result of sending; False when the lease was lost. Earlier reasons stay readable."""
    history = f"{notice.why}; then {why}" if notice.why and notice.why != why else why
    settled_at = None if due_at else now
    changed = await session.execute(
        _sql.settle, notice.shard, notice.id, owner, state.value, history[-1000:], due_at, settled_at
    )
    return changed > 0


async def newest(
    session: Session, *, state: NoticeState | None = None, before: int | None = None, limit: int = 50
) -> list[Notice]:
    """Notices, newest first; `before` is the id where the last page ended."""
    start = before or _END
    if state is None:
        rows = await session.fetch(_sql.newest, start, limit)
    else:
        many = state in (NoticeState.SENT, NoticeState.SUPPRESSED)
        statement = _sql.newest_in_state if many else _sql.newest_unsent
        rows = await session.fetch(statement, start, limit, state.value)
    return [row_as(Notice, row) for row in rows]


async def unwell_since(session: Session, start: datetime) -> dict[str, int]:
    """How many of the notices made since then failed or may have been sent, by state."""
    rows = await session.fetch(_sql.unwell_since, first_id(start))
    return {row["state"]: row["notices"] for row in rows}
