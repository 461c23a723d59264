"""The routes of actions: their requests, idempotency keys and refusals."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from awbridge.domain.call import Call
from awbridge.domain.tracking.lifecycle import Sighting
from awbridge.store.audit import attempts
from awbridge.store.tracking.tracking_status import TrackingStatus
from tests.support.acting import LOST, FakeClickPost, a_pickup, a_registration, act, ok, says
from tests.support.app import Web, problem
from tests.support.rows import T0, add, attempt, place, set_tracking_status


@pytest.fixture
async def placed(web: Web) -> Web:
    """The app with one shipment, R, whose delivery failed."""
    await add(web.store, "R")
    await place(web.store, "R", "AWB1")
    sighting = Sighting(seen_at=T0, final=False, step=80, code=9)
    status = TrackingStatus(sighting=sighting, bucket=5, edd=None, ndr_code=None)
    async with web.store.write() as session:
        await set_tracking_status(session, "R", status, last_tracked_at=T0, next_poll_at=None)
    return web


@pytest.mark.parametrize(
    ("ending", "body", "kind"),
    [
        ("edit", {"order_type": "PREPAID"}, "edit"),
        ("label", {"regenerate": True}, "label"),
        ("label", None, "label"),
        ("security-key", None, "security_key"),
        ("ndr", {"action": "INITIATE_RTO"}, "ndr"),
        ("whatsapp", {"enabled": False}, "whatsapp"),
        ("proof", None, "proof"),
    ],
)
async def test_an_action_is_stored_and_carried_out_later(placed: Web, ending: str, body: Any, kind: str) -> None:
    answer = await placed.http.post(f"/v1/shipments/R/{ending}", json=body)
    assert answer.status_code == 202, answer.text
    shown = answer.json()
    assert (shown["kind"], shown["reference_number"], shown["state"], shown["tries"]) == (kind, "R", "due", 0)
    assert "body" not in shown
    vendor = FakeClickPost(usual=ok(shipping_label="https://x/l", security_key="k", pod_url="https://x/p"))
    await act(placed.store, vendor, placed.clock)
    after = (await placed.http.get(f"/v1/actions/{shown['id']}")).json()
    assert (after["state"], after["done_at"]) == ("done", "2026-11-02T06:30:00.123456Z")
    assert isinstance(after["body"], dict)
    (listed,) = (await placed.http.get("/v1/shipments/R/actions")).json()["actions"]
    assert listed["id"] == shown["id"]


async def test_a_reference_number_may_contain_a_slash(web: Web) -> None:
    await add(web.store, "A/B")
    assert (await web.http.post("/v1/shipments/A/B/label")).json()["reference_number"] == "A/B"
    assert len((await web.http.get("/v1/shipments/A/B/actions")).json()["actions"]) == 1


async def test_an_invalid_body_names_its_fields(placed: Web) -> None:
    answer = await placed.http.post("/v1/shipments/R/edit", json={"order_type": "COD", "awb_number": "A"})
    assert {e["path"] for e in problem(answer, 422)["errors"]} == {"cod_value", "awb_number"}
    problem(await placed.http.post("/v1/shipments/R/edit", content=b"{"), 400)
    problem(await placed.http.post("/v1/shipments/R/edit"), 422)
    problem(await placed.http.post("/v1/pickups", json={"region": "moon"}), 422)
    problem(await placed.http.post("/v1/waybills", json={}), 422)


async def test_a_rounded_number_is_refused_in_every_body(placed: Web) -> None:
    rounded = "4.04877E+12"
    for path, body, where in (
        ("/v1/waybills", a_registration(waybill=rounded), "waybill"),
        ("/v1/pickups", {**a_pickup(), "account_code": rounded}, "account_code"),
        ("/v1/shipments/R/ndr", {"action": "REATTEMPT", "phone_number": rounded}, "phone_number"),
        ("/v1/shipments/R/edit", {"invoice_number": rounded}, "invoice_number"),
    ):
        errors = problem(await placed.http.post(path, json=body), 422)["errors"]
        assert where in {e["path"] for e in errors if "rounded by a spreadsheet" in e["problem"]}, path


async def test_unknown_shipments_are_404_and_impossible_actions_409(placed: Web) -> None:
    problem(await placed.http.post("/v1/shipments/nobody/label"), 404)
    problem(await placed.http.post("/v1/shipments/%00/label"), 404)
    problem(await placed.http.get("/v1/shipments/nobody/actions"), 404)
    problem(await placed.http.get("/v1/actions/nonsense"), 404)
    problem(await placed.http.post("/v1/actions/nonsense/retry"), 404)
    await add(placed.store, "NEW")
    answer = await placed.http.post("/v1/shipments/NEW/ndr", json={"action": "INITIATE_RTO"})
    assert "no failed delivery" in problem(answer, 409)["detail"]
    answer = await placed.http.post("/v1/waybills", json=a_registration(waybill="AWB1"))
    assert "belongs to shipment R" in problem(answer, 409)["detail"]


@pytest.mark.parametrize(
    ("path", "body", "other"),
    [
        ("/v1/pickups", a_pickup(), a_pickup(items="9 packages")),
        ("/v1/waybills", a_registration(), {**a_registration(), "consumer_details": {"name": "Asha"}}),
        ("/v1/shipments/R/edit", {"order_type": "PREPAID"}, {"qc_type": "doorstep"}),
    ],
)
async def test_the_idempotency_key_makes_two_requests_one_action(placed: Web, path: str, body: Any, other: Any) -> None:
    key = {"Idempotency-Key": "monday"}
    first = await placed.http.post(path, json=body, headers=key)
    again = await placed.http.post(path, json=body, headers=key)
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json() == again.json()
    assert first.json()["idempotency_key"] == "monday"
    taken = problem(await placed.http.post(path, json=other, headers=key), 409)
    assert taken["title"] == "The idempotency key is taken"
    assert (await placed.http.post(path, json=body)).json()["id"] != first.json()["id"]
    problem(await placed.http.post(path, json=body, headers={"Idempotency-Key": "x" * 201}), 422)


async def test_an_unclear_pickup_can_be_repeated(web: Web) -> None:
    requested = (await web.http.post("/v1/pickups", json=a_pickup())).json()
    vendor = FakeClickPost(LOST, usual=ok(confirmation_number="6"))
    await act(web.store, vendor, web.clock)
    (unclear,) = (await web.http.get("/v1/actions", params={"state": "unclear"})).json()["actions"]
    assert unclear["id"] == requested["id"]
    retried = await web.http.post(f"/v1/actions/{requested['id']}/retry")
    assert (retried.status_code, retried.json()["state"]) == (200, "due")
    await act(web.store, vendor, web.clock)
    done = (await web.http.get(f"/v1/actions/{requested['id']}")).json()
    assert done["result"]["confirmation_number"] == "6"
    problem(await web.http.post(f"/v1/actions/{requested['id']}/retry"), 409)


async def test_an_unclear_pickup_is_settled_by_a_person(web: Web) -> None:
    for held, state in ((True, "done"), (False, "overtaken")):
        requested = (await web.http.post("/v1/pickups", json=a_pickup())).json()
        url = f"/v1/actions/{requested['id']}/settle"
        assert "is due" in problem(await web.http.post(url, json={"held": held}), 409)["detail"]
        await act(web.store, FakeClickPost(LOST), web.clock)
        problem(await web.http.post(url, json={"held": "yes"}), 422)
        problem(await web.http.post(url, json={}), 422)
        settled = await web.http.post(url, json={"held": held})
        assert (settled.status_code, settled.json()["state"]) == (200, state)
        assert (await web.http.get("/v1/actions", params={"state": "unclear"})).json()["actions"] == []
    problem(await web.http.post(f"/v1/actions/{'0' * 24}/settle", json={"held": True}), 404)


async def test_actions_are_listed_page_by_page(placed: Web) -> None:
    requested: list[str] = []
    for _ in range(5):
        requested.append((await placed.http.post("/v1/shipments/R/label")).json()["id"])
        placed.clock.now += timedelta(seconds=1)
    seen: list[str] = []
    cursor = ""
    while True:
        page = (await placed.http.get("/v1/actions", params={"limit": 2, "cursor": cursor, "state": "due"})).json()
        seen += [a["id"] for a in page["actions"]]
        if not (cursor := page["next"]):
            break
    assert seen == requested[::-1]
    assert (await placed.http.get("/v1/actions", params={"state": "done"})).json() == {"actions": [], "next": None}
    problem(await placed.http.get("/v1/actions", params={"cursor": "nonsense"}), 400)
    problem(await placed.http.get("/v1/actions", params={"state": "lost"}), 422)


async def test_the_metrics_count_actions_and_cancellations(placed: Web) -> None:
    await placed.http.post("/v1/shipments/R/label")
    await placed.http.post("/v1/shipments/R/edit", json={"order_type": "PREPAID"})
    await act(placed.store, FakeClickPost(says(307), says(307)), placed.clock)
    await placed.http.post("/v1/shipments/R/cancel")
    text = (await placed.http.get("/metrics")).text
    assert 'awbridge_actions{state="refused"} 2.0' in text
    assert 'awbridge_cancels{stage="asked"} 1.0' in text
    assert 'awbridge_cancels{stage="refused"} 0.0' in text


async def test_a_waybill_that_was_used_before_is_registered_with_a_warning(placed: Web) -> None:
    assert (await placed.http.post("/v1/waybills", json=a_registration())).json()["warnings"] == []
    ended = TrackingStatus(
        sighting=Sighting(seen_at=T0, final=True, step=90, code=8), bucket=6, edd=None, ndr_code=None
    )
    async with placed.store.write() as session:
        await set_tracking_status(session, "R", ended, last_tracked_at=T0, next_poll_at=None)
    info = {"reference_number": "FOREIGN-2"}
    answer = await placed.http.post("/v1/waybills", json=a_registration(waybill="AWB1", shipment_info=info))
    assert answer.status_code == 202, answer.text
    [warning] = answer.json()["warnings"]
    assert "used before, by R, which is at its end" in warning


async def test_an_instruction_for_a_box_that_is_none_names_those_that_are(placed: Web) -> None:
    instruction = {"action": "INITIATE_RTO", "waybill": "ELSEWHERE"}
    refused = problem(await placed.http.post("/v1/shipments/R/ndr", json=instruction), 409)
    assert "ELSEWHERE does not belong to R, whose waybills are: AWB1" in refused["detail"]
    refused = problem(await placed.http.post("/v1/shipments/R/ndr", json={**instruction, "waybill": "N/A"}), 422)
    assert [e["path"] for e in refused["errors"]] == ["waybill"]
    assert (await placed.http.post("/v1/shipments/R/ndr", json={**instruction, "waybill": "AWB1"})).status_code == 202


async def pages(web: Web, path: str, name: str) -> list[dict[str, Any]]:
    """Every entry of a list, one a page."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while cursor is not None:
        page = (await web.http.get(path, params={"limit": 1} | ({"cursor": cursor} if cursor else {}))).json()
        assert len(page[name]) == 1
        found += page[name]
        cursor = page["next"]
    return found


async def test_the_actions_and_the_calls_of_a_shipment_have_pages(placed: Web) -> None:
    for ending in ("label", "proof", "security-key"):
        assert (await placed.http.post(f"/v1/shipments/R/{ending}")).status_code == 202
        placed.clock.forward(seconds=1)
    vendor = FakeClickPost(usual=ok(shipping_label="https://x/l", security_key="k", pod_url="https://x/p"))
    await act(placed.store, vendor, placed.clock)
    async with placed.store.write() as session:
        calls = [Call(api="create-order", method="POST", url=f"https://x/?n={n}") for n in range(3)]
        await attempts.add(session, [attempt(call, "R") for call in calls])
    for name in ("actions", "attempts"):
        whole = (await placed.http.get(f"/v1/shipments/R/{name}")).json()
        assert (len(whole[name]) >= 3, whole["next"]) == (True, None)
        assert await pages(placed, f"/v1/shipments/R/{name}", name) == whole[name]
