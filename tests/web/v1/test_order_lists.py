"""GET /v1/shipments: its lists, filters and pages."""

from __future__ import annotations

import base64
import json
import sys
from datetime import timedelta
from typing import Any

import pytest

from awbridge.domain.orders.shipment import Piece, WaybillKind
from awbridge.store.orders import waybills
from awbridge.store.orders.waybills import NewWaybill
from awbridge.web.v1.views.shipments import ShipmentPage
from tests.support.app import Web, problem
from tests.support.rows import MINUTE, T0, add, place, sql
from tests.support.stores import sqlite_only
from tests.support.stuck import mark_stuck
from tests.web.v1.test_tracking import a_tracked_shipment


@pytest.mark.parametrize("limit", [1, 3, 500])
async def test_pages_contain_every_shipment_once_newest_first(web: Web, limit: int) -> None:
    for n in range(7):
        await add(web.store, f"R{n}", now=T0 + timedelta(minutes=n // 3))
    seen: list[str] = []
    cursor = None
    while True:
        page = (
            await web.http.get("/v1/shipments", params={"limit": limit} | ({"cursor": cursor} if cursor else {}))
        ).json()
        assert len(page["shipments"]) <= limit
        seen += [s["reference_number"] for s in page["shipments"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == ["R6", "R5", "R4", "R3", "R2", "R1", "R0"]


@sqlite_only
async def test_a_page_is_what_its_described_models_are(web: Web) -> None:
    """It is written without them: 500 shipments of 50 fields."""
    await a_tracked_shipment(web)
    await add(web.store, "NEW", "REJECTED", "LEAVING", "é")
    await place(web.store, "LEAVING", "AWB9")
    async with web.store.write() as session:
        problem = "UPDATE shipments SET state = 'rejected', problem = $1 WHERE reference_number = 'REJECTED'"
        await session.execute(sql(problem), "Phone 9812345678 of Asha is invalid")
        leaving = "UPDATE shipments SET cancel_requested_at = $1, cancel_state = 'waiting' WHERE waybill = 'AWB9'"
        await session.execute(sql(leaving), T0 + timedelta(microseconds=70))
    page = (await web.http.get("/v1/shipments")).text
    assert len(page.split("reference_number")) > 5
    assert "9812345678" not in page
    assert page == ShipmentPage.model_validate_json(page).model_dump_json()


async def test_a_page_is_shown_without_reading_a_payload(web: Web) -> None:
    await add(web.store, "R1", "R2")
    async with web.store.write() as session:
        await session.execute(sql("UPDATE shipments SET payload = 'unreadable', packed_payload = NULL"))
    for path in ("/v1/shipments", "/v1/shipments?cod=false", "/v1/shipments?state=ready"):
        shown = (await web.http.get(path)).json()["shipments"]
        assert {shipment["reference_number"] for shipment in shown} == {"R1", "R2"}, path


@sqlite_only
async def test_a_shipment_of_a_page_takes_few_calls_of_python(web: Web) -> None:
    """A page of 500 is Python's time, whatever the size of the database. With dataclasses and models it took 81."""
    for n in range(60):
        await add(web.store, f"R{n}")

    async def calls(limit: int) -> int:
        counted = 0

        def count(_frame: Any, event: str, _of: Any) -> None:
            nonlocal counted
            counted += event in ("call", "c_call")

        sys.setprofile(count)
        try:
            page = await web.http.get("/v1/shipments", params={"limit": limit})
        finally:
            sys.setprofile(None)
        assert len(page.json()["shipments"]) == limit
        return counted

    await calls(50)  # what is made once
    assert await calls(50) - await calls(10) < 40 * 50


async def test_shipments_can_be_listed_by_state(web: Web) -> None:
    await add(web.store, "A", "B")
    await place(web.store, "A", "AWB1")
    page = (await web.http.get("/v1/shipments", params={"state": "placed"})).json()
    assert [s["reference_number"] for s in page["shipments"]] == ["A"]


@pytest.mark.parametrize("params", [{"state": "lost"}, {"limit": 0}, {"limit": 501}, {"limit": "many"}])
@sqlite_only
async def test_an_invalid_parameter_is_named(web: Web, params: dict[str, Any]) -> None:
    body = problem(await web.http.get("/v1/shipments", params=params), 422)
    assert [e["path"] for e in body["errors"]] == [f"query.{next(iter(params))}"]


@pytest.mark.parametrize(
    "content",
    [
        "nonsense", "é", [], 7, ["2026-01-01T00:00:00Z"], ["yesterday", "R"], ["2026-01-01T00:00:00Z", "a\x00b"],
        ["2026-01-01T00:00:00Z", "\ud800"], ["0001-01-01T00:00:00+14:00", "R"], ["2026-01-01T00:00:00Z", 7],
        [None, None],
    ],
)  # fmt: skip
async def test_a_cursor_of_another_origin_is_refused(web: Web, content: Any) -> None:
    cursor = content if isinstance(content, str) else base64.urlsafe_b64encode(json.dumps(content).encode()).decode()
    problem(await web.http.get("/v1/shipments", params={"cursor": cursor}), 400)


@pytest.mark.parametrize("which", ["stuck", "sla_breached", "ndr", "piece_exception"])
async def test_shipments_that_need_attention_are_listed_page_by_page(web: Web, which: str) -> None:
    await a_tracked_shipment(web)
    column = {"stuck": "status_at", "sla_breached": "edd_due_at", "ndr": "ndr_at"}.get(which, "piece_exception_at")
    for n in range(3):
        await add(web.store, f"S{n}")
        await place(web.store, f"S{n}", f"AWB-S{n}", now=T0 + timedelta(days=30))
        async with web.store.write() as session:
            at = T0 - timedelta(days=9 - n)
            assert await session.execute(
                sql(f"UPDATE shipments SET {column} = $1 WHERE reference_number = $2"), at, f"S{n}"
            )
    await mark_stuck(web.store, web.clock())
    seen: list[str] = []
    page: dict[str, Any] = {"next": ""}
    while page["next"] is not None:
        answer = await web.http.get("/v1/shipments", params={which: True, "limit": 3, "cursor": page["next"]})
        page = answer.json()
        seen += [s["reference_number"] for s in page["shipments"]]
    assert seen == ["S0", "S1", "S2", *(["R"] if which != "piece_exception" else [])]


async def test_a_list_and_a_state_exclude_each_other(web: Web) -> None:
    body = problem(await web.http.get("/v1/shipments", params={"stuck": True, "state": "placed"}), 400)
    assert "one at a time" in body["title"]


async def test_shipments_are_found_by_any_of_their_waybills(web: Web) -> None:
    await add(web.store, "A", "B")
    await place(web.store, "A", "AWB-A", children=("AWB-CHILD",))
    await place(web.store, "B", "AWB-B")
    async with web.store.write() as session:
        others = [("AWB-CHILD", 4, WaybillKind.CHILD), ("AWB-RTO", 4, WaybillKind.RTO), ("AWB-B", 9, WaybillKind.RTO)]
        await waybills.add(session, [NewWaybill(Piece(waybill=w), c, "A", kind, T0) for w, c, kind in others], now=T0)
    for waybill, references in (("AWB-A", ["A"]), ("AWB-CHILD", ["A"]), (" AWB-RTO", ["A"]), ("AWB-B", ["B", "A"])):
        page = (await web.http.get("/v1/shipments", params={"waybill": waybill})).json()
        assert [s["reference_number"] for s in page["shipments"]] == references, waybill
        assert page["next"] is None
    assert (await web.http.get("/v1/shipments", params={"waybill": "nobody's\x00"})).json()["shipments"] == []


async def test_shipments_of_an_order_are_paged_newest_first(web: Web) -> None:
    for number in range(5):
        await add(web.store, f"R{number}", order_id="77", now=T0 + number * MINUTE)
    await add(web.store, "OTHER", order_id="78")
    seen: list[str] = []
    cursor: str | None = None
    while True:
        params = {"order_id": "77", "limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await web.http.get("/v1/shipments", params=params)).json()
        seen += [s["reference_number"] for s in page["shipments"]]
        cursor = page["next"]
        if not cursor:
            break
    assert seen == ["R4", "R3", "R2", "R1", "R0"]


async def test_two_lists_exclude_each_other(web: Web) -> None:
    answer = await web.http.get("/v1/shipments", params={"waybill": "A", "order_id": "7"})
    assert answer.status_code == 400
