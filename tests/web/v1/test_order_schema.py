"""The described body of an order states exactly the limits that POST /v1/shipments enforces."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import jsonschema_rs
import pytest

from awbridge.clickpost.models.order_schema.order_schema import order_schemas
from awbridge.clickpost.orders.order_places import is_flat
from awbridge.domain.json import JsonObject
from awbridge.web.v1.request_parsing import LARGEST_BATCH
from tests.support import vendor_files
from tests.support.app import Web
from tests.support.order_cases import KINDS, MISSING, UNCHECKED, Case, changed, combinations, single_changes, target
from tests.support.stores import sqlite_only

pytestmark = pytest.mark.heavy

FORMS = ("IndiaOrder", "WorldOrder", "FlatOrder")
DETAILS = "shipment_details"
NEVER_VALID: JsonObject = {}  # keeps a batch from being stored


async def described(web: Web) -> JsonObject:
    """The served description."""
    return (await web.http.get("/openapi.json")).json()


def validator(document: JsonObject, path: str = "/v1/shipments", method: str = "post") -> Any:
    """A validator of a body of this operation, by the served description alone."""
    body = document["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"]
    return jsonschema_rs.Draft202012Validator({**body, "components": document["components"]}, validate_formats=False)


async def refused(web: Web, orders: Sequence[JsonObject]) -> dict[int, Any]:
    """The problems of the orders that POST /v1/shipments refuses, by place. Nothing is stored."""
    found: dict[int, Any] = {}
    for start in range(0, len(orders), LARGEST_BATCH - 1):
        batch = [*orders[start : start + LARGEST_BATCH - 1], NEVER_VALID]
        answer = await web.http.post("/v1/shipments", json=batch)
        assert answer.status_code == 422
        for error in answer.json()["errors"]:
            found.setdefault(start + error["order"], error)
        del found[start + len(batch) - 1]
    return found


def numbered(case: Case, number: int) -> JsonObject:
    """The order under a reference number of its own, unless that is the changed field."""
    if case.path[-1] == "reference_number":
        return case.order
    at = (DETAILS,) if DETAILS in case.order and isinstance(case.order[DETAILS], dict) else ()
    return (
        changed(case.order, (*at, "reference_number"), f"R{number}") if at or DETAILS not in case.path else case.order
    )


def is_of_kind(value: Any, kind: str) -> bool:
    return isinstance(value, KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool))


def why_more_lenient(case: Case) -> str:
    """The named reason why the service may accept a change that the schema refuses; "" if there is none."""
    value, kinds = case.value, case.shape.get("type", [])
    if case.shape.get(UNCHECKED) and value is not MISSING and not any(is_of_kind(value, kind) for kind in kinds):
        return "the type is ClickPost's documented one, and is not checked"
    if isinstance(value, str) and value != value.strip():
        return "spaces at both ends do not count"
    if str(case.path[-1]).endswith("phone") and str(value)[:1] == "-":
        return "a dash is a separator, and a sign is read as one"
    if (isinstance(value, str) and value.endswith(".0")) or value == "00.00":
        return "digits that a spreadsheet wrote as a number with a fraction of 0 are read without it"
    return ""


def why_stricter(case: Case, problem: JsonObject) -> str:
    """The named reason why the service may refuse a change that the schema accepts; "" if there is none."""
    if "contradicts" in problem["problem"]:
        return "two sections may not contradict each other"
    if case.path[-1] == "courier_partner" and case.value in (MISSING, None, ""):
        return "whether an order may name no courier is a setting"
    if isinstance(case.value, float) and "characters" in problem["problem"]:
        return "the point of a number counts as a character"
    return ""


def undescribed(schemas: dict[str, JsonObject], shape: JsonObject, value: Any, path: str = "") -> set[str]:
    """The fields of a value that its schema does not name."""
    if isinstance(value, list):
        return {found for item in value for found in undescribed(schemas, shape.get("items", {}), item, path)}
    described = target(schemas, shape)[1].get("properties", {})
    if not isinstance(value, dict) or not described:
        return set()
    inner = {
        found
        for name in value
        if name in described
        for found in undescribed(schemas, described[name], value[name], f"{path}.{name}")
    }
    return inner | {f"{path}.{name}" for name in value if name.strip() not in described}


@vendor_files.needed
@pytest.mark.parametrize("form", ["IndiaOrder", "WorldOrder"])
def test_every_field_of_clickposts_own_examples_is_described(form: str) -> None:
    schemas = order_schemas()
    path = "/api/v3/create-order/" if form == "IndiaOrder" else "/api/v4/create-order/"
    bodies = [e.body for e in vendor_files.request_examples() if e.operation.path == path and not is_flat(e.body)]
    assert bodies
    unknown = {"additional": {"return_info": {"x": 1}}}
    assert undescribed(schemas, {"$ref": form}, unknown) == {".additional.return_info.x"}
    assert {found for body in bodies for found in undescribed(schemas, {"$ref": form}, body)} == set()


@sqlite_only
async def test_the_schema_refuses_an_order_exactly_where_the_service_does(web: Web) -> None:
    document = await described(web)
    valid, seen = validator(document), set[str]()
    cases = [
        case
        for form in FORMS
        for case in chain(single_changes(document["components"]["schemas"], form, seen), combinations(form))
    ]
    orders = [numbered(case, number) for number, case in enumerate(cases)]
    problems = await refused(web, orders)
    wrong = list[Any]()
    for number, (case, order) in enumerate(zip(cases, orders, strict=True)):
        if valid.is_valid(order):
            if number in problems and not why_stricter(case, problems[number]):
                wrong.append((case.path, case.value, problems[number]))
        elif number not in problems and not why_more_lenient(case):
            wrong.append((case.path, case.value, "refused by the schema alone"))
    assert len(cases) > 5000
    assert not wrong, f"{len(wrong)} of {len(cases)}: " + "\n".join(map(str, wrong[:60]))
