"""What a request names, for pages and the API: an id, a cursor, a shipment, a report."""

from __future__ import annotations

from datetime import datetime

from starlette.exceptions import HTTPException

from awbridge.domain import cursors
from awbridge.domain.errors import NotFound
from awbridge.domain.orders.shipment import Shipment
from awbridge.store import Store
from awbridge.store.audit import reports
from awbridge.store.orders import shipments
from awbridge.web.contexts import AuditContext


def read_cursor(cursor: str | None) -> tuple[datetime, str] | None:
    """Where the page that returned this cursor ended; None without one. Raises HTTPException 400 for other text."""
    if not cursor:
        return None
    try:
        return cursors.read_cursor(cursor)
    except ValueError:
        raise HTTPException(
            400, "cursor is not one that this API returned; omit it to start from the first page"
        ) from None


def no_nul(reference_number: str) -> str:
    """The reference number. Raises NotFound if it contains a NUL, which no database stores."""
    if "\x00" in reference_number:
        raise NotFound("there is no shipment with a NUL in its reference number")
    return reference_number


def read_id(text: str) -> int | None:
    """A numeric id; None if it cannot be one of ours."""
    if not text.isascii() or not text.isdecimal() or len(text) > 19 or int(text) >= 2**63:
        return None
    return int(text)


def parse_id(text: str) -> int:
    """The numeric id in a path. Raises NotFound if it cannot be one of ours."""
    number = read_id(text)
    if number is None:
        raise NotFound(f"there is nothing with the id {text[:40]}")
    return number


async def find_shipment(store: Store, reference_number: str) -> Shipment:
    """The shipment. Raises NotFound."""
    async with store.read() as session:
        shipment = await shipments.get(session, no_nul(reference_number))
    if shipment is None:
        raise NotFound(f"there is no shipment {reference_number}")
    return shipment


async def report_file(store: Store, audit: AuditContext, report_id: str) -> bytes:
    """The zip of a report. Raises NotFound if there is no such report, or its file is not stored."""
    async with store.read() as session:
        report = await reports.get(session, report_id) if "\x00" not in report_id else None
    if report is None:
        raise NotFound(f"there is no report {report_id}")
    if report.object_key is None:
        raise NotFound(f"{report_id}: nothing failed on that day, so there is no file")
    content = await audit.reports_in.get(report.object_key) if audit.reports_in else None
    if content is None:
        command = f"awbridge report failures --date {report.day}"
        raise NotFound(f"the file of {report_id} is not stored here; create it again with {command}")
    return content
