"""The sandbox accepts every order example that the vendor publishes, including v3's older form."""

import copy
from typing import Any

import pytest

from awbridge.sandbox import SandboxConfig, SimulatedAccount, running
from tests.sandbox.helpers import CREATE, code_of, merchant, order
from tests.support import vendor_files

PATHS = ("/api/v3/create-order/", "/api/v4/create-order/")


def _account(cp_id: int, code: str, *, exchange: bool) -> SimulatedAccount:
    return SimulatedAccount(
        courier_partner_id=cp_id, courier_name=f"Courier {cp_id}", account_code=code, rvp=True, exchange=exchange
    )


@vendor_files.needed
async def test_every_published_example_is_placed() -> None:
    examples = [e for e in vendor_files.request_examples() if e.operation.path in PATHS]
    assert {e.operation.path for e in examples} == set(PATHS)
    for number, example in enumerate(examples):
        body = copy.deepcopy(example.body)
        details = body.get("shipment_details") or body
        details["reference_number"] = f"R-{number}"
        code = details.get("account_code") or (body.get("additional") or {}).get("account_code") or ""
        account = _account(int(details["courier_partner"]), code, exchange=True)
        config = SandboxConfig(odd_answers=0, accounts=(account,))
        async with running(config) as sandbox, merchant(sandbox) as http:
            response = await http.post(example.operation.path, json=body)
            assert code_of(response) == 200, f"{example}: {response.text}"
            assert sandbox.registry.orders[f"R-{number}"].is_rvp is (details.get("delivery_type") == "RVP")


async def test_fields_in_additional_are_used() -> None:
    config = SandboxConfig(odd_answers=0, accounts=(_account(4, "back", exchange=False),))
    additional = {"delivery_type": "RVP", "rvp_reason": "x", "awb_number": "430"}
    additional |= {"order_id": "7", "account_code": "back"}
    async with running(config) as sandbox, merchant(sandbox) as http:
        body = order("R", additional=additional)
        for name in ("delivery_type", "order_id", "account_code"):
            del body["shipment_details"][name]
        assert code_of(await http.post(CREATE, json=body)) == 200
        placed = sandbox.registry.orders["R"]
        assert (placed.is_rvp, placed.waybill, placed.account.account_code) == (True, "430", "back")


@pytest.mark.parametrize(("details", "additional"), [("FORWARD", {"delivery_type": "RVP"}), ("RVP", {"order_id": "8"})])
async def test_a_field_that_differs_from_additional_is_rejected(details: str, additional: dict[str, Any]) -> None:
    async with running(SandboxConfig(odd_answers=0)) as sandbox, merchant(sandbox) as http:
        body = order("R", additional=additional, delivery_type=details, rvp_reason="x")
        response = await http.post(CREATE, json=body)
        assert code_of(response) == 314
        assert next(iter(additional)) in response.json()["meta"]["message"]


async def test_an_address_that_exceeds_the_documented_limits_is_rejected() -> None:
    async with running(SandboxConfig(odd_answers=0)) as sandbox, merchant(sandbox) as http:
        body = order("R")
        body["drop_info"]["drop_address"] = "A" * 501
        assert code_of(await http.post(CREATE, json=body)) == 314
