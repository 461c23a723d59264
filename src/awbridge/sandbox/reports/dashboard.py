"""The shipment count and the dashboard report, a CSV that is ready after some polls."""

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Final
from urllib.parse import urlencode

from awbridge.sandbox.account_records import FIRST_REPORT, DashboardReport
from awbridge.sandbox.requests import parse_object
from awbridge.sandbox.shipments.models import SimulatedOrder, SimulatedScan
from awbridge.sandbox.simulator import Sandbox
from awbridge.sandbox.wire.codes import DELIVERED, PICKED_UP, REVERSE_COURIERS, unified_status
from awbridge.sandbox.wire.envelope import error_response, ok_response
from awbridge.sandbox.wire.http import ApiCall, ApiResponse
from awbridge.sandbox.wire.json import JsonObject, as_list, as_object, as_text
from awbridge.sandbox.wire.timestamps import day_first, indian_day, parse_day, parse_utc, utc_minute

NAME = "TRACK_ORDER_DASHBOARD_REPORT"
FILE_PATH = "/_files/tracking.csv"
LONGEST_WINDOW = 86400
MOST_DAYS = 366
LINK_SECONDS = 86400


async def shipment_count(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """GET fetch-shipment-count: per Indian day the orders placed and the shipments tracked, or {}."""
    start, end = parse_day(call.query.get("start-date", "")), parse_day(call.query.get("end-date", ""))
    if start is None or end is None:
        return error_response(400, "start-date and end-date are required as YYYY-MM-DD")
    if not timedelta(0) <= end - start < timedelta(days=MOST_DAYS):
        return error_response(400, f"end-date is before start-date, or more than {MOST_DAYS} days after it")
    placed, tracked = Counter[date](), Counter[date]()
    for order in sandbox.registry.shipments.values():
        day = indian_day(order.placed_at)
        tracked[day] += 1
        placed[day] += not order.registered
    days = [start + timedelta(days=number) for number in range((end - start).days + 1)]
    counts = {
        day.isoformat(): {"manifestation": placed[day], "tracking": tracked[day]} if tracked[day] else {}
        for day in days
    }
    return ok_response(counts, "Success")


async def request_report(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """POST enterprise_dashboard_report: request a CSV of the shipments changed in at most 24 hours."""
    body = parse_object(call, http=400)
    now = sandbox.clock.real()
    report = _build_report(sandbox, body, now)
    if isinstance(report, str):
        return error_response(400, report, http=400)
    sandbox.account_records.reports[report.reference] = report
    logged: JsonObject = {"report_identifier": str(report.reference)}
    sandbox.account_records.log_action("Dashboard Report: Request", logged, at=now)
    entry = {
        "report_name": NAME,
        "report_reference_number": report.reference,
        "report_created_at": utc_minute(report.created_at),
    }
    return ok_response([entry], "Success")


def _build_report(sandbox: Sandbox, body: JsonObject, now: float) -> DashboardReport | str:
    """The requested report, or the problem of the request."""
    if body.get("report_name") != NAME:
        return f"report_name: {body.get('report_name')!r} is not a report"
    filters = as_object(body.get("filters")) or {}
    times = [as_text(filters.get(f"updated_at_{end}_time")) for end in ("start", "end")]
    start, end = (parse_utc(text, "%Y-%m-%d %H:%M:%S") for text in times)
    if start is None or end is None:
        return "filters: updated_at_start_time and updated_at_end_time are required as YYYY-MM-DD HH:MM:SS"
    if not 0 <= end - start <= LONGEST_WINDOW:
        return "filters: the window is longer than 24 hours, or ends before it starts"
    fields = as_list(body.get("fields", []))
    if fields is None or not all(field in tuple(COLUMNS) for field in fields):
        return "fields: must be a list of columns of the report"
    reference = FIRST_REPORT + len(sandbox.account_records.reports)
    rng = sandbox.fault_injector.rng("report", reference)
    return DashboardReport(
        reference=reference,
        start=start,
        end=end,
        fields=tuple(str(field) for field in fields) or tuple(COLUMNS),
        created_at=now,
        polls_left=sandbox.config.report_polls,
        failed=sandbox.fault_injector.occurs("failed_reports", "", rng.random()),
        signature=hashlib.blake2b(f"{sandbox.config.seed}:{reference}:{now}".encode(), digest_size=20).hexdigest(),
    )


async def report_status(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """GET enterprise_dashboard_report: the status of a report, with a link when it is ready."""
    reference = call.query.get("report_reference_number", "").strip()
    if not reference:
        return _invalid_entity("This field may not be null.", "null")
    report = sandbox.account_records.reports.get(int(reference)) if reference.isdecimal() else None
    if report is None:
        return _invalid_entity("No report has this number.", "invalid")
    status, link = _progress(sandbox, call, report)
    entry = {
        "report_name": NAME,
        "s3_link": link,
        "report_created_at": utc_minute(report.created_at),
        "report_status": status,
    }
    return ok_response([entry], "Success")


def _invalid_entity(problem: str, code: str) -> ApiResponse:
    detail = f"ErrorDetail(string='{problem}', code='{code}')"
    return error_response(422, f"Invalid entity{{'report_reference_number': [{detail}]}}")


def _progress(sandbox: Sandbox, call: ApiCall, report: DashboardReport) -> tuple[str, str | None]:
    if report.polls_left > 0:
        report.polls_left -= 1
        return "IN_PROGRESS", None
    if report.failed:
        return "FAILED", None
    if report.content is None:
        report.content = _csv(sandbox, report)
    expires = int(sandbox.clock.real()) + LINK_SECONDS
    query = {"report": report.reference, "Signature": report.signature, "Expires": expires}
    return "SUCCESS", f"{call.base_url}{FILE_PATH}?{urlencode(query)}"


def _csv(sandbox: Sandbox, report: DashboardReport) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, report.fields, lineterminator="\n")
    writer.writeheader()
    for _, order in sandbox.registry.changed_between(report.start, report.end):
        latest = order.latest or order.scans[-1]
        writer.writerow({name: COLUMNS[name](order, latest) for name in report.fields})
    return text.getvalue().encode()


def _waybill_cell(waybill: str) -> str:
    """Half of the waybills start with a backtick, as in real reports, so that spreadsheets keep them as text."""
    return f"`{waybill}" if int(hashlib.sha256(waybill.encode()).hexdigest(), 16) % 2 else waybill


def _first_time(order: SimulatedOrder, codes: frozenset[int]) -> str:
    return next((day_first(scan.scanned_at) for scan in order.scans if scan.code in codes), "")


COLUMNS: Final[Mapping[str, Callable[[SimulatedOrder, SimulatedScan], object]]] = {
    "Order ID": lambda order, latest: order.order_id,
    "Reference Number": lambda order, latest: order.reference_number,
    "Courier Partner": lambda order, latest: (
        order.account.courier_name + (" Reverse" if order.cp_id in REVERSE_COURIERS else "")
    ),
    "AWB": lambda order, latest: _waybill_cell(order.waybill),
    "RTO AWB": lambda order, latest: "",
    "Clickpost Unified Status": lambda order, latest: unified_status(latest.code),
    "Created at": lambda order, latest: day_first(order.placed_at),
    "Pickup Date": lambda order, latest: _first_time(order, PICKED_UP),
    "Latest Timestamp": lambda order, latest: day_first(latest.scanned_at),
    "Latest Remark": lambda order, latest: latest.remark,
    "Delivery Date": lambda order, latest: _first_time(order, DELIVERED),
    "Updated at": lambda order, latest: day_first(order.updated_at),
    "Account Code": lambda order, latest: order.account.account_code,
}
"""The columns of the report, and their values for an order with its latest scan."""


async def download(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """GET the CSV of a report by its link. The signature replaces the key, as in an object store."""
    number, expires = call.query.get("report", ""), call.query.get("Expires", "")
    report = sandbox.account_records.reports.get(int(number)) if number.isdecimal() else None
    if report is None or report.content is None or call.query.get("Signature") != report.signature:
        return _denied("SignatureDoesNotMatch")
    if not expires.isdecimal() or int(expires) < sandbox.clock.real():
        return _denied("AccessDenied")
    return ApiResponse(200, report.content, "text/csv")


def _denied(code: str) -> ApiResponse:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code></Error>'
    return ApiResponse(403, body.encode(), "application/xml")
