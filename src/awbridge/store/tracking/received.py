"""What came by webhook: the drill compares it with what was acknowledged. It reads the whole inbox."""

from __future__ import annotations

from awbridge.store.engine.database import Session
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)


async def webhook_identities(session: Session) -> set[str]:
    """The identity of every stored webhook."""
    return {row["identity"] for row in await session.fetch(_sql.webhook_identities)}
