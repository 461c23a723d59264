"""Parcels that wait for their courier: which labels were printed, and which parcels are on a manifest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from awbridge.domain.orders.shipment import Shipment
from awbridge.store.engine.database import Session, row_as
from awbridge.store.engine.pages import BEFORE_ALL
from awbridge.store.engine.queries import Queries
from awbridge.store.engine.shards import fetch_of
from awbridge.store.orders.shipments import fetch_shipments

_sql = Queries(__name__)
MOST_COUNTED = 20_000  # parcels: a page must not take longer because nobody prints here


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingParcels:
    """The parcels of a courier account that wait: how many, without a printed label, not on a manifest."""

    account: str
    courier_partner_id: int
    account_code: str | None
    parcels: int
    to_print: int
    to_hand_over: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOverState:
    """How often a shipment's label was printed, when last, and the number of its manifest."""

    prints: int = 0
    printed_at: datetime | None = None
    manifest: int | None = None


async def by_account(session: Session, *, since: datetime) -> list[WaitingParcels]:
    """What was placed since then and waits, by courier account. At most the newest 20,000 are counted."""
    return [row_as(WaitingParcels, row) for row in await session.fetch(_sql.by_account, since, MOST_COUNTED)]


async def of_account(
    session: Session,
    account: str,
    *,
    since: datetime,
    to_print: bool = False,
    to_hand_over: bool = False,
    after: tuple[datetime, str] | None = None,
    limit: int,
) -> list[Shipment]:
    """The waiting parcels of a courier account, oldest first; `after` is a (placed_at, reference number)."""
    args = (since, account, to_print, to_hand_over, *(after or BEFORE_ALL), limit)
    return await fetch_shipments(session, _sql.of_account, *args)


async def states_of(session: Session, references: Sequence[str]) -> dict[str, HandOverState]:
    """The state of each of these shipments."""
    prints = {row["reference_number"]: row for row in await fetch_of(session, _sql.prints_of, references)}
    listed = {
        row["reference_number"]: row["manifest"] for row in await fetch_of(session, _sql.manifests_of, references)
    }
    return {
        reference: HandOverState(
            prints=prints[reference]["prints"] if reference in prints else 0,
            printed_at=prints[reference]["printed_at"] if reference in prints else None,
            manifest=listed.get(reference),
        )
        for reference in references
    }
