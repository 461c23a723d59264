"""/v1/couriers and /v1/allocation-rules."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from awbridge.clickpost.lookups.accounts import VendorAccount, VendorAccounts
from awbridge.domain.couriers.allocation_mode import Allocation
from awbridge.steps.tracking.ingest import Ingest
from awbridge.store import Store
from awbridge.web.webhook.endpoint import KeyRing, WebhookEndpoint
from tests.support.app import Web, lent_app, problem
from tests.support.world import SetClock, an_order, get


class Vendor:
    async def fetch_accounts(self, active: bool | None = True) -> VendorAccounts:
        kept = VendorAccount(courier_partner_id=6, courier_name="X", account_code="six", active=True)
        off = VendorAccount(courier_partner_id=4, courier_name="D", account_code="one", active=False)
        return VendorAccounts([kept] if active else [kept, off])


VENDOR = Vendor()


@pytest.fixture
async def http(store: Store) -> AsyncIterator[httpx2.AsyncClient]:
    """The app, with an account at ClickPost and its recommendation allowed."""
    clock = SetClock()
    endpoint = WebhookEndpoint(Ingest(store), KeyRing(store, ()), clock)
    allocation = Allocation.RULES_THEN_RECOMMENDATION
    with lent_app(store, clock, endpoint, clickpost=VENDOR, allocation=allocation) as app:
        transport = httpx2.ASGITransport(app=app, client=("127.0.0.1", 1))  # pyright: ignore
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
            await client.put("/v1/couriers/six", json={"courier_partner_id": 6, "account_code": "six"})
            await client.put("/v1/couriers/t", json={"courier_partner_id": 4, "account_code": "one", "fallback": "six"})
            yield client


def order_without_courier(reference: str) -> dict[str, object]:
    order = an_order(reference)
    del order["shipment_details"]["courier_partner"], order["shipment_details"]["account_code"]
    return order


async def test_a_comparison_warns_and_applies_only_on_request(http: httpx2.AsyncClient) -> None:
    shown = (await http.post("/v1/couriers/sync")).json()
    assert (shown["applied"], [(c["transporter"], c["change"], c["written"]) for c in shown["changes"]]) == (
        False,
        [("t", "switched off at ClickPost", False)],
    )
    listed = {c["transporter"]: c for c in (await http.get("/v1/couriers")).json()}
    assert listed["t"]["active"]
    assert listed["t"]["fallback"] == "six"
    assert "orders fail with 353" in listed["t"]["warning"]
    assert listed["six"]["warning"] is None
    found = (await http.get("/v1/couriers/warnings")).json()
    assert [(w["transporter"], w["kind"]) for w in found["warnings"]] == [("t", "inactive")]
    assert 'awbridge_courier_warnings{kind="inactive"} 1.0' in (await http.get("/metrics")).text
    written = (await http.post("/v1/couriers/sync", params={"apply": True})).json()
    assert written["applied"]
    assert not {c["transporter"]: c for c in (await http.get("/v1/couriers")).json()}["t"]["active"]


async def test_without_clickpost_a_comparison_is_refused(web: Web) -> None:
    assert (await web.http.post("/v1/couriers/sync")).status_code == 409


async def test_invalid_fallbacks_are_422_and_a_fallback_is_not_removed(http: httpx2.AsyncClient) -> None:
    circle = await http.put("/v1/couriers/six", json={"courier_partner_id": 6, "fallback": "t"})
    assert (circle.status_code, circle.json()["title"]) == (422, "The request is not valid")
    assert "form a loop" in circle.json()["detail"]
    assert (await http.delete("/v1/couriers/six")).status_code == 409


async def test_rules_are_replaced_listed_and_applied(http: httpx2.AsyncClient) -> None:
    rules = [{"name": "pune", "transporter": "six", "drop_pincode": ["411"], "weight_to": "500"}]
    assert (await http.put("/v1/allocation-rules", json=rules)).json() == rules
    assert (await http.get("/v1/allocation-rules")).json() == rules
    accepted = (await http.post("/v1/shipments", json=order_without_courier("R"))).json()
    assert (accepted["transporter"], accepted["allocated_by"], accepted["state"]) == ("six", "rule pune", "ready")
    await http.put("/v1/allocation-rules", json=[])
    unallocated = (await http.post("/v1/shipments", json=order_without_courier("S"))).json()
    assert (unallocated["state"], unallocated["courier_partner_id"], unallocated["transporter"]) == (
        "allocating",
        0,
        None,
    )
    listed = (await http.get("/v1/shipments", params={"state": "allocating"})).json()["shipments"]
    assert [s["reference_number"] for s in listed] == ["S"]


@pytest.mark.parametrize(
    "rules",
    [
        [{"name": "a"}],
        [{"name": "a", "transporter": "none"}],
        [{"name": "a", "transporter": "six", "weight_to": "x"}],
        [{"name": "a", "transporter": "six", "wieght": 1}],
        [{"name": "\ud800", "transporter": "six"}],
        [{"name": "a", "transporter": "six", "\ud800": 1}],
        {"name": "a"},
        [1],
    ],
)
async def test_invalid_rules_are_422_and_change_nothing(http: httpx2.AsyncClient, rules: object) -> None:
    good = [{"name": "kept", "transporter": "six"}]
    await http.put("/v1/allocation-rules", json=good)
    answer = await http.put(
        "/v1/allocation-rules", content=json.dumps(rules), headers={"content-type": "application/json"}
    )
    assert answer.status_code == 422, answer.text
    assert (await http.get("/v1/allocation-rules")).json() == good


async def test_shipments_are_moved(http: httpx2.AsyncClient) -> None:
    await http.post("/v1/shipments", json={**order_without_courier("R"), "transporter": "t"})
    moved = (await http.post("/v1/couriers/t/move", json={"to": "six"})).json()
    assert moved == {"moved": ["R"], "stayed": []}
    assert (await http.get("/v1/shipments/R")).json()["transporter"] == "six"
    assert (await http.post("/v1/couriers/t/move", json={"to": "nobody"})).status_code == 404
    assert (await http.post("/v1/couriers/a%00b/move", json={"to": "six"})).status_code == 404


@pytest.mark.parametrize(
    ("zone", "written", "utc"),
    [
        (None, "2999-11-29 07:06", "2999-11-29T01:36:00Z"),
        (None, "2999-11-29", "2999-11-28T18:30:00Z"),
        ("Asia/Dubai", "2999-11-29T7:06", "2999-11-29T03:06:00Z"),
        ("Asia/Dubai", "2999-11-29T07:06:00+05:30", "2999-11-29T01:36:00Z"),
        (None, "2999-11-29 07:06:30 z", "2999-11-29T07:06:30Z"),
    ],
)
async def test_the_times_of_a_downtime_may_be_local(
    http: httpx2.AsyncClient, zone: str | None, written: str, utc: str
) -> None:
    body = {"courier_partner_id": 4, "from_at": written, "to_at": "2999-12-31", "zone": zone}
    declared = await http.post("/v1/downtimes", json=body)
    assert (declared.status_code, declared.json().get("from_at")) == (201, utc)
    weekly = {"courier_partner_id": 4, "weekdays": ["sun"], "starts": "7:05", "ends": "22:30:00"}
    shown = (await http.post("/v1/downtimes", json=weekly)).json()
    assert (shown["starts"], shown["ends"]) == ("07:05:00", "22:30:00")
    again = {name: value for name, value in shown.items() if name != "id"}
    assert (await http.post("/v1/downtimes", json=again)).status_code == 201, "the response can be sent again"


@pytest.mark.parametrize(
    ("field", "written", "problem_start"),
    [
        ("from_at", "29-11-2026", "write it like 2026-11-29, 2026-11-29 07:06 or 2026-11-29T07:06:00+05:30"),
        ("from_at", "2026-02-30", "there is no such time; write it like 2026-11-29"),
        ("from_at", 1764400000, "write it like 2026-11-29"),
        ("to_at", True, "write it like 2026-11-29"),
        ("starts", "25:00", "write a time of day like 22:30"),
        ("ends", 2230, "write a time of day like 22:30"),
    ],
)
async def test_an_invalid_time_is_refused_with_an_example(
    http: httpx2.AsyncClient, field: str, written: object, problem_start: str
) -> None:
    refused = await http.post("/v1/downtimes", json={"courier_partner_id": 4, field: written})
    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert (error["path"], error["problem"].startswith(problem_start)) == (f"body.{field}", True), error


async def test_an_account_is_limited_and_a_downtime_holds_it(http: httpx2.AsyncClient) -> None:
    assert (
        await http.post("/v1/shipments", json={**order_without_courier("R"), "transporter": "t"})
    ).status_code == 202
    limit = {"courier_partner_id": 4, "account_code": "one", "rate_per_second": 2.5}
    assert (await http.put("/v1/accounts/rate", json=limit)).status_code == 200
    body = {
        "courier_partner_id": 4,
        "from_at": "2020-01-01T00:00:00",
        "to_at": "2999-01-01T00:00:00",
        "reason": "works",
    }
    declared = await http.post("/v1/downtimes", json=body)
    assert (declared.status_code, declared.json()["zone"]) == (201, "Asia/Kolkata")
    [account] = (await http.get("/v1/accounts")).json()
    shown = (account["rate_per_second"], account["held"], account["problem"], account["waiting"])
    assert shown == (2.5, "downtime", "declared downtime: works", 1)
    assert (await http.get("/v1/shipments/R")).json()["state"] == "held"
    assert [d["id"] for d in (await http.get("/v1/downtimes")).json()] == [declared.json()["id"]]
    assert (await http.delete(f"/v1/downtimes/{declared.json()['id']}")).status_code == 204
    assert (await http.delete(f"/v1/downtimes/{declared.json()['id']}")).status_code == 404
    for unknown in ("x", "9" * 19, "9" * 30, "٣"):
        assert (await http.delete(f"/v1/downtimes/{unknown}")).status_code == 404
    assert (await http.put("/v1/accounts/rate", json=limit | {"rate_per_second": None})).status_code == 200
    [account] = (await http.get("/v1/accounts")).json()
    assert (account["rate_per_second"], account["held"]) == (None, None)
    healthy = await http.post("/v1/accounts/reset", json={"courier_partner_id": 4, "account_code": "one"})
    assert (healthy.status_code, "no incident" in healthy.text) == (409, True)
    assert (await http.post("/v1/accounts/reset", json={"courier_partner_id": 5})).status_code == 404
    for wrong in (limit | {"rate_per_second": 0}, limit | {"courier_partner_id": 0}, {"courier_partner_id": 4}):
        assert (await http.put("/v1/accounts/rate", json=wrong)).status_code == 422
    backwards = body | {"to_at": "2019-01-01T00:00:00"}
    assert (await http.post("/v1/downtimes", json=backwards)).status_code == 422


async def test_transporters_are_mapped_listed_used_and_removed(web: Web) -> None:
    answer = await web.http.put("/v1/couriers/delhi%20air", json={"courier_partner_id": 25, "account_code": "a"})
    assert answer.json() == {
        "transporter": "delhi air", "courier_partner_id": 25, "account_code": "a", "name": "", "active": True,
        "fallback": None, "warning": None,
    }  # fmt: skip
    assert [c["transporter"] for c in (await web.http.get("/v1/couriers")).json()] == ["delhi air"]
    accepted = await web.http.post("/v1/shipments", json={**an_order("R"), "transporter": "delhi air"})
    assert (accepted.json()["transporter"], accepted.json()["courier_partner_id"]) == ("delhi air", 25)
    assert (await web.http.delete("/v1/couriers/delhi%20air")).status_code == 204
    assert (await get(web.store, "R")).courier_partner_id == 25
    assert (await web.http.get("/v1/couriers")).json() == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"courier_partner_id": 0},
        {"courier_partner_id": 2**31},
        {"courier_partner_id": 10**30},
        {"courier_partner_id": 4, "account_code": "a\x00"},
        {"courier_partner_id": 4, "name": "\x00"},
        {"courier_partner_id": 4, "name": "x" * 201},
        {"courier_partner_id": 4, "name": "\ud800"},
        [],
    ],
)
async def test_a_mapping_that_cannot_be_stored_is_refused(web: Web, body: Any) -> None:
    problem(
        await web.http.put("/v1/couriers/t", content=json.dumps(body), headers={"content-type": "application/json"}),
        422,
    )


async def test_the_name_of_a_transporter_is_limited(web: Web) -> None:
    problem(await web.http.put(f"/v1/couriers/{'x' * 201}", json={"courier_partner_id": 4}), 422)
