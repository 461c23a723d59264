"""Shipment counts and the dashboard report."""

import csv
import io
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import httpx2
import pytest

from awbridge.sandbox import Faults, SandboxConfig, running
from awbridge.sandbox.wire.codes import unified_status
from tests.sandbox.helpers import code_of, merchant, place

REPORT = "/api/v1/reports/enterprise_dashboard_report/"
COUNT = "/api/v1/fetch-shipment-count/"
INDIA = timezone(timedelta(hours=5, minutes=30))


def utc_text(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def report_request(**changes: Any) -> dict[str, Any]:
    now = time.time()
    filters = {"updated_at_start_time": utc_text(now - 3600), "updated_at_end_time": utc_text(now + 60)}
    return {"report_name": "TRACK_ORDER_DASHBOARD_REPORT", "filters": filters, "fields": []} | changes


async def request(http: httpx2.AsyncClient, **changes: Any) -> int:
    (entry,) = (await http.post(REPORT, json=report_request(**changes))).json()["result"]
    return entry["report_reference_number"]


async def poll(http: httpx2.AsyncClient, reference: object) -> dict[str, Any]:
    (entry,) = (await http.get(REPORT, params={"report_reference_number": str(reference)})).json()["result"]
    return entry


async def download(link: str) -> httpx2.Response:
    """Follow a link without the key."""
    async with httpx2.AsyncClient(trust_env=False, verify=False) as client:
        return await client.get(link)


async def test_a_report_lists_the_changed_shipments_once_ready() -> None:
    async with running(SandboxConfig(report_polls=2)) as sandbox, merchant(sandbox) as http:
        for number in range(9):
            await place(http, f"R-{number}", order_type="COD", cod_value=250)
        await sandbox.finish()
        reference = await request(http)
        waits = [await poll(http, reference) for _ in range(2)]
        assert [(entry["report_status"], entry["s3_link"]) for entry in waits] == [("IN_PROGRESS", None)] * 2
        ready = await poll(http, reference)
        assert ready["report_status"] == "SUCCESS"
        file = await download(ready["s3_link"])
        assert file.headers["content-type"] == "text/csv"
        forged = await download(ready["s3_link"].replace("Signature=", "Signature=0"))
        late = await download(ready["s3_link"].replace("Expires=", "Expires=0&x="))
        assert [forged.status_code, late.status_code] == [403, 403]
        rows = {row["AWB"].lstrip("`"): row for row in csv.DictReader(io.StringIO(file.text))}
        assert rows.keys() == {entry.waybill for entry in sandbox.registry.orders.values()}
        for entry in sandbox.registry.orders.values():
            row = rows[entry.waybill]
            assert (row["Reference Number"], row["Courier Partner"]) == (entry.reference_number, "Delhivery")
            assert row["Clickpost Unified Status"] == unified_status(entry.scans[-1].code)
            assert datetime.strptime(row["Latest Timestamp"], "%d-%m-%Y %H:%M")  # noqa: DTZ007
            assert bool(row["Delivery Date"]) == any(scan.code == 8 for scan in entry.scans)
        assert {row["AWB"][0] for row in csv.DictReader(io.StringIO(file.text))} > {"`"}


async def test_a_report_uses_its_own_status_names() -> None:
    words = {10: "Cancelled", 15: "RTO-Failed Delivery", 27: "RTO-ShipmentDelay", 8: "Delivered", 21: "RTO-InTransit"}
    async with running(SandboxConfig(report_polls=0)) as sandbox, merchant(sandbox) as http:
        for number, code in enumerate(words):
            account = {"courier_partner": 25, "account_code": "Delhivery Reverse"} if not number else {}
            await place(http, f"R-{number}", **account)
            await sandbox.finish()
            order = sandbox.registry.orders[f"R-{number}"]
            order.scans[-1] = replace(order.scans[-1], code=code)
        link = (await poll(http, await request(http)))["s3_link"]
        rows = list(csv.DictReader(io.StringIO((await download(link)).text)))
        assert [row["Clickpost Unified Status"] for row in rows] == list(words.values())
        assert {row["Courier Partner"] for row in rows} == {"Delhivery Reverse", "Delhivery"}


async def test_a_report_has_the_requested_columns_and_window() -> None:
    async with running(SandboxConfig(report_polls=0)) as sandbox, merchant(sandbox) as http:
        await place(http, "R-1")
        await sandbox.finish()
        link = (await poll(http, await request(http, fields=["AWB", "Latest Remark"])))["s3_link"]
        assert (await download(link)).text.splitlines()[0] == "AWB,Latest Remark"
        before = {"updated_at_start_time": "2026-01-01 00:00:00", "updated_at_end_time": "2026-01-02 00:00:00"}
        link = (await poll(http, await request(http, filters=before)))["s3_link"]
        assert len((await download(link)).text.splitlines()) == 1


async def test_a_report_can_fail() -> None:
    config = SandboxConfig(report_polls=1, faults=Faults(failed_reports=1))
    async with running(config) as sandbox, merchant(sandbox) as http:
        reference = await request(http)
        statuses = [(await poll(http, reference))["report_status"] for _ in range(3)]
        assert statuses == ["IN_PROGRESS", "FAILED", "FAILED"]
        sandbox.faults = Faults()
        sandbox.inject_fault("failed_reports")
        references = [await request(http), await request(http)]
        for reference in references:
            await poll(http, reference)
        assert [(await poll(http, each))["report_status"] for each in references] == ["FAILED", "SUCCESS"]


@pytest.mark.parametrize(
    "changes",
    [
        {"report_name": "EVERYTHING"},
        {"filters": {}},
        {"filters": {"updated_at_start_time": "2026-01-01", "updated_at_end_time": "2026-01-02"}},
        {"filters": {"updated_at_start_time": "2026-01-01 00:00:00", "updated_at_end_time": "2026-01-02 00:00:01"}},
        {"filters": {"updated_at_start_time": "2026-01-02 00:00:00", "updated_at_end_time": "2026-01-01 00:00:00"}},
        {"fields": "AWB"},
        {"fields": ["Colour"]},
        {"fields": [{}]},
    ],
)
async def test_an_invalid_report_request_is_rejected(changes: dict[str, Any]) -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        response = await http.post(REPORT, json=report_request(**changes))
        assert (response.status_code, code_of(response)) == (400, 400)


@pytest.mark.parametrize("query", [{}, {"report_reference_number": "17"}, {"report_reference_number": "x"}])
async def test_an_unknown_report_returns_422(query: dict[str, str]) -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        assert code_of(await http.get(REPORT, params=query)) == 422
        assert (await http.get("/_files/tracking.csv", params=query)).status_code == 403


async def test_shipments_are_counted_by_indian_day() -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        for number in range(3):
            await place(http, f"R-{number}")
        await http.post("/api/v3/tracking/awb-register/", json={"waybill": "ELSE-1", "courier_partner": 4})
        midnight = datetime(2026, 3, 14, tzinfo=INDIA).timestamp()
        sandbox.registry.orders["R-0"].placed_at = midnight - 1
        sandbox.registry.orders["R-1"].placed_at = midnight
        response = await http.get(COUNT, params={"start-date": "2026-03-12", "end-date": "2026-03-14"})
        assert response.json()["result"] == {
            "2026-03-12": {},
            "2026-03-13": {"manifestation": 1, "tracking": 1},
            "2026-03-14": {"manifestation": 1, "tracking": 1},
        }
        today = datetime.now(INDIA).date().isoformat()
        response = await http.get(COUNT, params={"start-date": today, "end-date": today})
        assert response.json()["result"] == {today: {"manifestation": 1, "tracking": 2}}


@pytest.mark.parametrize(
    ("start", "end"), [("", ""), ("2026-03-01", "1 March"), ("2026-03-02", "2026-03-01"), ("2020-01-01", "2026-01-01")]
)
async def test_shipment_count_requires_a_valid_date_range(start: str, end: str) -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        assert code_of(await http.get(COUNT, params={"start-date": start, "end-date": end})) == 400
