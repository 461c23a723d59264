"""The HTTP API: every route, what it answers when all is well and what it says when not."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import timedelta
from typing import Any

import asyncpg
import httpx2
import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from awbridge.domain.call import Call
from awbridge.domain.orders.shipment import State
from awbridge.domain.tracking.lifecycle import Sighting
from awbridge.steps.runtime.loop import Loop
from awbridge.steps.tracking.apply import ApplyPolicy, apply_due
from awbridge.store import Store
from awbridge.store.audit import attempts
from awbridge.store.engine.migrate import own_schema
from awbridge.store.orders import shipments
from awbridge.store.registration import dispatch
from awbridge.store.registration.dispatch import NotPlaced
from awbridge.store.tracking import inbox, scans
from awbridge.web import app as web_app
from awbridge.web import ready
from awbridge.web.v1.api import LARGEST_BATCH
from tests.steps.tracking.test_returns import asked_for
from tests.steps.tracking.test_shipment_details import NOW
from tests.support import newer
from tests.support.app import Web, web_on
from tests.support.rows import T0, add, claim_in, count, delivery, fetch, new_scan, place, scan, sql
from tests.support.stores import postgres_only, sqlite_only
from tests.support.world import INDIA, an_order, as_body, get, webhook


def problem(answer: httpx2.Response, status: int) -> dict[str, Any]:
    """The body of a problem answer."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["type"], body["status"]) == ("about:blank", status)
    assert body["title"]
    return body


async def test_an_order_is_taken_in_and_shown_without_its_payload(web: Web) -> None:
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


async def test_a_list_is_answered_by_a_list_and_200_only_when_all_were_known(web: Web) -> None:
    answer = await web.http.post("/v1/shipments", json=[an_order("A"), an_order("B")])
    assert answer.status_code == 202
    assert [s["reference_number"] for s in answer.json()["shipments"]] == ["A", "B"]
    assert (await web.http.post("/v1/shipments", json=[an_order("A"), an_order("C")])).status_code == 202
    assert (await web.http.post("/v1/shipments", json=[an_order("A"), an_order("C")])).status_code == 200


async def test_a_wrong_order_is_refused_with_every_field(web: Web) -> None:
    body = problem(await web.http.post("/v1/shipments", json=an_order("R", weight=-1, order_type="GIFT")), 422)
    assert {(e["path"], e["clickpost_code"]) for e in body["errors"]} == {
        ("shipment_details.weight", 314),
        ("shipment_details.order_type", 307),
    }
    assert await count(web.store, "shipments") == 0


async def test_a_batch_names_which_orders_are_wrong_and_stores_none(web: Web) -> None:
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
async def test_what_is_not_json_is_a_bad_request(web: Web, body: bytes) -> None:
    assert "not JSON" in problem(await web.http.post("/v1/shipments", content=body), 400)["title"]


@sqlite_only
async def test_a_method_that_a_path_has_not_is_told_those_that_it_has(web: Web) -> None:
    for path, methods in (("/v1/shipments", "GET, POST"), ("/v1/shipments/R/scans", "GET"), ("/v1/actions", "GET")):
        answer = await web.http.patch(path)
        problem(answer, 405)
        assert answer.headers["allow"] == methods


@pytest.mark.parametrize("body", ["text", 7, None, True])
@sqlite_only
async def test_what_is_no_order_is_refused(web: Web, body: Any) -> None:
    problem(await web.http.post("/v1/shipments", content=json.dumps(body)), 422)


@sqlite_only
async def test_an_empty_list_is_refused(web: Web) -> None:
    assert "empty" in problem(await web.http.post("/v1/shipments", json=[]), 422)["title"]


