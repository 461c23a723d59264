"""What every reader of deliveries does with a scan: bounds of its texts, and one scan of two equal ones. Pure."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from awbridge.clickpost.wire.lenient_json import as_text
from awbridge.clickpost.wire.tracking_codes import STATUSES
from awbridge.domain.tracking.lifecycle import Bucket
from awbridge.domain.tracking.scan import Scan

FUTURE_TOLERANCE = timedelta(minutes=10)  # clocks of couriers differ
LONGEST_TEXT = 2000  # characters of a remark
LONGEST_REASON = 200


def merged(latest: Scan | None, scans: tuple[Scan, ...]) -> tuple[Scan | None, tuple[Scan, ...]]:
    """Merge `latest` with the scan that it repeats: that scan's ids, and the fuller texts of both."""
    for place, scan in enumerate(scans):
        if latest and _is_same_scan(scan, latest):
            fuller = scan if scan.location or not latest.location else latest
            one = replace(
                scan,
                status=fuller.status,
                location=fuller.location,
                remark=fuller.remark or scan.remark or latest.remark,
                ndr_code=latest.ndr_code if latest.ndr_code is not None else scan.ndr_code,
                ndr_description=latest.ndr_description or scan.ndr_description,
                description=scan.description or latest.description,
                npr_code=latest.npr_code if latest.npr_code is not None else scan.npr_code,
                npr_description=latest.npr_description or scan.npr_description,
            )
            return one, (*scans[:place], one, *scans[place + 1 :])
    return latest, scans


def _is_same_scan(scan: Scan, latest: Scan) -> bool:
    """Whether both are one scan: the same code and time, and the same texts or a location in one of them only."""
    if scan.code != latest.code:
        return False
    if (scan.scanned_at, scan.status, scan.location) == (latest.scanned_at, latest.status, latest.location):
        return True  # most often; a fingerprint takes longer
    if bool(scan.location) == bool(latest.location):
        return scan.fingerprint() == latest.fingerprint()
    return scan.scanned_at.replace(microsecond=0) == latest.scanned_at.replace(microsecond=0)


def is_failed_delivery(code: int) -> bool:
    """Whether a status means a failed delivery."""
    return code in STATUSES and STATUSES[code].bucket is Bucket.FAILED_DELIVERY


def remark_text(value: object) -> str:
    """A text of a scan, of limited length."""
    return as_text(value)[:LONGEST_TEXT]
