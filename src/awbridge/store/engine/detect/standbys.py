"""Whether a commit survives what may happen to the PostgreSQL server: its settings, and its standbys."""

from __future__ import annotations

from dataclasses import dataclass

from awbridge.store.engine.database import Session, row_as
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)

_NOT_WAITED_FOR = ("off", "local")  # values of synchronous_commit that do not wait for a standby


@dataclass(frozen=True, slots=True, kw_only=True)
class Durability:
    """What the server does before it acknowledges a commit. On SQLite, which has no standbys, as if without any.

    `standbys`: physical replicas that are connected; `synchronous`: those of them that a commit waits for; `unseen`:
    those of which this user may not see whether it does.
    """

    fsync: bool
    synchronous_commit: str
    names_standbys: bool
    standbys: int
    synchronous: int
    unseen: int

    @property
    def crash_loses_commits(self) -> bool:
        """Whether a crash of the server or of its machine loses commits that were acknowledged."""
        return not self.fsync or self.synchronous_commit == "off"

    @property
    def failover_loses_commits(self) -> bool:
        """Whether a standby that takes over may lack commits that were acknowledged. False without a standby."""
        if not self.standbys or self.synchronous_commit in _NOT_WAITED_FOR:
            return self.standbys > 0
        return self.synchronous == 0 and not (self.unseen and self.names_standbys)


async def durability(session: Session) -> Durability:
    """What the server that answers does before it acknowledges a commit."""
    return row_as(Durability, (await session.fetch(_sql.durability))[0])
