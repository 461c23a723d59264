"""Shipment counts and reports of a ClickPost account. Source: ClickPost's API reference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit

from awbridge.clickpost.models.base import RequestModel, as_payload
from awbridge.clickpost.models.reports import LONGEST_REPORT, ReportFilters, ReportRequest
from awbridge.clickpost.wire.endpoints import ApiRequest, Endpoints
from awbridge.clickpost.wire.fields import check_window, day_text, first_object, raw_of
from awbridge.clickpost.wire.lenient_json import Reply, as_id, as_int, as_object, as_text
from awbridge.domain.json import JsonObject

TRACK_ORDER_REPORT = "TRACK_ORDER_DASHBOARD_REPORT"
LONGEST_PAUSE = 300.0  # seconds; waiting for a report ends where ClickPost asks for a longer pause

_PATH = "/api/v1/reports/enterprise_dashboard_report/"
_FAILED = ("FAIL", "ERROR", "CANCEL")


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCount:
    """The shipments placed (manifestation) and registered for tracking on one day."""

    day: date
    manifestation: int
    tracking: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipmentCounts:
    """Shipments per day, oldest first."""

    days: tuple[DayCount, ...]
    raw: JsonObject = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorReport:
    """A requested report. `link` is the URL of the finished file: anyone who has it can read the file.

    `status` and `created_at` are as ClickPost writes them.
    """

    reference: str
    name: str
    status: str
    created_at: str
    link: str = field(default="", repr=False)
    raw: JsonObject = field(repr=False)

    @property
    def ready(self) -> bool:
        """Whether the file can be downloaded."""
        return bool(self.link)

    @property
    def failed(self) -> bool:
        """Whether ClickPost failed to make it."""
        return not self.ready and any(word in self.status.upper() for word in _FAILED)


def count_request(endpoints: Endpoints, start: date, end: date) -> ApiRequest:
    """Shipments per day. Raises ValueError if the end is before the start."""
    if end < start:
        raise ValueError("the end is before the start")
    params = {"key": endpoints.key, "start-date": day_text(start), "end-date": day_text(end)}
    return endpoints.get("fetch-shipment-count", endpoints.url + "/api/v1/fetch-shipment-count/", params)


def parse_counts(reply: Reply) -> ShipmentCounts:
    """The days in an answer of fetch-shipment-count. An empty day counts 0; an unreadable one is left out."""
    counts = (_day_count(day, numbers) for day, numbers in as_object(reply.result).items())
    days = sorted((count for count in counts if count), key=lambda count: count.day)
    return ShipmentCounts(days=tuple(days), raw=raw_of(reply))


def _day_count(day: str, numbers: Any) -> DayCount | None:
    try:
        when = date.fromisoformat(day)
    except ValueError:
        return None
    if numbers == {}:  # a day without shipments
        return DayCount(day=when, manifestation=0, tracking=0)
    placed, tracked = (as_int(as_object(numbers).get(name)) for name in ("manifestation", "tracking"))
    return None if placed is None or tracked is None else DayCount(day=when, manifestation=placed, tracking=tracked)


def report_request(
    endpoints: Endpoints, start: datetime, end: datetime, fields: Sequence[str], name: str
) -> ApiRequest:
    """Request a report of the changes in a window. Raises ValueError if it is longer than 24 hours."""
    check_window(start, end, LONGEST_REPORT)
    window = ReportFilters(updated_at_start_time=start, updated_at_end_time=end)
    return report_body_request(endpoints, ReportRequest(report_name=name, filters=window, fields=list(fields)))


def report_body_request(endpoints: Endpoints, body: RequestModel | JsonObject) -> ApiRequest:
    """Request a report with a body in ClickPost's own fields."""
    return endpoints.post("request-report", endpoints.url + _PATH, {"key": endpoints.key}, as_payload(body))


def fetch_report_request(endpoints: Endpoints, reference: str) -> ApiRequest:
    """The status of a report."""
    params = {"key": endpoints.key, "report_reference_number": reference}
    return endpoints.get("fetch-report", endpoints.url + _PATH, params)


def parse_report(reply: Reply, reference: str = "") -> VendorReport:
    """The report in an answer; `reference` is the requested one, in case the answer does not repeat it."""
    entry = first_object(reply.result)
    return VendorReport(
        reference=as_id(entry.get("report_reference_number")) or reference,
        name=as_text(entry.get("report_name")),
        status=as_text(entry.get("report_status")),
        created_at=as_text(entry.get("report_created_at")),
        link=_link(entry),
        raw=raw_of(reply),
    )


def _link(entry: JsonObject) -> str:
    text = as_text(entry.get("s3_link"))
    return text if "://" in text else ""  # also "null" and "None"


def download_request(
    endpoints: Endpoints, report: VendorReport, into: Callable[[bytes], object] | None = None
) -> ApiRequest:
    """The file of a finished report. It is on another host, so neither key nor username is sent.

    `into` receives the file in parts, so that it need not fit in memory. Raises ValueError if the report has no link,
    or one that is not https (http only if ClickPost's own address is http, as in tests).
    """
    if not report.ready:
        raise ValueError(f"report {report.reference} has no file yet (status {report.status!r})")
    parts = urlsplit(report.link)
    if not parts.hostname or parts.scheme not in ("https", urlsplit(endpoints.url).scheme):
        raise ValueError(f"report {report.reference} has a link that is not an https address")
    secrets = (parts.query,) if len(parts.query) >= 8 else ()
    hidden = (endpoints.key, *secrets)
    return ApiRequest(api="download-report", method="GET", url=report.link, secrets=hidden, file=True, into=into)
