"""The table `track_links`: which shipment a link to the customer's page belongs to. Nothing in it depends on a key."""

from __future__ import annotations

from collections.abc import Iterable

from awbridge.domain.customer_page.links import link_id, shard_of_link
from awbridge.store.engine.database import Session
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)


async def add_many(session: Session, links: Iterable[tuple[str, int]]) -> None:
    """Store the links of shipments, each by reference number and generation. One that is stored already stays."""
    rows = sorted(_row(reference_number, generation) for reference_number, generation in links)
    if rows:
        await session.write_rows(_sql.add, rows)


def _row(reference_number: str, generation: int) -> tuple[int, int, str]:
    identity = link_id(reference_number, generation)
    return shard_of_link(identity), identity, reference_number


async def find(session: Session, link_ids: Iterable[int]) -> dict[int, str]:
    """Link id -> reference number, of those links that exist. Without any id no query is made."""
    keys = [(shard_of_link(identity), identity) for identity in sorted(set(link_ids))]
    rows = await session.fetch_rows(_sql.find, keys) if keys else []
    return {row["link_id"]: row["reference_number"] for row in rows}
