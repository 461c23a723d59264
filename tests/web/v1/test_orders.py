"""Orders over HTTP: accepting, showing, changing and replacing them."""

from __future__ import annotations

import json
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from awbridge.domain.tracking.lifecycle import Sighting
from awbridge.store.tracking import tracking_status
from awbridge.web.v1.shipments.orders import LARGEST_BATCH
from tests.support.app import Web, problem
from tests.support.rows import T0, add, count, place, set_tracking_status, sql
from tests.support.stores import sqlite_only
from tests.support.world import an_order, get


async def test_an_order_is_accepted_and_shown_without_its_payload(web: Web) -> None:
    answer = await web.http.post("/v1/shipments", json=an_order("R"))
    assert answer.status_code == 202
    shown = answer.json()
    assert (shown["reference_number"], shown["state"], shown["success"], shown["no_of_retries"]) == (
        "R",
        "ready",
        False,
        0,
    )
    assert shown["created_at"] == "2026-11-02T06:30:00.123456Z"
    assert "payload" not in shown
    assert (await web.http.post("/v1/shipments", json=an_order("R"))).status_code == 200


async def test_a_list_returns_a_list_and_200_only_if_all_were_known(web: Web) -> None:
    answer = await web.http.post("/v1/shipments", json=[an_order("A"), an_order("B")])
    assert answer.status_code == 202
    assert [s["reference_number"] for s in answer.json()["shipments"]] == ["A", "B"]
    assert (await web.http.post("/v1/shipments", json=[an_order("A"), an_order("C")])).status_code == 202
    assert (await web.http.post("/v1/shipments", json=[an_order("A"), an_order("C")])).status_code == 200


async def test_an_invalid_order_is_refused_with_every_field(web: Web) -> None:
    body = problem(await web.http.post("/v1/shipments", json=an_order("R", weight=-1, order_type="GIFT")), 422)
    assert {(e["path"], e["clickpost_code"]) for e in body["errors"]} == {
        ("shipment_details.weight", 314),
        ("shipment_details.order_type", 307),
    }
    assert await count(web.store, "shipments") == 0


async def test_a_batch_names_its_invalid_orders_and_stores_none(web: Web) -> None:
    await web.http.post("/v1/shipments", json=an_order("TAKEN"))
    batch = [an_order("A"), an_order("B", weight=-1), an_order("TAKEN", weight=1)]
    body = problem(await web.http.post("/v1/shipments", json=batch), 422)
    assert [e["order"] for e in body["errors"]] == [1]
    batch[1] = an_order("B")
    body = problem(await web.http.post("/v1/shipments", json=batch), 409)
    assert [(e["order"], e["differences"]) for e in body["errors"]] == [(2, ["shipment_details.weight"])]
    assert await count(web.store, "shipments") == 1


async def test_a_taken_reference_is_a_conflict_that_names_the_difference(web: Web) -> None:
    await web.http.post("/v1/shipments", json=an_order("R"))
    body = problem(await web.http.post("/v1/shipments", json=an_order("R", weight=1)), 409)
    assert (body["reference_number"], body["differences"]) == ("R", ["shipment_details.weight"])
    problem(await web.http.post("/v1/shipments", json=[an_order("R", weight=1)]), 409)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b'{"a": NaN}', b'{"a": Infinity}', b"[" * 100_000, b'{"a": ' + b"9" * 5000 + b"}"],
    ids=["empty", "cut", "not UTF-8", "NaN", "Infinity", "deep", "long number"],
)
@sqlite_only
async def test_a_body_that_is_not_json_is_400(web: Web, body: bytes) -> None:
    assert "not JSON" in problem(await web.http.post("/v1/shipments", content=body), 400)["title"]


@sqlite_only
async def test_a_405_names_the_allowed_methods(web: Web) -> None:
    for path, methods in (("/v1/shipments", "GET, POST"), ("/v1/shipments/R/scans", "GET"), ("/v1/actions", "GET")):
        answer = await web.http.patch(path)
        problem(answer, 405)
        assert answer.headers["allow"] == methods


@pytest.mark.parametrize("body", ["text", 7, None, True])
@sqlite_only
async def test_a_body_that_is_not_an_order_is_refused(web: Web, body: Any) -> None:
    problem(await web.http.post("/v1/shipments", content=json.dumps(body)), 422)


@sqlite_only
async def test_an_empty_list_is_refused(web: Web) -> None:
    assert "empty" in problem(await web.http.post("/v1/shipments", json=[]), 422)["title"]


