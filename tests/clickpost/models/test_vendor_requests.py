"""Every request body that the vendor documents, and our own for each model: each is written as it was read.

Create-order's bodies are walked where its models are tested.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from awbridge.clickpost.models import access, edits, lookups, ndr, pickups, reports, waybills
from awbridge.clickpost.models.base import RequestModel
from tests.support import vendor_files
from tests.support.vendor_files import Example

MODELS: dict[str, type[RequestModel]] = {
    "POST /api/v1/create-pickup/": pickups.IndiaPickupRequest,
    "POST /api/v2/create-pickup/": pickups.WorldPickupRequest,
    "POST /api/v2/tracking/awb-register/": waybills.WaybillV2,
    "POST /api/v3/tracking/awb-register/": waybills.WaybillV3,
    "POST /api/v1/edit-order/": edits.OrderEdit,
    "POST /api/v2/ndr-update-api": ndr.NdrUpdate,
    "POST /api/v1/recommendation_api/": lookups.RecommendationRequest,
    "POST /api/v2/recommendation/": lookups.WorldRecommendationRequest,
    "POST /api/v1/serviceability_api/": lookups.ServiceabilityRequest,
    "POST /api/v3/serviceability_api/": lookups.DropServiceabilityRequest,
    "POST /api/v2/predicted_sla_api/": lookups.EddRequest,
    "POST /api/v1/global_edd/": lookups.WorldEddRequest,
    "POST /api/v1/reports/enterprise_dashboard_report/": reports.ReportRequest,
    "POST /api/v1/enable_shipment_notification/": access.WhatsAppSwitch,
    "POST /api/v1/user/token/": access.Login,
}
IN_NO_FILE = (waybills.WaybillRemoval, access.ServiceRegistration, access.WebhookRegistration, access.WebhookTest)
CREATE_ORDER = {"POST /api/v3/create-order/", "POST /api/v4/create-order/"}
WITHOUT_EXAMPLE = {"POST /api/v1/user/token/"}

CHOICES: dict[str, tuple[str, tuple[str, ...]]] = {
    "clickpost POST /api/v2/ndr-update-api request NDR Update": ("action", ("INITIATE_RTO", "REATTEMPT")),
    "serviceability POST /api/v3/serviceability_api/ request Serviceability V3 Payload with Optional Parameters": (
        "service_type",
        ("FORWARD", "RVP", "EXCHANGE"),
    ),
}
"""Examples in which one field names all its possible values at once, and these values."""

OURS = sorted((Path(__file__).parents[1] / "fixtures" / "requests").glob("*.json"))
BY_NAME = {model.__name__: model for model in (*MODELS.values(), *IN_NO_FILE)}


def rebuilt(model: type[RequestModel], body: Any) -> str:
    return canonical(model.model_validate(body).payload())


def canonical(body: Any) -> str:
    """As text, so that 1, 1.0, "1" and true are four different values."""
    return json.dumps(body, sort_keys=True)


def objects(body: Any) -> list[dict[str, Any]]:
    """The bodies in a list of them, or the one body itself."""
    return cast("list[dict[str, Any]]", body if isinstance(body, list) else [body])


def single_bodies(example: Example) -> Iterator[dict[str, Any]]:
    """The objects in an example, once for each value of a field that lists its possible values."""
    name, values = CHOICES.get(str(example), ("", ()))
    for body in objects(example.body):
        yield from [{**body, name: value} for value in values] or [body]


@pytest.fixture
def examples(the_vendors_files: None) -> list[Example]:
    return [example for example in vendor_files.request_examples() if example.operation.name not in CREATE_ORDER]


@pytest.mark.parametrize("file", OURS, ids=lambda file: file.stem)
def test_our_own_bodies_come_out_as_they_went_in(file: Path) -> None:
    body = json.loads(file.read_text(encoding="utf-8"))
    assert rebuilt(BY_NAME[file.stem.partition(".")[0]], body) == canonical(body)


def test_every_model_has_a_body_of_our_own() -> None:
    assert {file.stem.partition(".")[0] for file in OURS} == set(BY_NAME)


def test_the_vendors_bodies_come_out_as_they_went_in(examples: list[Example]) -> None:
    walked = [(example, body) for example in examples for body in single_bodies(example)]
    for example, body in walked:
        assert rebuilt(MODELS[example.operation.name], body) == canonical(body), str(example)
    assert {example.operation.name for example, _ in walked} == set(MODELS) - WITHOUT_EXAMPLE


def test_every_operation_with_a_body_has_a_model(examples: list[Example]) -> None:
    with_body = {operation.name for operation in vendor_files.operations() if operation.has_body}
    assert with_body == set(MODELS) | CREATE_ORDER
    assert set(CHOICES) <= {str(example) for example in examples}


def test_the_examples_that_are_no_json_are_known_and_no_request_is_among_them(examples: list[Example]) -> None:
    assert vendor_files.invalid_examples() == vendor_files.INVALID
    assert all(example.valid for example in examples)


def test_a_field_that_lists_all_its_values_is_refused(examples: list[Example]) -> None:
    for example in examples:
        if str(example) in CHOICES:
            (body,) = objects(example.body)
            with pytest.raises(ValueError, match=CHOICES[str(example)][0]):
                MODELS[example.operation.name].model_validate(body)