@sqlite_only
async def test_a_batch_may_not_be_too_long_nor_too_heavy(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    told = problem(await web.http.post("/v1/shipments", json=[{}] * (LARGEST_BATCH + 1)), 413)
    assert "1001" in told["title"]
    monkeypatch.setattr("awbridge.web.v1.reading.LARGEST_BODY", 2**20)
    told = problem(await web.http.post("/v1/shipments", content=b" " * (2**20 + 1)), 413)
    assert "at most 1 MiB" in told["title"]


@pytest.mark.parametrize("reference", ["A\x00B", "half \ud800", "x" * 201, "A\x07B", "A\nB", "A\u200bB"])
async def test_a_reference_that_cannot_be_kept_is_refused(web: Web, reference: str) -> None:
    order = an_order(reference, order_id="O")
    body = problem(await web.http.post("/v1/shipments", content=json.dumps(order)), 422)
    assert "shipment_details.reference_number" in {e["path"] for e in body["errors"]}


async def test_a_shipment_is_shown_with_its_payload_and_where_it_stands(web: Web) -> None:
    await add(web.store, "R", payload={"any": 1})
    await place(web.store, "R", "AWB1", label_url="https://x/l", security_key="K", children=("AWB1-1",))
    shown = (await web.http.get("/v1/shipments/R")).json()
    assert (shown["payload"], shown["waybill"], shown["label_url"]) == ({"any": 1}, "AWB1", "https://x/l")
    assert (shown["state"], shown["success"], shown["status"], shown["children"]) == ("placed", True, None, ["AWB1-1"])
    async with web.store.write() as session:
        sighting = Sighting(seen_at=T0, final=True, step=90, code=8)
        standing = shipments.TrackingStatus(sighting=sighting, bucket=6, edd=None, ndr_code=None)
        await shipments.set_tracking_status(session, "R", standing, last_tracked_at=T0, next_poll_at=None)
    status = (await web.http.get("/v1/shipments/R")).json()["status"]
    assert (status["code"], status["name"], status["bucket"], status["final"]) == (8, "Delivered", 6, True)


async def test_scans_and_attempts_are_shown_oldest_first(web: Web) -> None:
    await add(web.store, "R")
    async with web.store.write() as session:
        late = scan(8, T0 + timedelta(hours=1))
        await scans.add(session, [new_scan("R", late), new_scan("R", scan(5))])
        for n in range(2):
            call = Call(api="create_order", method="POST", url=f"https://x/?key=***&n={n}", http_status=200)
            await attempts.add(session, call, reference_number="R", outcome="unknown", made_at=T0)
    told = (await web.http.get("/v1/shipments/R/scans")).json()
    assert [(s["status_code"], s["status_name"]) for s in told] == [(5, "InTransit"), (8, "Delivered")]
    calls = (await web.http.get("/v1/shipments/R/attempts")).json()
    assert [c["url"][-1] for c in calls] == ["0", "1"]


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
async def test_what_does_not_exist_is_not_found(web: Web, method: str, path: str) -> None:
    body = {"json": an_order("NONE")} if method == "PUT" else {}
    problem(await web.http.request(method, path, **body), 404)


@sqlite_only
async def test_a_method_that_a_path_does_not_know_is_told_as_a_problem(web: Web) -> None:
    problem(await web.http.delete("/v1/shipments"), 405)


async def test_references_with_slashes_are_reached_like_others(web: Web) -> None:
    reference = "INV/25-26/001 #é"
    await web.http.post("/v1/shipments", json=an_order(reference))
    at = "/v1/shipments/INV%2F25-26%2F001%20%23%C3%A9"
    assert (await web.http.get(at)).json()["reference_number"] == reference
    assert (await web.http.get(f"{at}/scans")).json() == []
    assert (await web.http.get(f"{at}/attempts")).json() == []
    assert (await web.http.put(f"{at}/payload", json=an_order(reference, weight=1))).status_code == 200
    assert (await web.http.post(f"{at}/cancel")).json()["state"] == "cancelled"


@pytest.mark.parametrize("limit", [1, 3, 500])
async def test_pages_hold_every_shipment_once_newest_first(web: Web, limit: int) -> None:
    for n in range(7):
        await add(web.store, f"R{n}", now=T0 + timedelta(minutes=n // 3))
    seen: list[str] = []
    cursor = None
    while True:
        page = (
            await web.http.get("/v1/shipments", params={"limit": limit} | ({"cursor": cursor} if cursor else {}))
        ).json()
        assert len(page["shipments"]) <= limit
        seen += [s["reference_number"] for s in page["shipments"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == ["R6", "R5", "R4", "R3", "R2", "R1", "R0"]


async def test_shipments_can_be_listed_by_state(web: Web) -> None:
    await add(web.store, "A", "B")
    await place(web.store, "A", "AWB1")
    page = (await web.http.get("/v1/shipments", params={"state": "placed"})).json()
    assert [s["reference_number"] for s in page["shipments"]] == ["A"]


@pytest.mark.parametrize("params", [{"state": "lost"}, {"limit": 0}, {"limit": 501}, {"limit": "many"}])
@sqlite_only
async def test_a_wrong_parameter_is_named(web: Web, params: dict[str, Any]) -> None:
    body = problem(await web.http.get("/v1/shipments", params=params), 422)
    assert [e["path"] for e in body["errors"]] == [f"query.{next(iter(params))}"]


@pytest.mark.parametrize(
    "content",
    [
        "nonsense", "é", [], 7, ["2026-01-01T00:00:00Z"], ["yesterday", "R"], ["2026-01-01T00:00:00Z", "a\x00b"],
        ["2026-01-01T00:00:00Z", "\ud800"], ["0001-01-01T00:00:00+14:00", "R"], ["2026-01-01T00:00:00Z", 7],
        [None, None],
    ],
)  # fmt: skip
async def test_a_cursor_that_this_api_did_not_give_is_refused(web: Web, content: Any) -> None:
    cursor = content if isinstance(content, str) else base64.urlsafe_b64encode(json.dumps(content).encode()).decode()
    problem(await web.http.get("/v1/shipments", params={"cursor": cursor}), 400)


async def leave(store: Store, reference: str, state: State) -> None:
    async with store.write() as session:
        await claim_in(session, owner="w", until=T0)
        decided = NotPlaced(state=state, no_of_retries=3, problem="bad", next_try_at=None)
        await dispatch.not_placed(session, [(reference, "w", decided)], now=T0)


async def test_retrying_starts_anew_or_says_why_not(web: Web) -> None:
    await add(web.store, "R")
    assert "R is ready" in problem(await web.http.post("/v1/shipments/R/retry"), 409)["detail"]
    await leave(web.store, "R", State.GAVE_UP)
    shown = (await web.http.post("/v1/shipments/R/retry")).json()
    assert (shown["state"], shown["no_of_retries"], shown["problem"]) == ("ready", 0, None)


async def test_cancelling_is_at_once_or_at_clickpost_first(web: Web) -> None:
    await add(web.store, "A", "B")
    await place(web.store, "B", "AWB1")
    assert (await web.http.post("/v1/shipments/A/cancel")).json()["state"] == "cancelled"
    asked = (await web.http.post("/v1/shipments/B/cancel")).json()
    assert asked["state"] == "placed"
    assert asked["cancel_requested_at"]


async def test_a_payload_can_be_changed_until_it_is_placed(web: Web) -> None:
    await web.http.post("/v1/shipments", json=an_order("R"))
    answer = await web.http.put("/v1/shipments/R/payload", json=an_order("R", weight=900))
    assert (answer.status_code, answer.json()["payload"]["shipment_details"]["weight"]) == (200, 900)
    problem(await web.http.put("/v1/shipments/R/payload", json=an_order("R", weight=0)), 422)
    problem(await web.http.put("/v1/shipments/R/payload", json=an_order("S")), 422)
    problem(await web.http.put("/v1/shipments/R/payload", content=b"{"), 400)
    await place(web.store, "R", "AWB1")
    assert "R is placed" in problem(await web.http.put("/v1/shipments/R/payload", json=an_order("R")), 409)["detail"]


async def test_transporters_are_mapped_listed_used_and_removed(web: Web) -> None:
    answer = await web.http.put("/v1/couriers/delhi%20air", json={"courier_partner_id": 25, "account_code": "a"})
    assert answer.json() == {
        "transporter": "delhi air", "courier_partner_id": 25, "account_code": "a", "name": "", "active": True,
        "fallback": None, "warning": None,
    }  # fmt: skip
    assert [c["transporter"] for c in (await web.http.get("/v1/couriers")).json()] == ["delhi air"]
    taken = await web.http.post("/v1/shipments", json={**an_order("R"), "transporter": "delhi air"})
    assert (taken.json()["transporter"], taken.json()["courier_partner_id"]) == ("delhi air", 25)
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
async def test_a_mapping_that_cannot_be_kept_is_refused(web: Web, body: Any) -> None:
    problem(
        await web.http.put("/v1/couriers/t", content=json.dumps(body), headers={"content-type": "application/json"}),
        422,
    )


async def test_a_transporters_name_has_its_limits(web: Web) -> None:
    problem(await web.http.put(f"/v1/couriers/{'x' * 201}", json={"courier_partner_id": 4}), 422)


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ({"Authorization": "Bearer second"}, 200),
        ({"Authorization": "bearer  first "}, 200),
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "Bearer "}, 401),
        ({"Authorization": "Basic first"}, 401),
        ({"Authorization": "first"}, 401),
    ],
)
@sqlite_only
async def test_with_keys_configured_only_a_right_one_opens_also_from_this_machine(
    store: Store, header: dict[str, str], status: int
) -> None:
    async with web_on(store, api_keys=["first", "second"]) as web:
        for client in (web.http, web.client("10.0.0.1")):
            answer = await client.get("/v1/shipments", headers=header)
            assert answer.status_code == status
            if status == 401:
                problem(answer, 401)
                assert answer.headers["www-authenticate"] == "Bearer"
            assert (await client.get("/metrics", headers=header)).status_code == status


@pytest.mark.parametrize(
    ("address", "status"),
    [("127.0.0.1", 200), ("127.8.0.1", 200), ("::1", 200), ("10.0.0.1", 403), ("", 403), ("x", 403)],
)
@sqlite_only
async def test_without_keys_only_this_machine_may_call(web: Web, address: str, status: int) -> None:
    answer = await web.client(address).get("/v1/shipments")
    assert answer.status_code == status
    if status == 403:
        assert "AWBRIDGE_API_KEYS" in problem(answer, 403)["detail"]
    assert (await web.client(address).get("/healthz")).status_code == 200, "probes come from anywhere"


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


@sqlite_only
async def test_health_shows_a_step_that_hangs(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> int:
        return 0

    loop = Loop("push", work, idle_seconds=1.0)
    async with web_on(store, loops=[loop]) as web:
        assert (await web.http.get("/healthz")).json() == {"ok": True, "hanging": []}
        loop.beat_at -= web_app.HANGS_AFTER + 1
        answer = await web.http.get("/healthz")
        assert (answer.status_code, answer.json()["hanging"]) == (503, ["push"])


@postgres_only
async def test_a_database_that_takes_no_writes_is_not_ready(
    store: Store, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ready, "PROOF_LASTS", 0.0)
    name = store_url.rpartition("/")[2]
    admin = await asyncpg.connect(store_url)
    async with web_on(store) as web:
        assert (await web.http.get("/readyz")).status_code == 200
        await admin.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        try:
            await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()",
                name,
            )
            assert problem(await web.http.get("/readyz"), 503)["title"] == "The database is not ready"
        finally:
            await admin.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        assert (await web.http.get("/readyz")).status_code == 200
    await admin.close()


async def test_readiness_is_a_write_and_many_who_ask_share_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ready, "PROOF_LASTS", 0.2)
    await asyncio.sleep(0.3)  # the app may have been asked before
    proof = "SELECT next_turn FROM paces WHERE name = 'readyz'"
    async with web_on(store) as web:
        answers = [(await web.http.get("/readyz")).status_code]
        first = await fetch(store, proof)
        web.clock.forward(minutes=1)
        answers += [(await web.http.get("/readyz")).status_code for _ in range(3)]
        assert await fetch(store, proof) == first
        await asyncio.sleep(0.3)
        answers += [(await web.http.get("/readyz")).status_code]
    assert set(answers) == {200}
    assert (await fetch(store, proof))[0]["next_turn"] == first[0]["next_turn"] + 60