@sqlite_only
async def test_a_batch_has_a_limit_of_orders_and_of_bytes(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = problem(await web.http.post("/v1/shipments", json=[{}] * (LARGEST_BATCH + 1)), 413)
    assert "1001" in refused["title"]
    monkeypatch.setattr("awbridge.web.v1.request_parsing.LARGEST_BODY", 2**20)
    refused = problem(await web.http.post("/v1/shipments", content=b" " * (2**20 + 1)), 413)
    assert "at most 1 MiB" in refused["title"]


@pytest.mark.parametrize("reference", ["A\x00B", "half \ud800", "x" * 201, "A\x07B", "A\nB", "A\u200bB"])
async def test_a_reference_that_cannot_be_stored_is_refused(web: Web, reference: str) -> None:
    order = an_order(reference, order_id="O")
    body = problem(await web.http.post("/v1/shipments", content=json.dumps(order)), 422)
    assert "shipment_details.reference_number" in {e["path"] for e in body["errors"]}


async def test_a_shipment_is_shown_with_its_payload_and_status(web: Web) -> None:
    await add(web.store, "R", payload={"any": 1})
    await place(web.store, "R", "AWB1", label_url="https://x/l", security_key="K", children=("AWB1-1",))
    shown = (await web.http.get("/v1/shipments/R")).json()
    assert (shown["payload"], shown["waybill"], shown["label_url"]) == ({"any": 1}, "AWB1", "https://x/l")
    assert (shown["state"], shown["success"], shown["status"], shown["children"]) == ("placed", True, None, ["AWB1-1"])
    async with web.store.write() as session:
        sighting = Sighting(seen_at=T0, final=True, step=90, code=8)
        status = tracking_status.TrackingStatus(sighting=sighting, bucket=6, edd=None, ndr_code=None)
        await set_tracking_status(session, "R", status, last_tracked_at=T0, next_poll_at=None)
    shown = (await web.http.get("/v1/shipments/R")).json()["status"]
    assert (shown["code"], shown["name"], shown["bucket"], shown["final"]) == (8, "Delivered", 6, True)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/shipments/NONE"),
        ("GET", "/v1/shipments/NONE/scans"),
        ("GET", "/v1/shipments/NONE/attempts"),
        ("POST", "/v1/shipments/NONE/retry"),
        ("POST", "/v1/shipments/NONE/cancel"),
        ("PUT", "/v1/shipments/NONE/payload"),
        ("DELETE", "/v1/couriers/NONE"),
        ("GET", "/v1/shipments/a%00b"),
        ("GET", "/v1/shipments/a%00b/scans"),
        ("POST", "/v1/shipments/a%00b/retry"),
        ("POST", "/v1/shipments/a%00b/cancel"),
        ("PUT", "/v1/shipments/a%00b/payload"),
        ("DELETE", "/v1/couriers/a%00b"),
        ("GET", "/v1/nothing"),
        ("GET", "/nothing"),
    ],
)
async def test_unknown_things_are_404(web: Web, method: str, path: str) -> None:
    body = {"json": an_order("NONE")} if method == "PUT" else {}
    problem(await web.http.request(method, path, **body), 404)


@sqlite_only
async def test_a_405_is_a_problem(web: Web) -> None:
    problem(await web.http.delete("/v1/shipments"), 405)


async def test_references_with_slashes_work_like_others(web: Web) -> None:
    reference = "INV/25-26/001 #é"
    await web.http.post("/v1/shipments", json=an_order(reference))
    url = "/v1/shipments/INV%2F25-26%2F001%20%23%C3%A9"
    assert (await web.http.get(url)).json()["reference_number"] == reference
    assert (await web.http.get(f"{url}/scans")).json() == []
    assert (await web.http.get(f"{url}/attempts")).json() == {"attempts": [], "next": None}
    assert (await web.http.put(f"{url}/payload", json=an_order(reference, weight=1))).status_code == 200
    assert (await web.http.post(f"{url}/cancel")).json()["state"] == "cancelled"


async def test_a_payload_can_be_changed_until_it_is_placed(web: Web) -> None:
    await web.http.post("/v1/shipments", json=an_order("R"))
    answer = await web.http.put("/v1/shipments/R/payload", json=an_order("R", weight=900))
    assert (answer.status_code, answer.json()["payload"]["shipment_details"]["weight"]) == (200, 900)
    problem(await web.http.put("/v1/shipments/R/payload", json=an_order("R", weight=0)), 422)
    problem(await web.http.put("/v1/shipments/R/payload", json=an_order("S")), 422)
    problem(await web.http.put("/v1/shipments/R/payload", content=b"{"), 400)
    await place(web.store, "R", "AWB1")
    assert "R is placed" in problem(await web.http.put("/v1/shipments/R/payload", json=an_order("R")), 409)["detail"]


