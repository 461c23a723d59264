"""The endpoints of a placed order: label, security key, proof of delivery, edits, WhatsApp."""

from typing import Any

import pytest

from awbridge.sandbox import SandboxConfig, SimulatedAccount, running
from tests.sandbox.helpers import code_of, merchant, only, place

PLAIN = SandboxConfig(odd_answers=0)
LABEL = "/api/v1/fetch/shippinglabel/"
POD = "/v1/pod/pod_from_shipment_details/"
EDIT = "/api/v1/edit-order/"
WHATSAPP = "/api/v1/enable_shipment_notification/"


async def test_the_label_stays_the_same_until_it_is_regenerated() -> None:
    async with running(PLAIN) as sandbox, merchant(sandbox) as http:
        placed = (await place(http, "A-1")).json()["result"]
        where = {"waybill": placed["waybill"], "cp_id": 4}
        first = (await http.get(LABEL, params=where)).json()["result"]["shipping_label"]
        assert first == placed["label"]
        again = await http.get(LABEL, params=where | {"regenerate": "true"})
        assert again.json()["result"]["shipping_label"] != first


async def test_an_order_without_a_label_gets_one_on_regenerate() -> None:
    async with running(PLAIN) as sandbox, merchant(sandbox) as http:
        await place(http, "A-1", additional={"label": False})
        where = {"waybill": sandbox.registry.orders["A-1"].waybill, "cp_id": 4}
        assert code_of(await http.get(LABEL, params=where)) == 500
        assert code_of(await http.get(LABEL, params=where | {"regenerate": "true"})) == 200
        assert code_of(await http.get(LABEL, params=where)) == 200
        assert code_of(await http.get(LABEL, params=where | {"regenerate": "maybe"})) == 400
        assert code_of(await http.get(LABEL, params=where | {"cp_id": 6})) == 400


async def test_the_security_key_is_that_of_the_order() -> None:
    async with running(PLAIN) as sandbox, merchant(sandbox) as http:
        placed = (await place(http, "A-1")).json()["result"]
        where = {"waybill": placed["waybill"], "cp_id": 4}
        assert (await http.get("/api/v1/shipment-security-key", params=where)).json()["result"] == {
            "waybill": placed["waybill"],
            "cp_id": 4,
            "security_key": placed["security_key"],
            "reference_number": "A-1",
        }
        assert code_of(await http.get("/api/v1/shipment-security-key", params={"waybill": "x", "cp_id": 4})) == 400


async def test_proof_of_delivery_exists_after_delivery() -> None:
    async with running(SandboxConfig(weights=only("delivered"))) as sandbox, merchant(sandbox) as http:
        await place(http, "A-1")
        where = {"waybill": sandbox.registry.orders["A-1"].waybill, "cp_id": 4}
        assert code_of(await http.get(POD, params=where)) == 400
        await sandbox.finish()
        assert where["waybill"] in (await http.get(POD, params=where)).json()["result"]["pod_url"]
        assert code_of(await http.get(POD, params=where | {"waybill": "nobody"})) == 400


async def test_proof_of_delivery_requires_an_entitled_account() -> None:
    accounts = (SimulatedAccount(courier_partner_id=4, courier_name="Delhivery", account_code="a", pod=False),)
    async with running(SandboxConfig(accounts=accounts)) as sandbox, merchant(sandbox) as http:
        await place(http, "A-1")
        where = {"waybill": sandbox.registry.orders["A-1"].waybill, "cp_id": 4}
        assert code_of(await http.get(POD, params=where)) == 306


async def test_payment_can_be_edited() -> None:
    async with running(PLAIN) as sandbox, merchant(sandbox) as http:
        await place(http, "A-1", order_type="COD", cod_value=250)
        shipment = sandbox.registry.orders["A-1"]
        where = {"awb_number": shipment.waybill, "courier_partner": 4}
        response = await http.post(EDIT, json=where | {"order_type": "PREPAID"})
        assert response.json() == {"meta": {"status": 200, "success": True, "message": "ACCEPTED"}}
        assert (shipment.order_type, shipment.cod_value) == ("PREPAID", 0)
        assert code_of(await http.post(EDIT, json=where | {"order_type": "COD", "cod_value": 99.5})) == 200
        assert (shipment.order_type, shipment.cod_value) == ("COD", 99.5)
        ewaybill = {"ewaybill_serial_number": "77", "invoice_number": "I", "invoice_date": "2026-03-01"}
        assert code_of(await http.post(EDIT, json=where | ewaybill | {"edit_order_service": 2})) == 200


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        (330, {"awb_number": "nobody", "qc_type": "doorstep"}),
        (400, {"awb_number": "", "qc_type": "doorstep"}),
        (400, {}),
        (400, {"order_type": "EXCHANGE"}),
        (400, {"order_type": "COD"}),
        (400, {"order_type": "PREPAID", "cod_value": 4}),
        (400, {"cod_value": 4}),
        (400, {"qc_type": "warehouse"}),
        (400, {"edit_order_service": 2, "invoice_number": "I"}),
        (400, {"ewaybill_serial_number": "7", "invoice_number": "I", "invoice_date": "1/2/26"}),
    ],
)
async def test_an_invalid_edit_is_rejected(code: int, changes: dict[str, Any]) -> None:
    async with running(PLAIN) as sandbox, merchant(sandbox) as http:
        await place(http, "A-1")
        shipment = sandbox.registry.orders["A-1"]
        body = {"awb_number": shipment.waybill, "courier_partner": 4} | changes
        assert code_of(await http.post(EDIT, json=body)) == code
        assert (shipment.order_type, shipment.cod_value) == ("PREPAID", 0)


async def test_a_completed_shipment_cannot_be_edited() -> None:
    async with running(PLAIN) as sandbox, merchant(sandbox) as http:
        await place(http, "A-1")
        await sandbox.finish()
        body = {"awb_number": sandbox.registry.orders["A-1"].waybill, "courier_partner": 4, "qc_type": "doorstep"}
        assert code_of(await http.post(EDIT, json=body)) == 400


async def test_whatsapp_can_be_disabled_per_shipment() -> None:
    async with running(PLAIN) as sandbox, merchant(sandbox) as http:
        await place(http, "A-1")
        waybill = sandbox.registry.orders["A-1"].waybill
        assert code_of(await http.post(WHATSAPP, json={"awb": waybill, "whatsapp_disable": True})) == 200
        assert sandbox.account_records.whatsapp_disabled == {waybill}
        assert code_of(await http.post(WHATSAPP, json={"awb": waybill, "whatsapp_disable": False})) == 200
        assert sandbox.account_records.whatsapp_disabled == set()
        for body in ({"awb": waybill}, {"awb": "nobody", "whatsapp_disable": True}, [1]):
            response = await http.post(WHATSAPP, json=body)
            assert (response.status_code, code_of(response)) == (400, 400)
