"""The titles of columns in ClickPost's tables, and their times."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from awbridge.clickpost.wire.times import read_scan_time
from awbridge.tables.times import read_wall_time

WAYBILL = ("waybill", "waybill number", "waybill no", "awb", "awb number", "awb no", "tracking number", "tracking id")
REFERENCE = ("reference number", "reference no", "reference", "ref number", "ref no", "order reference")
ORDER = ("order id", "order number", "order no")
COURIER = ("cp id", "courier partner id", "courier partner", "courier id", "courier")
STATUS = ("clickpost status code", "status code", "status")
PAYLOAD = ("payload", "request payload", "request body", "webhook payload", "request", "body", "data")


def read_report_time(value: Any, *, zone: ZoneInfo) -> datetime | None:
    """A time in a table of ClickPost's, aware, UTC; None if unreadable. Without an offset it is in `zone`."""
    return read_scan_time(value, zone=zone) or read_wall_time(value, zone)