async def test_readiness_hangs_on_the_schema(database_url: str) -> None:
    store = await Store.open(database_url)
    async with web_on(store) as web:
        assert "0001_first_orders" in problem(await web.http.get("/readyz"), 503)["detail"]
        await store.migrate()
        assert (await web.http.get("/readyz")).json() == {"ok": True}
        async with store.write() as session:
            await session.execute(sql("UPDATE schema_migrations SET checksum = 'other'"))
        assert "changed" in problem(await web.http.get("/readyz"), 503)["detail"]
    await store.close()


async def test_a_newer_schema_is_ready_where_it_is_compatible_and_says_why_where_not(database_url: str) -> None:
    store = await Store.open(database_url)
    await store.migrate()
    async with web_on(store) as web:
        await newer.migrate_as_newer(store, newer.added(9001, "SELECT 1", compatible_from=own_schema()))
        assert (await web.http.get("/readyz")).json() == {"ok": True}
        await newer.migrate_as_newer(store, newer.added(9002, "SELECT 1", compatible_from=9001))
        refused = problem(await web.http.get("/readyz"), 503)
        assert refused["title"] == "The schema is too new"
        assert f"it needs schema 9001, this version's is {own_schema():04}. Install the version" in refused["detail"]
    await store.close()


async def test_metrics_count_what_the_tables_hold_and_what_was_answered(web: Web) -> None:
    await add(web.store, "A", "B")
    await web.http.post("/webhooks/clickpost", content=b"<", headers={"webhook_key": "right"})
    text = (await web.http.get("/metrics")).text
    assert 'awbridge_shipments{state="ready"} 2.0' in text
    assert 'awbridge_inbox{stage="not_json"} 1.0' in text
    assert 'awbridge_webhooks_total{status="400"} 1.0' in text


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from([*an_order()["shipment_details"], "rvp_reason"]), value=_json, section=st.booleans())
async def test_no_order_is_our_fault(web: Web, name: str, value: Any, section: bool) -> None:
    order = {**an_order(), "additional": value, "transporter": value} if section else an_order(**{name: value})
    answer = await web.http.post("/v1/shipments", content=json.dumps(order))
    assert answer.status_code < 500


