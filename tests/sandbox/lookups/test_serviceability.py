"""The serviceability endpoints are deterministic and agree with each other."""

from typing import Any

import pytest

from awbridge.sandbox import SandboxConfig, SimulatedAccount, running
from tests.sandbox.helpers import code_of, merchant

SERVED = SandboxConfig(serviceable_share=1, unserved_pincodes=("190001",))
FEW = SandboxConfig(
    serviceable_share=1,
    accounts=(
        SimulatedAccount(
            courier_partner_id=4, courier_name="Delhivery", account_code="plain", cod=False, exchange=False
        ),
        SimulatedAccount(courier_partner_id=6, courier_name="XpressBees", account_code="all"),
        SimulatedAccount(courier_partner_id=7, courier_name="Shut", account_code="shut", account_active=False),
        SimulatedAccount(courier_partner_id=5, courier_name="Bluedart", account_code="forward", rvp=False),
    ),
)
V1 = "/api/v1/serviceability_api/"
V3 = "/api/v3/serviceability_api/"
BULK = "/api/v1/bulk_serviceability_api/"
DROPS = "/api/v1/serviceable_drop_pincode/"
SEARCH = "/api/v1/pincode_search_overall/"
DETAILS = "/api/v2/pincode_details/"
JOURNEY = {"pickup_pincode": "411001", "drop_pincode": "560001"}
UNSERVED = {"meta": {"status": 200, "success": True, "message": "Pin code not serviceable"}}


async def test_a_pincode_has_a_location_or_is_not_found() -> None:
    async with running(SERVED) as sandbox, merchant(sandbox) as http:
        found = (await http.get(DETAILS, params={"pincode": "411001"})).json()
        assert found["result"] == {"pincode": "411001", "city": "PUNE", "state": "MAHARASHTRA"}
        for pincode in ("4110011", "990001", "011001", ""):
            missing = await http.get(DETAILS, params={"pincode": pincode})
            assert (missing.status_code, code_of(missing), missing.json()["result"]) == (200, 404, {})


async def test_accounts_between_two_pincodes_have_days_and_charges() -> None:
    async with running(FEW) as sandbox, merchant(sandbox) as http:
        rows = (await http.post(V1, json=[JOURNEY | {"optional": {"weight": 2000}}])).json()["result"]
        by_code = {row["account_code"]: row for row in rows}
        assert by_code.keys() == {"plain", "all", "forward"}
        assert by_code["plain"]["serviceable"] == {"COD": False, "PREPAID": True, "EXCHANGE": False}
        assert by_code["all"]["serviceable"] == {"COD": True, "PREPAID": True, "EXCHANGE": True}
        assert all(row["comitted_sla"] > 0 and row["zone"] == "NATIONAL" for row in rows)
        light = (await http.post(V1, json=[JOURNEY])).json()["result"]
        assert light[0]["shipping_charge"]["PREPAID"] < rows[0]["shipping_charge"]["PREPAID"]
        back = (await http.post(V1, json=[JOURNEY | {"optional": {"service_type": "RVP"}}])).json()["result"]
        assert {row["account_code"] for row in back} == {"plain", "all"}


@pytest.mark.parametrize("path", [V1, V3])
@pytest.mark.parametrize(
    "body", [{}, [], ["x"], [{}], [JOURNEY | {"drop_pincode": "12"}], [JOURNEY | {"pickup_pincode": "23"}]]
)
async def test_a_request_without_pincodes_is_rejected(path: str, body: Any) -> None:
    async with running(SERVED) as sandbox, merchant(sandbox) as http:
        response = await http.post(path, json=body)
        assert (response.status_code, code_of(response)) == (400, 400)


async def test_an_unserved_pincode_returns_no_result() -> None:
    async with running(SERVED) as sandbox, merchant(sandbox) as http:
        nowhere = JOURNEY | {"drop_pincode": "190001"}
        assert (await http.post(V1, json=[nowhere])).json() == UNSERVED
        search = await http.get(SEARCH, params={"pincode": "190001", "is_pickup_pincode": "true", "is_rvp": "false"})
        assert search.json() == UNSERVED
        drop = (await http.post(V3, json=[{"drop_pincode": "190001"}])).json()["result"]
        assert drop == {"serviceable": False, "COD": False, "PREPAID": False, "EXCHANGE": False}


async def test_a_drop_pincode_can_be_checked_for_all_or_one_order_type() -> None:
    async with running(FEW) as sandbox, merchant(sandbox) as http:
        drop = {"drop_pincode": "560001"}
        everything = (await http.post(V3, json=[drop])).json()["result"]
        assert everything == {"serviceable": True, "COD": True, "PREPAID": True, "EXCHANGE": True}
        cod = (await http.post(V3, json=[drop | {"order_type": "COD"}])).json()["result"]
        assert cod == {"serviceable": True, "COD": True}
        for wrong in ({"order_type": "CASH"}, {"service_type": "SIDEWAYS"}):
            assert code_of(await http.post(V3, json=[drop | wrong])) == 400


async def test_lists_and_single_lookups_agree() -> None:
    async with running(SandboxConfig(serviceable_share=0.5)) as sandbox, merchant(sandbox) as http:
        where = {"courier_partner_id": "4", "account_code": "Delhivery Surface"}
        listed = (await http.get(BULK, params=where)).json()["result"]
        drops = listed["drop_pincodes"]["PREPAID"]
        assert listed["pickup_pincodes"]["PREPAID"] == drops
        query = {"is_pickup_pincode": "false", "is_rvp": "false"}
        for pincode in drops[:5]:
            rows = (await http.get(SEARCH, params=query | {"pincode": pincode})).json()["result"]
            assert "Delhivery Surface" in {row["account_type__account_name"] for row in rows}
            assert "drop_pincode_serviceability__order_type" in rows[0]
        all_accounts = (await http.get(DROPS)).json()["result"]["drop_pincodes"]
        assert set(drops) < set(all_accounts["PREPAID"])
        assert all_accounts.keys() == {"PREPAID", "COD"}


async def test_a_pincode_list_requires_an_existing_account() -> None:
    async with running(SERVED) as sandbox, merchant(sandbox) as http:
        quoted = await http.get(BULK, params={"courier_partner_id": '"4"', "account_code": "x"})
        assert quoted.json()["meta"]["message"] == "Field 'partner_id' expected a number but got '\"4\"'."
        unknown = await http.get(BULK, params={"courier_partner_id": "4", "account_code": "nobody's"})
        assert code_of(unknown) == 400


@pytest.mark.parametrize("query", [{"pincode": "12"}, {"pincode": "560001", "is_rvp": "perhaps"}])
async def test_a_search_requires_a_pincode(query: dict[str, str]) -> None:
    async with running(SERVED) as sandbox, merchant(sandbox) as http:
        assert code_of(await http.get(SEARCH, params=query)) == 400
