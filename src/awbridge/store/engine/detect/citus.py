"""Citus in a PostgreSQL database, which spreads the schemas of accounts over servers."""

from __future__ import annotations

from dataclasses import dataclass

from awbridge.store.engine.database import Session
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Citus:
    """Citus as an account sees it. `node`: host and port that hold its schema; None where it is not distributed.

    `hides`: whether a look into the catalogue asks about every relation whether it may be seen
    (`citus.override_table_visibility`). On 13.2, what asyncpg asks about a type takes 1.2 s with 900 relations.
    """

    version: str
    schema: str
    hides: bool
    node: str | None


async def citus(session: Session) -> Citus | None:
    """What Citus does with this account's schema; None in a plain database. For PostgreSQL."""
    for found in await session.fetch(_sql.version):
        nodes = await session.fetch(_sql.distributed)
        return Citus(**found, node=nodes[0]["node"] if nodes else None)
    return None