async def test_a_changed_payload_is_kept_with_what_changed(web: Web) -> None:
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
    body = problem(await web.http.post("/v1/shipments/R/1/replace"), 409)
    assert "never sent" in body["detail"]
    await place(web.store, "R/1", "AWB1")
    async with web.store.write() as session:
        await session.execute(sql("UPDATE shipments SET sent_at = created_at"))
    asked = {"set": {"shipment_details.weight": 750}, "after_cancel": True}
    answer = await web.http.post("/v1/shipments/R/1/replace", json=asked)
    assert answer.status_code == 202
    new = answer.json()
    assert (new["reference_number"], new["replaces"], new["waits_for"]) == ("R/1-R2", "R/1", "R/1")
    assert (new["state"], new["payload"]["shipment_details"]["weight"]) == ("held", 750)
    assert (await web.http.get("/v1/shipments/R/1")).json()["replaced_by"] == "R/1-R2"
    assert (await web.http.post("/v1/shipments/R/1/replace", json=asked)).status_code == 200
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
async def test_a_replacement_that_cannot_be_is_refused_and_nothing_happens(web: Web, body: Any, status: int) -> None:
    await web.http.post("/v1/shipments", json=[an_order("R"), an_order("TAKEN")])
    await place(web.store, "R", "AWB1")
    async with web.store.write() as session:
        await session.execute(sql("UPDATE shipments SET sent_at = created_at"))
    headers = {"content-type": "application/json"}
    problem(await web.http.post("/v1/shipments/R/replace", content=json.dumps(body), headers=headers), status)
    assert (await get(web.store, "R")).cancel_requested_at is None
    problem(await web.http.post("/v1/shipments/NONE/replace"), 404)


