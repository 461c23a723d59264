"""Reads one reconciliation."""

from __future__ import annotations

from awbridge.domain.errors import NotFound
from awbridge.store import Store
from awbridge.store.reconciliation import reconciliations
from awbridge.store.reconciliation.reconciliations import Reconciliation


async def known_run(store: Store, reconciliation_id: int) -> Reconciliation:
    """The reconciliation with this id. Raises NotFound."""
    async with store.read() as session:
        run = await reconciliations.get(session, reconciliation_id) if abs(reconciliation_id) < 2**63 else None
    if run is None:
        raise NotFound(f"there is no reconciliation {reconciliation_id}")
    return run
