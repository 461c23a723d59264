"""Is a scan on the timeline already? One scan comes by webhook and by polling, with or without the vendor's ids."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from awbridge.domain.scan import Scan


@dataclass(slots=True)
class KnownScan:
    """What tells one scan of a shipment from another. `id` is the stored row's; 0 while it is not stored yet."""

    id: int
    fingerprint: str
    scan_id: str | None
    checkpoint_id: str | None


def find_known(known: Iterable[KnownScan], scan: Scan, fingerprint: str) -> KnownScan | None:
    """The known scan that this one is a copy of; None when it is new.

    The vendor's own id decides where both carry it; else what the scan says (its fingerprint), unless both carry
    different ids of the same kind: then they are two scans that say the same.
    """
    alike: KnownScan | None = None
    for candidate in known:
        if scan.scan_id and candidate.scan_id == scan.scan_id:
            return candidate
        if scan.checkpoint_id and candidate.checkpoint_id == scan.checkpoint_id:
            return candidate
        if alike is None and candidate.fingerprint == fingerprint and _may_be_one(candidate, scan):
            alike = candidate
    return alike


def learn_ids(known: KnownScan, scan: Scan) -> bool:
    """Give a known scan the ids that this copy of it carries; True when it learnt one."""
    learnt = False
    if scan.scan_id and not known.scan_id:
        known.scan_id, learnt = scan.scan_id, True
    if scan.checkpoint_id and not known.checkpoint_id:
        known.checkpoint_id, learnt = scan.checkpoint_id, True
    return learnt


def _may_be_one(known: KnownScan, scan: Scan) -> bool:
    return not (
        (known.scan_id and scan.scan_id and known.scan_id != scan.scan_id)
        or (known.checkpoint_id and scan.checkpoint_id and known.checkpoint_id != scan.checkpoint_id)
    )
