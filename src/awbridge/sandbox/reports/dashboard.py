"""ClickPost's counts and reports: shipments per day, and a CSV that gets ready after a while."""

import csv
import hashlib
import io
from collections import Counter
from datetime import date, timedelta
from urllib.parse import urlencode

from awbridge.sandbox.account_records import Report
from awbridge.sandbox.requests import auth_problem, object_in
from awbridge.sandbox.shipments.models import Order
from awbridge.sandbox.simulator import Sandbox
from awbridge.sandbox.wire.codes import DELIVERED, PICKED_UP, REVERSE_COURIERS, unified_status
from awbridge.sandbox.wire.envelope import done, refused
from awbridge.sandbox.wire.http import Answer, Call
from awbridge.sandbox.wire.json import JsonObject, as_items, as_object, as_text
from awbridge.sandbox.wire.timestamps import day_first, day_of, indian_day, utc_minute, utc_of

NAME = "TRACK_ORDER_DASHBOARD_REPORT"
FILE_PATH = "/_files/tracking.csv"
LONGEST_WINDOW = 86400
MOST_DAYS = 366
LINK_SECONDS = 86400
COLUMNS = (
    "Order ID",
    "Reference Number",
    "Courier Partner",
    "AWB",
    "RTO AWB",
    "Clickpost Unified Status",
    "Created at",
    "Pickup Date",
    "Latest Timestamp",
    "Latest Remark",
    "Delivery Date",
    "Updated at",
    "Account Code",
)
_REVERSE = " Reverse"


async def shipment_count(sandbox: Sandbox, call: Call) -> Answer:
    """GET fetch-shipment-count: per Indian day what was placed and what was registered for tracking, or {}."""
    if problem := auth_problem(sandbox, call, key_alone=True):
        return problem
    start, end = day_of(call.query.get("start-date", "")), day_of(call.query.get("end-date", ""))
    if start is None or end is None:
        return refused(400, "start-date and end-date are required as YYYY-MM-DD")
    if not timedelta(0) <= end - start < timedelta(days=MOST_DAYS):
        return refused(400, f"end-date lies before start-date, or more than {MOST_DAYS} days after it")
    placed, tracked = Counter[date](), Counter[date]()
    for order in sandbox.vendor.shipments.values():
        day = indian_day(order.placed_at)
        tracked[day] += 1
        placed[day] += not order.registered
    days = [start + timedelta(days=number) for number in range((end - start).days + 1)]
    counts = {
        day.isoformat(): {"manifestation": placed[day], "tracking": tracked[day]} if tracked[day] else {}
        for day in days
    }
    return done(counts, "Success")


async def request_report(sandbox: Sandbox, call: Call) -> Answer:
    """POST enterprise_dashboard_report: has a CSV made of what changed in at most 24 hours."""
    if problem := auth_problem(sandbox, call, key_alone=True):
        return problem
    given = object_in(call, http=400)
    if isinstance(given, Answer):
        return given
    now = sandbox.clock.real()
    report = _asked(sandbox, given, now)
    if isinstance(report, str):
        return refused(400, report, http=400)
    sandbox.office.add_report(report)
    sandbox.office.note("Dashboard Report: Request", {"report_identifier": str(report.reference)}, at=now)
    entry = {
        "report_name": report.name,
        "report_reference_number": report.reference,
        "report_created_at": utc_minute(report.created_at),
    }
    return done([entry], "Success")