async def a_known_shipment(web: Web) -> None:
    """Placed, failed to be delivered, promised for a day that is over."""
    await add(web.store, "R")
    await place(web.store, "R", "AWB1")
    body = webhook("AWB1", 9, T0 + timedelta(hours=5), remark="nobody at home")
    body["additional"] |= {"ndr_status_code": 1, "courier_partner_edd": "2026-11-03"}
    changed = webhook("AWB1", 6, T0 + timedelta(hours=4))
    changed["additional"]["courier_partner_edd"] = "2026-11-02"
    async with web.store.write() as session:
        at = T0 + timedelta(hours=6)
        await inbox.add(
            session, [delivery(str(n), received_at=at, body=as_body(b)) for n, b in enumerate((body, changed))]
        )
    web.clock.forward(hours=7)
    await apply_due(store=web.store, clock=web.clock, policy=ApplyPolicy(zone=INDIA))
    web.clock.forward(hours=70)


async def test_a_shipment_shows_all_that_is_known_of_it(web: Web) -> None:
    await a_known_shipment(web)
    shown = (await web.http.get("/v1/shipments/R")).json()
    whole = T0.replace(microsecond=0)

    def after(hours: float) -> str:
        return (whole + timedelta(hours=hours)).isoformat().replace("+00:00", "Z")

    reached = {name: at for name, at in shown["milestones"].items() if at}
    assert reached == {
        "placed_at": "2026-11-02T06:30:00.123456Z",
        "picked_up_at": after(4),
        "out_for_delivery_at": after(4),
        "failed_delivery_at": after(5),
        "delayed_at": "2026-11-03T18:30:00Z",  # the end of the promised day in India
    }
    assert shown["delivery_attempt_count"] == 1
    assert [(a["began_at"], a["ended_at"], a["ndr_name"]) for a in shown["delivery_attempts"]] == [
        (after(4), after(5), "Customer Unavailable")
    ]
    assert shown["ndr"] == [
        {"at": after(5), "ndr_code": 1, "ndr_name": "Customer Unavailable", "remark": "nobody at home"}
    ]
    assert (shown["npr"], shown["npr_code"]) == ([], None)
    assert (shown["edd"], [p["edd"] for p in shown["edd_history"]]) == ("2026-11-03", ["2026-11-02", "2026-11-03"])
    assert (shown["stuck_since"], shown["sla_breached"], shown["ndr_code"]) == (after(5), True, 1)
    changed = (await web.http.get("/v1/shipments")).json()["shipments"][0]
    assert (changed["stuck_since"], changed["sla_breached"]) == (after(5), True)


