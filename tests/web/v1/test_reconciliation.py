"""Reconciliations over HTTP: by day or by file, their differences, and pushing again."""

from __future__ import annotations

import io
import json
import zipfile

from awbridge.domain.orders.shipment import State
from awbridge.steps.reconciliation.reconcile import ReconcilePolicy, reconcile_due
from tests.support.app import Web, problem
from tests.support.rows import add, place
from tests.support.world import INDIA, get

REPORT = b"AWB,Status\n4000000000001,Delivered\n4000000000009,Delivered\n"


async def reconciled(web: Web) -> str:
    """Upload a file and match it; returns the id of the run."""
    for number in (1, 2):
        await add(web.store, f"ORDER-{number}")
        await place(web.store, f"ORDER-{number}", f"400000000000{number}")
    answer = await web.http.post("/v1/reconciliations", params={"name": "r-2026-11-02.csv"}, content=REPORT)
    assert answer.status_code == 202
    started = answer.json()
    assert (started["state"], started["kind"], started["day"]) == ("matching", "registered", "2026-11-02")
    assert await reconcile_due(
        store=web.store, clickpost=None, clock=web.clock, policy=ReconcilePolicy(zone=INDIA), only=int(started["id"])
    )
    return started["id"]


async def test_a_file_is_matched_and_its_differences_are_listed_by_kind(web: Web) -> None:
    number = await reconciled(web)
    shown = (await web.http.get(f"/v1/reconciliations/{number}")).json()
    kinds = {"missing_here": 1, "missing_there": 1, "status_differs": 1}
    assert (shown["state"], shown["found"], shown["open"], shown["matched"]) == ("done", kinds, kinds, 0)
    assert (shown["compared"], shown["partly"]) == ("partly", 0)
    assert shown["not_understood"] == ["no column holds: courier"]
    assert shown["columns_read"]["understood"] == {"waybill": "AWB", "status": "Status"}
    page = (await web.http.get(f"/v1/reconciliations/{number}/differences", params={"kind": "missing_there"})).json()
    assert [(d["item"], d["waybill"], d["state"]) for d in page["differences"]] == [
        ("ORDER-2", "4000000000002", "open")
    ]
    assert page["next"] is None


async def test_pages_follow_each_other(web: Web) -> None:
    number = await reconciled(web)
    items, cursor = [], "0"
    while cursor:
        url = f"/v1/reconciliations/{number}/differences"
        page = (await web.http.get(url, params={"limit": 1, "cursor": cursor})).json()
        items += [d["item"] for d in page["differences"]]
        cursor = page["next"]
    assert sorted(items) == ["4000000000009", "ORDER-1", "ORDER-2"]
    await web.http.post("/v1/reconciliations", params={"date": "2026-11-01"})
    first = (await web.http.get("/v1/reconciliations", params={"limit": 1})).json()
    second = (await web.http.get("/v1/reconciliations", params={"limit": 1, "cursor": first["next"]})).json()
    assert [run["day"] for run in (*first["reconciliations"], *second["reconciliations"])] == [
        "2026-11-01",
        "2026-11-02",
    ]
    assert second["next"] is None


async def test_shipments_missing_at_clickpost_are_pushed_again(web: Web) -> None:
    number = await reconciled(web)
    for pushed in (1, 0):
        answer = await web.http.post(f"/v1/reconciliations/{number}/push-again")
        assert answer.json() == {"pushed": pushed, "passed_over": 0, "undecided": []}
    assert (await get(web.store, "ORDER-2")).state is State.READY
    assert (await get(web.store, "ORDER-1")).state is State.PLACED


async def test_differences_are_decided_on_one_by_one(web: Web) -> None:
    number = await reconciled(web)
    page = (await web.http.get(f"/v1/reconciliations/{number}/differences")).json()
    ids = {d["item"]: d["id"] for d in page["differences"]}
    chosen = {"decision": "solve", "differences": [ids["ORDER-2"], "1"], "reason": "lost"}
    answer = await web.http.post(f"/v1/reconciliations/{number}/decide", json=chosen)
    assert [(one["item"], one["done"]) for one in answer.json()] == [("ORDER-2", True), ("", False)]
    again = await web.http.post(f"/v1/reconciliations/{number}/decide", json=chosen)
    assert [one["text"] for one in again.json()][:1] == ["It is solved already."]
    shown = (await web.http.get(f"/v1/reconciliations/{number}/differences")).json()["differences"]
    assert [d["solved_how"] for d in shown if d["item"] == "ORDER-2"] == ["by hand: lost"]
    problem(await web.http.post(f"/v1/reconciliations/{number}/decide", json={**chosen, "differences": ["x"]}), 404)
    problem(await web.http.post("/v1/reconciliations/1/decide", json=chosen), 404)


async def test_the_evidence_of_a_difference_is_a_zip(web: Web) -> None:
    number = await reconciled(web)
    page = (await web.http.get(f"/v1/reconciliations/{number}/differences")).json()
    for difference in page["differences"]:
        answer = await web.http.get(f"/v1/reconciliations/{number}/differences/{difference['id']}/evidence")
        assert answer.headers["content-type"] == "application/zip"
        with zipfile.ZipFile(io.BytesIO(answer.content)) as zipped:
            assert json.loads(zipped.read("difference.json"))["kind"] == difference["kind"]
            assert ("payload.json" in zipped.namelist()) is (difference["kind"] != "missing_here")


async def test_invalid_requests_are_refused(web: Web) -> None:
    problem(await web.http.post("/v1/reconciliations"), 422)
    as_json = await web.http.post("/v1/reconciliations", json={"date": "2026-11-02"})
    problem(as_json, 422)
    assert "?date=" in as_json.text, "a JSON body is not a file"
    problem(await web.http.post("/v1/reconciliations", params={"date": "2026-11-03"}), 409)
    problem(await web.http.post("/v1/reconciliations", params={"kind": "nothing"}, content=REPORT), 422)
    problem(await web.http.get("/v1/reconciliations/1"), 404)
    problem(await web.http.get(f"/v1/reconciliations/{2**70}"), 404)
    problem(await web.http.post("/v1/reconciliations/1/push-again"), 404)
    started = (await web.http.post("/v1/reconciliations", params={"name": "a.csv"}, content=REPORT)).json()
    assert (
        "still matching"
        in problem(await web.http.post(f"/v1/reconciliations/{started['id']}/push-again"), 409)["detail"]
    )
    decided = {"decision": "recheck", "differences": ["1"]}
    problem(await web.http.post(f"/v1/reconciliations/{started['id']}/decide", json=decided), 409)
    problem(await web.http.get(f"/v1/reconciliations/{started['id']}/differences/1/evidence"), 404)