@sqlite_only
async def test_the_api_describes_itself(web: Web) -> None:
    described = (await web.http.get("/openapi.json")).json()
    assert set(described["paths"]) >= {
        "/v1/shipments",
        "/v1/shipments/{reference_number}",
        "/v1/shipments/{reference_number}/scans",
        "/v1/shipments/{reference_number}/attempts",
        "/v1/shipments/{reference_number}/retry",
        "/v1/shipments/{reference_number}/cancel",
        "/v1/shipments/{reference_number}/payload",
        "/v1/couriers",
        "/v1/couriers/{transporter}",
    }
    docs = await web.http.get("/docs")
    assert docs.status_code == 200
    assert "swagger" in docs.text


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(name=st.sampled_from([*an_order()["shipment_details"], "rvp_reason"]), value=_json, section=st.booleans())
async def test_no_order_causes_a_server_error(web: Web, name: str, value: Any, section: bool) -> None:
    order = {**an_order(), "additional": value, "transporter": value} if section else an_order(**{name: value})
    answer = await web.http.post("/v1/shipments", content=json.dumps(order))
    assert answer.status_code < 500


async def test_payload_versions_are_kept_with_their_differences(web: Web) -> None:
    await web.http.post("/v1/shipments", json=an_order("R"))
    assert (await web.http.get("/v1/shipments/R")).json()["payload_version"] == 1
    changed = await web.http.put("/v1/shipments/R/payload", json=an_order("R", weight=750), params={"reason": "scale"})
    assert (changed.status_code, changed.json()["payload_version"]) == (200, 2)
    first, second = (await web.http.get("/v1/shipments/R/payloads")).json()
    assert (first["version"], first["payload"], first["changed_by"]) == (1, an_order("R"), "intake")
    assert (second["version"], second["changed_by"], second["reason"]) == (2, "api", "scale")
    assert (first["differences"], second["differences"]) == ([], ["shipment_details.weight"])
    problem(await web.http.get("/v1/shipments/NONE/payloads"), 404)


async def test_a_placed_shipment_is_replaced_by_one_under_a_new_reference(web: Web) -> None:
    await web.http.post("/v1/shipments", json=an_order("R/1"))
    refused = problem(await web.http.post("/v1/shipments/R/1/replace"), 409)
    assert "never sent" in refused["detail"]
    await place(web.store, "R/1", "AWB1")
    async with web.store.write() as session:
        await session.execute(sql("UPDATE shipments SET sent_at = created_at"))
    body = {"set": {"shipment_details.weight": 750}, "after_cancel": True}
    answer = await web.http.post("/v1/shipments/R/1/replace", json=body)
    assert answer.status_code == 202
    new = answer.json()
    assert (new["reference_number"], new["replaces"], new["waits_for"]) == ("R/1-R2", "R/1", "R/1")
    assert (new["state"], new["payload"]["shipment_details"]["weight"]) == ("held", 750)
    assert (await web.http.get("/v1/shipments/R/1")).json()["replaced_by"] == "R/1-R2"
    assert (await web.http.post("/v1/shipments/R/1/replace", json=body)).status_code == 200
    problem(await web.http.post("/v1/shipments/R/1/replace"), 409)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"set": {"shipment_details.weight": -1}}, 422),
        ({"set": {"shipment_details.weight.grams": 1}}, 422),
        ({"payload": {}}, 422),
        ({"payload": {"shipment_details": 7}}, 422),
        ({"reference_number": ""}, 422),
        ({"reference_number": "a\x00b"}, 422),
        ({"reference_number": "a\x07b"}, 422),
        ({"reference_number": "half \ud800"}, 422),
        ({"reference_number": "TAKEN"}, 409),
        ([], 422),
    ],
)
async def test_an_invalid_replacement_is_refused_and_changes_nothing(web: Web, body: Any, status: int) -> None:
    await web.http.post("/v1/shipments", json=[an_order("R"), an_order("TAKEN")])
    await place(web.store, "R", "AWB1")
    async with web.store.write() as session:
        await session.execute(sql("UPDATE shipments SET sent_at = created_at"))
    headers = {"content-type": "application/json"}
    problem(await web.http.post("/v1/shipments/R/replace", content=json.dumps(body), headers=headers), status)
    assert (await get(web.store, "R")).cancel_requested_at is None
    problem(await web.http.post("/v1/shipments/NONE/replace"), 404)
