"""The polling endpoints: track-order, updated-order."""

import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import httpx2

from awbridge.sandbox import Faults, Sandbox, SandboxConfig, running
from tests.sandbox.helpers import code_of, merchant, place

INDIA = timezone(timedelta(hours=5, minutes=30))


async def _finished(sandbox: Sandbox, http: httpx2.AsyncClient, count: int, **details: Any) -> list[str]:
    for number in range(count):
        await place(http, f"T-{number}", **details)
    await sandbox.finish()
    return [shipment.waybill for shipment in sandbox.registry.orders.values()]


async def track(http: httpx2.AsyncClient, *waybills: str, cp_id: int = 4) -> httpx2.Response:
    return await http.get("/api/v2/track-order/", params={"waybill": ",".join(waybills), "cp_id": cp_id})


def identity(waybill: str, row: dict[str, Any]) -> tuple[Any, ...]:
    seconds = datetime.fromisoformat(row["timestamp"]).replace(tzinfo=INDIA).timestamp()
    return waybill, row["clickpost_status_code"], seconds, row["status"], row["location"]


async def test_track_order_returns_the_scans_of_the_ledger_newest_first() -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        waybills = await _finished(sandbox, http, 5)
        response = (await track(http, *waybills)).json()
        assert response["meta"]["status"] == 200
        for shipment in sandbox.registry.orders.values():
            tracked = response["result"][shipment.waybill]
            expected = [
                (scan.waybill, scan.code, scan.scanned_at, scan.status, scan.location) for scan in shipment.scans[::-1]
            ]
            assert [identity(shipment.waybill, row) for row in tracked["scans"]] == expected
            assert [row["checkpoint_id"] for row in tracked["scans"]] == [s.checkpoint_id for s in shipment.scans[::-1]]
            assert all("order_status_id" not in row for row in tracked["scans"])
            assert identity(shipment.waybill, tracked["latest_status"]) == expected[0]
            assert tracked["valid"] is True
            assert tracked["additional"]["order_id"] == shipment.order_id


async def test_created_at_of_a_scan_is_utc_without_zone() -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        (waybill,) = await _finished(sandbox, http, 1)
        created = (await track(http, waybill)).json()["result"][waybill]["scans"][0]["created_at"]
        learnt = datetime.strptime(created, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        assert abs(learnt.timestamp() - time.time()) < 5


async def test_an_older_account_gets_a_list_of_scans() -> None:
    async with running(SandboxConfig(faults=Faults(older_account=1))) as sandbox, merchant(sandbox) as http:
        (waybill,) = await _finished(sandbox, http, 1)
        tracked = (await track(http, waybill)).json()["result"][waybill]
        assert len(tracked) == len(sandbox.registry.orders["T-0"].scans)


async def test_an_unknown_waybill_is_null_or_invalid() -> None:
    shapes: set[str] = set()
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        (waybill,) = await _finished(sandbox, http, 1)
        assert (await track(http, waybill, "nobody", cp_id=5)).json()["result"].keys() == {waybill, "nobody"}
        for number in range(12):
            result = (await track(http, f"unknown-{number}")).json()["result"]
            shapes.add("null" if result is None else str(result[f"unknown-{number}"]["valid"]))
    assert shapes == {"null", "False"}


async def test_more_than_five_waybills_or_no_courier_are_rejected() -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        assert code_of(await track(http, *"123456")) == 400
        assert code_of(await http.get("/api/v2/track-order/", params={"waybill": "1"})) == 400


async def follow(url: str) -> dict[str, Any]:
    """Fetch a page by its `next` URL, which includes host, username and key."""
    async with httpx2.AsyncClient(trust_env=False, verify=False) as client:
        return (await client.get(url)).json()


async def _window(http: httpx2.AsyncClient, start: float, end: float) -> tuple[list[dict[str, Any]], int]:
    window = {"start_date": int(start), "end_date": int(end)}
    page = (await http.get("/api/v1/updated-order", params=window)).json()
    rows, pages = page["result"], 1
    while following := page["meta"].get("next"):
        page = await follow(following)
        rows += page["result"]
        pages += 1
    return rows, pages


async def test_updated_order_lists_every_changed_shipment_once_across_pages() -> None:
    async with running(SandboxConfig(page_size=3)) as sandbox, merchant(sandbox) as http:
        waybills = await _finished(sandbox, http, 10)
        rows, pages = await _window(http, time.time() - 60, time.time() + 60)
        assert pages == 4
        assert sorted(row["waybill"] for row in rows) == sorted(waybills)
        for row in rows:
            latest = sandbox.registry.orders[row["reference_number"]].scans[-1]
            expected = (latest.waybill, latest.code, latest.scanned_at, latest.status, latest.location)
            assert identity(row["waybill"], row) == expected
            assert row["updated_at"].endswith("Z")
            assert abs(datetime.fromisoformat(row["updated_at"]).timestamp() - time.time()) < 10


async def test_pages_miss_no_shipment_that_changes_meanwhile() -> None:
    async with running(SandboxConfig(page_size=2, tick_seconds=60)) as sandbox, merchant(sandbox) as http:
        for number in range(6):
            await place(http, f"T-{number}")
        await sandbox.advance(0)
        assert all(len(shipment.scans) == 1 for shipment in sandbox.registry.orders.values())
        window = {"start_date": int(time.time()) - 60, "end_date": int(time.time()) + 60}
        page = (await http.get("/api/v1/updated-order", params=window)).json()
        seen = {row["waybill"] for row in page["result"]}
        await sandbox.finish()
        while following := page["meta"].get("next"):
            page = await follow(following)
            seen |= {row["waybill"] for row in page["result"]}
        assert len(seen) == 6


async def test_updated_order_rejects_long_and_invalid_windows() -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        for window in ({"start_date": 0, "end_date": 1801}, {"start_date": 9, "end_date": 1}, {"start_date": "x"}, {}):
            assert code_of(await http.get("/api/v1/updated-order/", params=window)) == 400
        assert code_of(await http.get("/api/v1/updated-order", params={"start_date": 0, "end_date": 1800})) == 200
