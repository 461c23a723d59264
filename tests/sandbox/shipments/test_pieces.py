"""Boxes that are scanned one by one, and returns that ClickPost tells of."""

from typing import Any

import httpx2
import pytest

from awbridge.sandbox import SandboxConfig, running
from tests.sandbox.helpers import item, merchant, only, order, receiver, settled

TRACK = "/api/v2/track-order/"


def boxes(**changes: Any) -> SandboxConfig:
    return SandboxConfig(
        weights=only("delivered"), piece_scans=1, odd_answers=0, odd_values=0, undocumented_codes=0, **changes
    )


async def place_boxes(http: httpx2.AsyncClient, reference: str, number: int = 3) -> None:
    given = order(reference, items=[item(sku=f"S{n}") for n in range(number)], additional={"mps": True})
    assert (await http.post("/api/v3/create-order/", json=given)).json()["meta"]["status"] == 200


async def test_every_box_has_scans_of_its_own_and_one_may_end_otherwise() -> None:
    async with running(boxes(wrong_pieces=1, pieces_alone=0)) as sandbox, merchant(sandbox) as http:
        for number in range(12):
            await place_boxes(http, f"M-{number}")
        await sandbox.finish()
        ends: set[int] = set()
        for entry in sandbox.registry.orders.values():
            by_waybill = {scan.waybill: scan.code for scan in entry.scans}
            assert by_waybill.keys() == {entry.waybill, *entry.children}
            assert by_waybill[entry.waybill] == 8
            assert sum(by_waybill[child] == 8 for child in entry.children) >= 2
            ends |= set(by_waybill.values())
            times = [scan.scanned_at for scan in entry.scans]
            assert times == sorted(set(times)), "a second apart, at least"
            assert entry.latest is not None
            assert entry.latest.waybill == entry.waybill
        assert {8, 14, 16, 17} <= ends


@pytest.mark.parametrize(("action", "end"), [("INITIATE_RTO", 14), ("REATTEMPT", 8)])
async def test_an_instruction_for_a_box_moves_that_box_alone(action: str, end: int) -> None:
    config = boxes(wrong_pieces=1, pieces_alone=0, backdate_seconds=30 * 86400)
    async with running(config) as sandbox, merchant(sandbox) as http:
        for number in range(12):
            await place_boxes(http, f"M-{number}")
        failing = {
            (entry.reference_number, step.piece): step.offset + entry.report_delay
            for entry in sandbox.registry.orders.values()
            for step in entry.steps
            if step.code == 9
        }
        reference, piece = min(failing, key=lambda found: failing[found])
        entry = sandbox.registry.orders[reference]
        box, other = entry.children[piece - 1], entry.children[piece % 3]
        wish = {"action": action, "cp_id": 4, "account_code": "Delhivery Surface"}
        early = await http.post("/api/v2/ndr-update-api", json={**wish, "waybill": box})
        assert early.json()["meta"]["message"] == "Bad Request , Shipment is not in Failed Delivery"
        while not (latest := entry.latest_of(box)) or latest.code != 9:
            await sandbox.advance(600)
        for waybill, status in ((other, 400), (entry.waybill, 400), (box, 200)):
            answer = await http.post("/api/v2/ndr-update-api", json={**wish, "waybill": waybill})
            assert answer.json()["meta"]["status"] == status, waybill
        await sandbox.finish()
        last = {scan.waybill: scan.code for scan in entry.scans}
        assert last == {entry.waybill: 8, **dict.fromkeys(entry.children, 8), box: end}
        times = [scan.scanned_at for scan in entry.scans]
        assert times == sorted(set(times))


async def test_a_courier_may_tell_of_boxes_alone() -> None:
    async with running(boxes(wrong_pieces=0, pieces_alone=1)) as sandbox, merchant(sandbox) as http:
        await place_boxes(http, "M")
        await sandbox.finish()
        entry = sandbox.registry.orders["M"]
        assert {scan.waybill for scan in entry.scans} == set(entry.children)
        asked = ",".join((entry.waybill, *entry.children))
        result = (await http.get(TRACK, params={"waybill": asked, "cp_id": 4})).json()["result"]
        assert result[entry.waybill]["scans"] == []
        for child in entry.children:
            assert result[child]["latest_status"]["clickpost_status_code"] == 8
            assert len(result[child]["scans"]) == sum(scan.waybill == child for scan in entry.scans)


async def test_webhooks_of_a_box_name_its_waybill_and_its_latest_status() -> None:
    async with receiver() as hook:
        config = boxes(wrong_pieces=1, pieces_alone=0.5, webhook_url=hook.url)
        async with running(config) as sandbox, merchant(sandbox) as http:
            for number in range(4):
                await place_boxes(http, f"M-{number}")
            await sandbox.finish()
            await settled(sandbox)
            children = {child for entry in sandbox.registry.orders.values() for child in entry.children}
            told = [body for body in hook.bodies if body.get("waybill") in children]
            assert {body["waybill"] for body in told} == children
            for body in told:
                latest = body["additional"].get("latest_status", body)
                assert latest["clickpost_status_code"] == body["clickpost_status_code"]


async def test_orders_of_several_pieces_are_one_journey_by_default() -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        await place_boxes(http, "M")
        await sandbox.finish()
        entry = sandbox.registry.orders["M"]
        assert {scan.waybill for scan in entry.scans} == {entry.waybill}
        assert not entry.has_piece_scans
