"""Shipments that could not be placed, grouped by ClickPost's answer: one cause usually stops many."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from awbridge.domain.orders.shipment import State
from awbridge.store.engine.database import Session, row_as
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)

LOOKED_AT = 5000  # shipments of a state, the newest


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureGroup:
    """Shipments of one state and courier whose newest create-order call had the same answer.

    `http_status` is None if no answer came, `business_status` if it carried none.
    """

    courier_partner_id: int
    http_status: int | None
    business_status: int | None
    shipments: int
    last_at: datetime


async def groups(session: Session, state: State) -> list[FailureGroup]:
    """The groups among the newest LOOKED_AT shipments of a state, the largest first."""
    return [row_as(FailureGroup, row) for row in await session.fetch(_sql.groups, state.value, LOOKED_AT)]


async def of_group(
    session: Session,
    state: State,
    *,
    courier_partner_id: int,
    http_status: int | None,
    business_status: int | None,
    limit: int,
) -> list[str]:
    """The reference numbers of a group's shipments."""
    rows = await session.fetch(
        _sql.of_group, state.value, LOOKED_AT, courier_partner_id, http_status or 0, business_status or 0, limit
    )
    return [row["reference_number"] for row in rows]
