"""The sandbox takes every order that the vendor publishes as an example, and v3's older form."""

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
async def test_every_example_is_placed() -> None:
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
            answer = await http.post(example.operation.path, json=body)
            assert code_of(answer) == 200, f"{example}: {answer.text}"
            assert sandbox.registry.orders[f"R-{number}"].is_rvp is (details.get("delivery_type") == "RVP")


async def test_what_stands_in_additional_counts() -> None:
    config = SandboxConfig(odd_answers=0, accounts=(_account(4, "back", exchange=False),))
    said = {"delivery_type": "RVP", "rvp_reason": "x", "awb_number": "430", "order_id": "7", "account_code": "back"}
    async with running(config) as sandbox, merchant(sandbox) as http:
        body = order("R", additional=said)
        for name in ("delivery_type", "order_id", "account_code"):
            del body["shipment_details"][name]
        assert code_of(await http.post(CREATE, json=body)) == 200
        placed = sandbox.registry.orders["R"]
        assert (placed.is_rvp, placed.waybill, placed.account.account_code) == (True, "430", "back")


@pytest.mark.parametrize(("details", "said"), [("FORWARD", {"delivery_type": "RVP"}), ("RVP", {"order_id": "8"})])
async def test_two_places_that_contradict_each_other_are_refused(details: str, said: dict[str, Any]) -> None:
    async with running(SandboxConfig(odd_answers=0)) as sandbox, merchant(sandbox) as http:
        body = order("R", additional=said, delivery_type=details, rvp_reason="x")
        answer = await http.post(CREATE, json=body)
        assert code_of(answer) == 314
        assert next(iter(said)) in answer.json()["meta"]["message"]


async def test_a_place_has_the_limits_of_its_page() -> None:
    async with running(SandboxConfig(odd_answers=0)) as sandbox, merchant(sandbox) as http:
        body = order("R")
        body["drop_info"]["drop_address"] = "A" * 501
        assert code_of(await http.post(CREATE, json=body)) == 314
