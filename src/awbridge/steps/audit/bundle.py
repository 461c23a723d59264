"""The bundle of one difference to send to ClickPost: the difference, and the evidence of the shipment."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from awbridge.domain.errors import NotFound
from awbridge.domain.privacy import Privacy
from awbridge.steps.audit.calls import instant
from awbridge.steps.audit.evidence import evidence_of
from awbridge.steps.records.reconciliation_run import known_run
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.reconciliation import differences
from awbridge.store.reconciliation.differences import Difference
from awbridge.store.reconciliation.reconciliations import Reconciliation


async def bundle_of(
    *, store: Store, clock: Clock, reconciliation_id: int, difference_id: int, privacy: Privacy
) -> bytes:
    """A zip of a difference and its shipment's payload, calls and timeline, masked for one destination.

    Without a known shipment, it holds only the difference. Raises NotFound.
    """
    run = await known_run(store, reconciliation_id)
    async with store.read() as session:
        found = await differences.get(session, run.id, difference_id) if abs(difference_id) < 2**63 else None
    if found is None:
        raise NotFound(f"reconciliation {run.id} has no difference {difference_id}")
    content = io.BytesIO()
    if found.ours:
        content.write(await evidence_of(store=store, clock=clock, reference_number=found.item, privacy=privacy))
    with zipfile.ZipFile(content, "a", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("difference.json", json.dumps(_difference(run, found), ensure_ascii=False, indent=2) + "\n")
    return content.getvalue()


def _difference(run: Reconciliation, found: Difference) -> dict[str, Any]:
    return {
        "kind": found.kind.value,
        "reference_number": found.reference_number,
        "waybill": found.waybill,
        "courier_partner_id": found.courier_partner_id,
        "ours": found.ours,
        "clickpost": found.theirs,
        "found_at": instant(found.found_at),
        "state": found.state,
        "solved_how": found.solved_how,
        "compared_with": {"table": run.kind.value, "name": run.name, "day": str(run.day) if run.day else None},
        "clickpost_reports": [window.reference for window in run.windows],
    }
