"""Multi-piece orders whose pieces have their own scans."""

from typing import Any

import httpx2
import pytest

from awbridge.sandbox import SandboxConfig, running
from tests.sandbox.helpers import item, merchant, only, order, receiver, settled

TRACK = "/api/v2/track-order/"


def with_piece_scans(**changes: Any) -> SandboxConfig:
    return SandboxConfig(
        weights=only("delivered"), piece_scans=1, odd_answers=0, odd_values=0, undocumented_codes=0, **changes
    )


async def place_pieces(http: httpx2.AsyncClient, reference: str, number: int = 3) -> None:
    payload = order(reference, items=[item(sku=f"S{n}") for n in range(number)], additional={"mps": True})
    assert (await http.post("/api/v3/create-order/", json=payload)).json()["meta"]["status"] == 200


async def test_every_piece_has_its_own_scans_and_one_can_fail() -> None:
    async with running(with_piece_scans(wrong_pieces=1, pieces_alone=0)) as sandbox, merchant(sandbox) as http:
        for number in range(12):
            await place_pieces(http, f"M-{number}")
        await sandbox.finish()
        ends: set[int] = set()
        for shipment in sandbox.registry.orders.values():
            by_waybill = {scan.waybill: scan.code for scan in shipment.scans}
            assert by_waybill.keys() == {shipment.waybill, *shipment.children}
            assert by_waybill[shipment.waybill] == 8
            assert sum(by_waybill[child] == 8 for child in shipment.children) >= 2
            ends |= set(by_waybill.values())
            times = [scan.scanned_at for scan in shipment.scans]
            assert times == sorted(set(times)), "at least a second apart"
            assert shipment.latest is not None
            assert shipment.latest.waybill == shipment.waybill
        assert {8, 14, 16, 17} <= ends


@pytest.mark.parametrize(("action", "end"), [("INITIATE_RTO", 14), ("REATTEMPT", 8)])
async def test_an_instruction_for_a_piece_affects_only_that_piece(action: str, end: int) -> None:
    config = with_piece_scans(wrong_pieces=1, pieces_alone=0, backdate_seconds=30 * 86400)
    async with running(config) as sandbox, merchant(sandbox) as http:
        for number in range(12):
            await place_pieces(http, f"M-{number}")
        failing = {
            (shipment.reference_number, step.piece): step.offset + shipment.report_delay
            for shipment in sandbox.registry.orders.values()
            for step in shipment.steps
            if step.code == 9
        }
        reference, piece = min(failing, key=lambda found: failing[found])
        shipment = sandbox.registry.orders[reference]
        piece_waybill, other = shipment.children[piece - 1], shipment.children[piece % 3]
        instruction = {"action": action, "cp_id": 4, "account_code": "Delhivery Surface"}
        early = await http.post("/api/v2/ndr-update-api", json={**instruction, "waybill": piece_waybill})
        assert early.json()["meta"]["message"] == "Bad Request , Shipment is not in Failed Delivery"
        while not (latest := shipment.latest_of(piece_waybill)) or latest.code != 9:
            await sandbox.advance(600)
        for waybill, status in ((other, 400), (shipment.waybill, 400), (piece_waybill, 200)):
            response = await http.post("/api/v2/ndr-update-api", json={**instruction, "waybill": waybill})
            assert response.json()["meta"]["status"] == status, waybill
        await sandbox.finish()
        last = {scan.waybill: scan.code for scan in shipment.scans}
        assert last == {shipment.waybill: 8, **dict.fromkeys(shipment.children, 8), piece_waybill: end}
        times = [scan.scanned_at for scan in shipment.scans]
        assert times == sorted(set(times))


async def test_a_courier_can_report_pieces_only() -> None:
    async with running(with_piece_scans(wrong_pieces=0, pieces_alone=1)) as sandbox, merchant(sandbox) as http:
        await place_pieces(http, "M")
        await sandbox.finish()
        shipment = sandbox.registry.orders["M"]
        assert {scan.waybill for scan in shipment.scans} == set(shipment.children)
        waybills = ",".join((shipment.waybill, *shipment.children))
        result = (await http.get(TRACK, params={"waybill": waybills, "cp_id": 4})).json()["result"]
        assert result[shipment.waybill]["scans"] == []
        for child in shipment.children:
            assert result[child]["latest_status"]["clickpost_status_code"] == 8
            assert len(result[child]["scans"]) == sum(scan.waybill == child for scan in shipment.scans)


async def test_webhooks_of_a_piece_have_its_waybill_and_latest_status() -> None:
    async with receiver() as hook:
        config = with_piece_scans(wrong_pieces=1, pieces_alone=0.5, webhook_url=hook.url)
        async with running(config) as sandbox, merchant(sandbox) as http:
            for number in range(4):
                await place_pieces(http, f"M-{number}")
            await sandbox.finish()
            await settled(sandbox)
            children = {child for shipment in sandbox.registry.orders.values() for child in shipment.children}
            sent = [body for body in hook.bodies if body.get("waybill") in children]
            assert {body["waybill"] for body in sent} == children
            for body in sent:
                latest = body["additional"].get("latest_status", body)
                assert latest["clickpost_status_code"] == body["clickpost_status_code"]


async def test_multi_piece_orders_have_one_journey_by_default() -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        await place_pieces(http, "M")
        await sandbox.finish()
        shipment = sandbox.registry.orders["M"]
        assert {scan.waybill for scan in shipment.scans} == {shipment.waybill}
        assert not shipment.has_piece_scans