def _asked(sandbox: Sandbox, given: JsonObject, now: float) -> Report | str:
    """The report that is asked for, or what is wrong with it."""
    if given.get("report_name") != NAME:
        return f"report_name: {given.get('report_name')!r} is not a report"
    filters = as_object(given.get("filters")) or {}
    times = [as_text(filters.get(f"updated_at_{end}_time")) for end in ("start", "end")]
    start, end = (utc_of(text, "%Y-%m-%d %H:%M:%S") for text in times)
    if start is None or end is None:
        return "filters: updated_at_start_time and updated_at_end_time are required as YYYY-MM-DD HH:MM:SS"
    if not 0 <= end - start <= LONGEST_WINDOW:
        return "filters: the window is longer than 24 hours, or ends before it starts"
    fields = as_items(given.get("fields", []))
    if fields is None or not all(field in COLUMNS for field in fields):
        return "fields: must be a list of columns of the report"
    reference = sandbox.office.next_report
    dice = sandbox.fault_desk.dice("report", reference)
    return Report(
        reference=reference,
        name=NAME,
        start=start,
        end=end,
        fields=tuple(str(field) for field in fields) or COLUMNS,
        created_at=now,
        polls_left=sandbox.config.report_polls,
        failed=sandbox.fault_desk.strikes("failed_reports", "", dice.random()),
        signature=hashlib.blake2b(f"{sandbox.config.seed}:{reference}:{now}".encode(), digest_size=20).hexdigest(),
    )


async def report_status(sandbox: Sandbox, call: Call) -> Answer:
    """GET enterprise_dashboard_report: how far a report is; with a link once it is ready."""
    if problem := auth_problem(sandbox, call, key_alone=True):
        return problem
    given = call.query.get("report_reference_number", "").strip()
    if not given:
        return _no_entity("This field may not be null.", "null")
    report = sandbox.office.reports.get(int(given)) if given.isdecimal() else None
    if report is None:
        return _no_entity("No report has this number.", "invalid")
    status, link = _progress(sandbox, call, report)
    entry = {
        "report_name": report.name,
        "s3_link": link,
        "report_created_at": utc_minute(report.created_at),
        "report_status": status,
    }
    return done([entry], "Success")


def _no_entity(problem: str, code: str) -> Answer:
    detail = f"ErrorDetail(string='{problem}', code='{code}')"
    return refused(422, f"Invalid entity{{'report_reference_number': [{detail}]}}")


def _progress(sandbox: Sandbox, call: Call, report: Report) -> tuple[str, str | None]:
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


def _csv(sandbox: Sandbox, report: Report) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, report.fields, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for _, order in sandbox.vendor.changed_between(report.start, report.end):
        writer.writerow(_row(order))
    return text.getvalue().encode()


def _row(order: Order) -> dict[str, object]:
    latest = order.latest or order.scans[-1]
    values = (
        order.order_id,
        order.reference_number,
        _courier_name(order),
        f"`{order.waybill}"
        if int(hashlib.sha256(order.waybill.encode()).hexdigest(), 16) % 2
        else order.waybill,  # keeps spreadsheets off some, as the real ones do
        "",
        unified_status(latest.code),
        day_first(order.placed_at),
        _first(order, PICKED_UP),
        day_first(latest.scanned_at),
        latest.remark,
        _first(order, DELIVERED),
        day_first(order.updated_at),
        order.account.account_code,
    )
    return dict(zip(COLUMNS, values, strict=True))


def _courier_name(order: Order) -> str:
    name = order.account.courier_name
    return name + _REVERSE if order.cp_id in REVERSE_COURIERS else name


def _first(order: Order, codes: frozenset[int]) -> str:
    return next((day_first(scan.scanned_at) for scan in order.scans if scan.code in codes), "")


async def download(sandbox: Sandbox, call: Call) -> Answer:
    """GET the CSV by the link of a report that is ready: as from a file store, the signature is the key."""
    number, expires = call.query.get("report", ""), call.query.get("Expires", "")
    report = sandbox.office.reports.get(int(number)) if number.isdecimal() else None
    if report is None or report.content is None or call.query.get("Signature") != report.signature:
        return _denied("SignatureDoesNotMatch")
    if not expires.isdecimal() or int(expires) < sandbox.clock.real():
        return _denied("AccessDenied")
    return Answer(200, report.content, "text/csv")


def _denied(code: str) -> Answer:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code></Error>'
    return Answer(403, body.encode(), "application/xml")