@pytest.mark.parametrize("which", ["stuck", "sla_breached", "ndr", "piece_exception"])
async def test_shipments_that_need_somebody_are_listed_page_by_page(web: Web, which: str) -> None:
    await a_known_shipment(web)
    column = {"stuck": "status_at", "sla_breached": "edd_due_at", "ndr": "ndr_at"}.get(which, "piece_exception_at")
    for n in range(3):
        await add(web.store, f"S{n}")
        await place(web.store, f"S{n}", f"AWB-S{n}", now=T0 + timedelta(days=30))
        async with web.store.write() as session:
            at = T0 - timedelta(days=9 - n)
            assert await session.execute(
                sql(f"UPDATE shipments SET {column} = $1 WHERE reference_number = $2"), at, f"S{n}"
            )
    seen: list[str] = []
    page: dict[str, Any] = {"next": ""}
    while page["next"] is not None:
        answer = await web.http.get("/v1/shipments", params={which: True, "limit": 3, "cursor": page["next"]})
        page = answer.json()
        seen += [s["reference_number"] for s in page["shipments"]]
    assert seen == ["S0", "S1", "S2", *(["R"] if which != "piece_exception" else [])]


async def test_a_shipment_shows_its_boxes_its_returns_and_the_vendors_own_words(web: Web) -> None:
    await add(web.store, "R")
    await place(web.store, "R", "AWB1", children=("AWB1-1", "AWB1-2"))
    unknown = webhook("AWB1", 43, T0, remark="")
    unknown["clickpost_status_description"] = "RiderAllocated"
    unknown["additional"] = {}
    lost = webhook("AWB1-2", 16, T0 + timedelta(hours=1))
    failed = webhook("AWB1-1", 9, T0 + timedelta(hours=1))
    failed["additional"] |= {"ndr_status_code": 77, "ndr_status_description": "OTP Mismatch"}
    async with web.store.write() as session:
        bodies = (unknown, lost, failed, asked_for())
        rows = [delivery(str(n), received_at=NOW, body=as_body(body)) for n, body in enumerate(bodies)]
        await inbox.add(session, rows)
    web.clock.now = NOW
    await apply_due(store=web.store, clock=web.clock, policy=ApplyPolicy(zone=INDIA))
    shown = (await web.http.get("/v1/shipments/R")).json()
    assert (shown["status"]["code"], shown["status"]["name"]) == (43, "RiderAllocated")
    assert (shown["ndr_code"], shown["ndr_name"]) == (77, "OTP Mismatch")
    assert [(p["waybill"], p["status"]["name"], p["exception"]) for p in shown["pieces"]] == [
        ("AWB1-1", "FailedDelivery", "failed_delivery"),
        ("AWB1-2", "Lost", "lost"),
    ]
    assert shown["pieces"][0]["ndr"][0]["ndr_name"] == "OTP Mismatch"
    (told,) = shown["returns"]
    assert (told["kind"], told["name"], told["return_reference_number"], told["self_shipped"]) == (
        "return.placed",
        "Return Request Placed",
        "RE1",
        False,
    )
    assert told["items"][0]["sku"] == "367877"
    scans_shown = (await web.http.get("/v1/shipments/R/scans")).json()
    assert [(s["piece"], s["status_name"], s["ndr_name"]) for s in scans_shown] == [
        (None, "RiderAllocated", ""),
        (1, "FailedDelivery", "OTP Mismatch"),
        (2, "Lost", ""),
        (None, "Return Request Placed", ""),
    ]
    for which in ("ndr", "piece_exception"):
        listed = (await web.http.get("/v1/shipments", params={which: True})).json()["shipments"]
        assert [s["reference_number"] for s in listed] == ["R"]


