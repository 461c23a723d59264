"""The API of labels and manifests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from awbridge.store import Store
from tests.support.app import Web, problem, web_on
from tests.support.labels import FakeFiles, a_fetcher, codes_on, placed_with_label

pytestmark = pytest.mark.heavy


@pytest.fixture
async def web(store: Store) -> AsyncIterator[Web]:
    files = FakeFiles()
    files.put("AWB1", "AWB2")
    async with web_on(store, labels=lambda clock: a_fetcher(store, clock, files)) as running:
        yield running


async def test_labels_are_printed_by_the_api(web: Web) -> None:
    await placed_with_label(web.store, web.clock, 1, 2, 3)
    waiting = (await web.http.get("/v1/labels", params={"since": "2026-11-01T00:00:00Z"})).json()
    assert [(one["account"], one["parcels"], one["to_print"], one["to_hand_over"]) for one in waiting] == [
        ("4:main", 3, 3, 3)
    ]
    body = {"reference_numbers": ["R-2", "R-3", "R-1"], "layout": "4x6"}
    made = await web.http.post("/v1/labels/prints", json=body)
    assert made.status_code == 201, made.text
    run = made.json()
    assert (run["shipments"], run["problems"], run["created_by"]) == (3, 1, "api")
    assert [bool(line["problem"]) for line in run["lines"]] == [False, True, False]
    pdf = await web.http.get(f"/v1/labels/prints/{run['id']}/pdf")
    assert pdf.headers["content-type"] == "application/pdf"
    assert codes_on(pdf.content) == [["AWB2"], ["AWB1"]]
    assert (await web.http.get(f"/v1/labels/prints/{run['id']}")).json() == run
    listed = (await web.http.get("/v1/labels/prints", params={"limit": 1})).json()
    assert ([one["id"] for one in listed["prints"]], listed["next"]) == ([run["id"]], None)


async def test_the_label_of_one_shipment_is_a_file(web: Web) -> None:
    await placed_with_label(web.store, web.clock, 1, 3)
    answer = await web.http.get("/v1/shipments/R-1/label")
    assert codes_on(answer.content) == [["AWB1"]]
    assert answer.headers["cache-control"] == "no-store"
    assert "expired" in problem(await web.http.get("/v1/shipments/R-3/label"), 409)["detail"]
    problem(await web.http.get("/v1/shipments/R-9/label"), 404)


async def test_manifests_are_made_by_the_api(web: Web) -> None:
    await placed_with_label(web.store, web.clock, 1, 2)
    made = await web.http.post("/v1/manifests", json={"account": "4:main", "reference_numbers": ["R-1", "R-9"]})
    assert made.status_code == 201, made.text
    body = made.json()
    assert (body["number"], body["parcels"], body["cod_total"]) == (1, 1, "0.00")
    assert body["left_out"] == [{"reference_number": "R-9", "problem": "there is no such shipment"}]
    assert [line["waybill"] for line in body["lines"]] == ["AWB1"]
    assert codes_on((await web.http.get("/v1/manifests/1/pdf")).content) == [["AWB1"]]
    assert (await web.http.get("/v1/manifests/1")).json()["lines"] == body["lines"]
    again = await web.http.post("/v1/manifests", json={"account": "4:main", "reference_numbers": ["R-1"]})
    assert "it is on manifest 1" in problem(again, 409)["detail"]
    assert [one["number"] for one in (await web.http.get("/v1/manifests")).json()["manifests"]] == [1]
    problem(await web.http.get("/v1/manifests/7"), 404)


async def test_senseless_requests_are_refused(web: Web) -> None:
    for path, body in (
        ("/v1/labels/prints", {"reference_numbers": []}),
        ("/v1/labels/prints", {"reference_numbers": ["R"], "layout": "a3"}),
        ("/v1/labels/prints", {"reference_numbers": ["R\x00"]}),
        ("/v1/manifests", {"account": "4:main", "reference_numbers": [str(n) for n in range(501)]}),
    ):
        problem(await web.http.post(path, json=body), 422)
    problem(await web.http.get("/v1/labels"), 422)
    problem(await web.http.get("/v1/labels/prints/x"), 404)
