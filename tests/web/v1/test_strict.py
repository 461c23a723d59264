"""Unknown query parameters, unknown fields of our own bodies, and booleans for numbers are refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.app import Web
from tests.support.rows import add
from tests.support.world import an_order


async def test_an_unknown_query_parameter_is_refused_on_every_route(web: Web) -> None:
    described = (await web.http.get("/openapi.json")).json()["paths"]
    operations = [
        (path, method) for path, methods in described.items() for method in methods if path.startswith("/v1/")
    ]
    assert len(operations) > 40
    await add(web.store, "{reference_number}")
    for path, method in operations:
        url = path.replace("{reconciliation_id}", "1").replace("{difference_id}", "1")
        answer = await web.http.request(method, url, params={"no_such_thing": "1"}, json={})
        assert answer.status_code == 422, f"{method} {path}: {answer.text}"
        paths = [error["path"] for error in answer.json()["errors"]]
        assert "query.no_such_thing" in paths, f"{method} {path}"
        assert "422" in described[path][method]["responses"]


@pytest.mark.parametrize(("given", "meant"), [("stat", "state"), ("way_bill", "waybill"), ("orderid", "order_id")])
async def test_the_nearest_parameter_is_named(web: Web, given: str, meant: str) -> None:
    [error] = (await web.http.get("/v1/shipments", params={given: "x"})).json()["errors"]
    assert error == {"path": f"query.{given}", "problem": f"is not known here: did you mean {meant}?"}


async def test_without_a_near_name_all_parameters_are_listed(web: Web) -> None:
    [error] = (await web.http.get("/v1/reports", params={"zzz": "x"})).json()["errors"]
    assert error["problem"] == "is not known here; known: limit"


async def test_health_accepts_extra_parameters_of_monitors(web: Web) -> None:
    assert (await web.http.get("/healthz", params={"t": "1"})).status_code == 200


BODIES = [
    ("PUT", "/v1/couriers/T", {"courier_partner_id": 4, "acount_code": "a"}, "acount_code", "account_code"),
    ("PUT", "/v1/accounts/rate", {"courier_partner_id": 4, "rate_per_secnd": 1}, "rate_per_secnd", "rate_per_second"),
    ("POST", "/v1/downtimes", {"courier_partner_id": 4, "form_at": "x"}, "form_at", "from_at"),
    ("POST", "/v1/endpoints", {"url": "https://8.8.8.8/", "kind": []}, "kind", "kinds"),
    ("POST", "/v1/endpoints/1/redeliver", {"event_id": []}, "event_id", "event_ids"),
    ("POST", "/v1/opt-outs", {"address": "9000000001", "chanel": "sms"}, "chanel", "channel"),
    ("POST", "/v1/opt-outs/remove", {"adress": "9000000001"}, "adress", "address"),
    ("POST", "/v1/erasures", {"fone": "9000000001"}, "fone", "phone"),
    ("POST", "/v1/couriers/T/move", {"too": "U"}, "too", "to"),
    ("POST", "/v1/shipments/R/replace", {"after_cancle": True}, "after_cancle", "after_cancel"),
    ("POST", "/v1/shipments/R/label", {"regenrate": True}, "regenrate", "regenerate"),
    ("POST", "/v1/shipments/R/whatsapp", {"enable": True}, "enable", "enabled"),
    ("POST", "/v1/shipments/R/ndr", {"acton": "REATTEMPT"}, "acton", "action"),
    (
        "PUT",
        "/v1/allocation-rules",
        [{"name": "a", "transporter": "T", "weight_form": 1}],
        "weight_form",
        "weight_from",
    ),
]


@pytest.mark.parametrize(("method", "path", "body", "unknown", "meant"), BODIES)
async def test_an_unknown_field_of_our_own_bodies_is_refused(
    web: Web, method: str, path: str, body: Any, unknown: str, meant: str
) -> None:
    await add(web.store, "R", payload=an_order("R"))
    answer = await web.http.request(method, path, json=body)
    assert answer.status_code == 422, answer.text
    assert unknown in answer.text
    assert f"did you mean {meant}?" in answer.text


async def test_unknown_fields_of_clickposts_payload_pass(web: Web) -> None:
    order = an_order("R") | {"something_new": 1}
    order["shipment_details"]["extra_of_a_courier"] = "x"
    assert (await web.http.post("/v1/shipments", json=order)).status_code == 202


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/couriers/T", {"courier_partner_id": True}),
        ("/v1/accounts/rate", {"courier_partner_id": 4, "rate_per_second": True}),
        ("/v1/allocation-rules", [{"name": "a", "transporter": "T", "weight_from": True}]),
    ],
)
async def test_a_boolean_is_not_a_number(web: Web, path: str, body: Any) -> None:
    answer = await web.http.put(path, json=body)
    assert answer.status_code == 422
    assert "a number" in answer.text