async def test_lists_are_asked_for_one_at_a_time(web: Web) -> None:
    body = problem(await web.http.get("/v1/shipments", params={"stuck": True, "state": "placed"}), 400)
    assert "one at a time" in body["title"]


async def test_a_person_settles_what_may_stand_over_http(web: Web) -> None:
    await web.http.post("/v1/shipments", json=[an_order("R/1"), an_order("S")])
    problem(await web.http.post("/v1/shipments/R/1/settle", json={"held": False}), 409)
    async with web.store.write() as session:
        await session.execute(sql("UPDATE shipments SET maybe_placed = TRUE, state = 'gave_up', sent_at = created_at"))
    assert (await web.http.get("/v1/shipments/S")).json()["maybe_placed"] is True
    problem(await web.http.post("/v1/shipments/R/1/replace"), 409)
    problem(await web.http.post("/v1/shipments/R/1/settle", json={"held": True}), 422)
    problem(await web.http.post("/v1/shipments/R/1/settle", json={"held": True, "waybill": "#N/A"}), 422)
    problem(await web.http.post("/v1/shipments/NONE/settle", json={"held": False}), 404)
    held = (await web.http.post("/v1/shipments/R/1/settle", json={"held": True, "waybill": "AWB1"})).json()
    assert (held["state"], held["waybill"], held["maybe_placed"], held["settled_by"]) == (
        "placed",
        "AWB1",
        False,
        "api",
    )
    free = (await web.http.post("/v1/shipments/S/settle", json={"held": False})).json()
    assert (free["state"], free["maybe_placed"]) == ("gave_up", False)
    assert "nothing is held at ClickPost, said api" in free["problem"]
