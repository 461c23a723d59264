"""The bundle of one difference, ready to be sent to ClickPost: what differs, and the evidence of the shipment."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, datetime
from typing import Any

from awbridge.domain.errors import NotFound
from awbridge.domain.privacy import Privacy
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
    """A difference with payload, URLs, answers and timeline of its shipment, as a zip, as one destination may see it.

    Raises NotFound.

    Where the shipment is unknown here, the difference stands alone.
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
        zipped.writestr("difference.json", json.dumps(_told(run, found), ensure_ascii=False, indent=2) + "\n")
    return content.getvalue()


def _told(run: Reconciliation, found: Difference) -> dict[str, Any]:
    return {
        "kind": found.kind.value,
        "reference_number": found.reference_number,
        "waybill": found.waybill,
        "courier_partner_id": found.courier_partner_id,
        "ours": found.ours,
        "clickpost": found.theirs,
        "found_at": _instant(found.found_at),
        "state": found.state,
        "solved_how": found.solved_how,
        "compared_with": {"table": run.kind.value, "name": run.name, "day": str(run.day) if run.day else None},
        "clickpost_reports": [window.reference for window in run.windows],
    }


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
