"""Recommendations and predictions are deterministic."""

from typing import Any

import pytest

from awbridge.sandbox import SandboxConfig, SimulatedAccount, running
from tests.sandbox.helpers import code_of, merchant

SERVED = SandboxConfig(serviceable_share=1, unserved_pincodes=("190001",))
INDIA = "/api/v1/recommendation_api/"
WORLD = "/api/v2/recommendation/"
EDD = "/api/v2/predicted_sla_api/"
GLOBAL_EDD = "/api/v1/global_edd/"


def shipment(**changes: Any) -> dict[str, Any]:
    return {
        "reference_number": "TEA-1",
        "pickup_pincode": "411001",
        "drop_pincode": "560001",
        "order_type": "PREPAID",
        "delivery_type": "FORWARD",
        "weight": 400,
        **changes,
    }


def parcel(country: str = "AE", **changes: Any) -> dict[str, Any]:
    details = {"reference_number": "TEA-1", "order_type": "PREPAID", "delivery_type": "FORWARD"}
    return {
        "pickup_info": {"name": "Tea", "postal_code": "411001", "country_code": "IN"},
        "drop_info": {"name": "A Customer", "postal_code": "190001", "country_code": country},
        "shipment_details": details | changes,
    }


async def test_accounts_are_ranked_and_the_ranking_is_stable() -> None:
    async with running(SERVED) as sandbox, merchant(sandbox) as http:
        first = (await http.post(INDIA, json=[shipment(), shipment(drop_pincode="190001")])).json()["result"]
        assert first == (await http.post(INDIA, json=[shipment(), shipment(drop_pincode="190001")])).json()["result"]
        assert [entry["pincode_serviceable"] for entry in first] == [True, False]
        choices = first[0]["preference_array"]
        assert [choice["priority"] for choice in choices] == list(range(1, len(choices) + 1))
        assert len(choices) == len(SERVED.accounts)
        assert first[1]["preference_array"] == []
        back = (await http.post(INDIA, json=[shipment(delivery_type="RVP")])).json()["result"]
        assert 5 not in {choice["cp_id"] for choice in back[0]["preference_array"]}


async def test_only_active_accounts_that_support_the_order_type_are_recommended() -> None:
    accounts = (
        SimulatedAccount(courier_partner_id=4, courier_name="Delhivery", account_code="no cod", cod=False),
        SimulatedAccount(courier_partner_id=6, courier_name="XpressBees", account_code="cod"),
        SimulatedAccount(courier_partner_id=7, courier_name="Shut", account_code="shut", account_active=False),
    )
    async with running(SandboxConfig(accounts=accounts, serviceable_share=1)) as sandbox, merchant(sandbox) as http:
        (entry,) = (await http.post(INDIA, json=[shipment(order_type="COD")])).json()["result"]
        assert [choice["account_code"] for choice in entry["preference_array"]] == ["cod"]
        world = (await http.post(WORLD, json=parcel(order_type="COD"))).json()["result"]
        assert [choice["account_code"] for choice in world["preference_array"]] == ["cod"]


async def test_v2_returns_one_object_with_its_own_field_names() -> None:
    async with running(SERVED) as sandbox, merchant(sandbox) as http:
        result = (await http.post(WORLD, json=parcel())).json()["result"]
        assert result["pincode_serviceable"] is True
        assert result["preference_array"][0].keys() == {
            "account_code",
            "courier_partner_code",
            "courier_partner_name",
            "priority",
        }


async def test_an_unserved_pincode_returns_a_message_without_result() -> None:
    async with running(SERVED) as sandbox, merchant(sandbox) as http:
        for response in (
            await http.post(INDIA, json=[shipment(drop_pincode="190001")]),
            await http.post(WORLD, json=parcel("IN")),
        ):
            assert response.json() == {"meta": {"status": 200, "success": True, "message": "Pin code not serviceable"}}


@pytest.mark.parametrize(
    "changes",
    [
        {"reference_number": ""},
        {"drop_pincode": "12"},
        {"order_type": "CASH"},
        {"order_type": None},
        {"delivery_type": "SIDEWAYS"},
    ],
)
async def test_an_incomplete_recommendation_request_is_rejected(changes: dict[str, Any]) -> None:
    async with running(SERVED) as sandbox, merchant(sandbox) as http:
        response = await http.post(INDIA, json=[shipment(**changes)])
        assert (response.status_code, code_of(response)) == (400, 400)
        if "drop_pincode" not in changes:
            assert code_of(await http.post(WORLD, json=parcel(**changes))) == 400
        assert code_of(await http.post(WORLD, json={"pickup_info": {}})) == 400
        assert code_of(await http.post(WORLD, json=parcel(""))) == 400


async def test_transit_days_are_predicted_for_all_couriers_or_one() -> None:
    async with running(SERVED) as sandbox, merchant(sandbox) as http:
        journey = {"pickup_pincode": "411001", "drop_pincode": "560001"}
        both = (await http.post(EDD, json=[journey, journey | {"optional": {"cp_id": 5}}])).json()["result"]
        spans = both[0]["all_map"]
        assert both[0]["predicted_sla_min"] == min(span[0] for span in spans.values())
        assert both[0]["predicted_sla_max"] == max(span[1] for span in spans.values())
        assert spans[str(both[0]["min_sla_cp_id"])] == min(spans.values())
        assert both[1]["all_map"] == {"5": spans["5"]}
        assert "pickup_date" not in both[1]


async def test_predictions_validate_the_drop_pincode_only_on_request() -> None:
    async with running(SERVED) as sandbox, merchant(sandbox) as http:
        body = [{"pickup_pincode": "411001", "drop_pincode": "999999"}]
        loose = await http.post(EDD, json=body)
        assert (code_of(loose), loose.json()["result"][0]["predicted_sla_min"]) == (200, None)
        assert code_of(await http.post(EDD, json=body, params={"check_drop_pincode_validity": "true"})) == 400
        assert code_of(await http.post(EDD, json=[{"pickup_pincode": "411001"}])) == 400
        assert code_of(await http.post(EDD, json={})) == 400


async def test_transit_days_between_countries() -> None:
    async with running(SERVED) as sandbox, merchant(sandbox) as http:
        ends = {"pickup_details": {"pincode": "411001", "country": "IN"}}
        body = ends | {"drop_details": {"pincode": "328158", "country": "SG"}}
        (entry,) = (await http.post(GLOBAL_EDD, json=body)).json()["result"]
        assert 0 < entry["predicted_sla_min"] <= entry["predicted_sla_max"]
        assert code_of(await http.post(GLOBAL_EDD, json=ends)) == 400


@pytest.mark.parametrize("path", [EDD, GLOBAL_EDD])
async def test_predictions_require_a_subscription(path: str) -> None:
    async with running(SandboxConfig(edd_subscribed=False)) as sandbox, merchant(sandbox) as http:
        response = await http.post(path, json=[])
        assert (response.status_code, code_of(response)) == (401, 320)
