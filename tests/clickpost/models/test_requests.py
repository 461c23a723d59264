"""Request models: what they refuse, what they accept, and that they are sent like the plain body."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from awbridge.clickpost.lookups import pincodes, predictions, recommendations
from awbridge.clickpost.models import parts
from awbridge.clickpost.models.access import (
    Login,
    ServiceRegistration,
    WebhookRegistration,
    WebhookTest,
    WhatsAppSwitch,
)
from awbridge.clickpost.models.base import RequestModel
from awbridge.clickpost.models.edits import OrderEdit
from awbridge.clickpost.models.lookups import (
    DropServiceabilityRequest,
    EddOptions,
    EddRequest,
    RecommendationRequest,
    ServiceabilityOptions,
    ServiceabilityRequest,
    WorldEddPlace,
    WorldEddRequest,
    WorldRecommendationDetails,
    WorldRecommendationRequest,
)
from awbridge.clickpost.models.ndr import NdrAction, NdrUpdate
from awbridge.clickpost.models.parts import Package, Place, ShippedItem
from awbridge.clickpost.models.pickups import IndiaPickupRequest, PickupPlace, PickupShipment, WorldPickupRequest
from awbridge.clickpost.models.reports import ReportFilters, ReportRequest
from awbridge.clickpost.models.waybills import (
    ShipmentInfoV2,
    ShipmentInfoV3,
    WaybillAdditional,
    WaybillRemoval,
    WaybillV2,
    WaybillV3,
)
from awbridge.clickpost.orders import bookings
from awbridge.clickpost.reports import reports
from awbridge.clickpost.tracking import ndr
from awbridge.clickpost.wire.endpoints import ApiRequest, Endpoints
from awbridge.domain.orders.shipment import Region

KEY = "k3y-0f-th3-sh0p"
ENDPOINTS = Endpoints(
    username="shop",
    key=KEY,
    url="https://main.example",
    tracking_url="https://tracking.example",
    serviceability_url="https://serviceability.example",
    edd_url="https://edd.example",
)
REQUIRED: dict[type[RequestModel], set[str]] = {
    IndiaPickupRequest: {
        "courier_partner",
        "pickup_date",
        "pickup_name",
        "pickup_phone",
        "pickup_email",
        "pickup_address",
        "pickup_city",
        "pickup_state",
        "pickup_pincode",
        "pickup_country",
        "items",
    },
    WorldPickupRequest: {"shipment_details", "pickup_info"},
    PickupShipment: {"awb_number", "courier_partner_id", "account_code"},
    PickupPlace: {"date"},
    WaybillV2: {"waybill", "cp_id"},
    WaybillV3: {"waybill", "courier_partner", "account_code"},
    WaybillRemoval: {"waybill", "cp_id"},
    OrderEdit: set(),
    NdrUpdate: {"action", "waybill", "cp_id", "account_code"},
    RecommendationRequest: {"pickup_pincode", "drop_pincode", "order_type", "delivery_type", "reference_number"},
    WorldRecommendationRequest: {"pickup_info", "drop_info", "shipment_details"},
    WorldRecommendationDetails: {"order_type", "delivery_type", "reference_number"},
    ServiceabilityRequest: {"pickup_pincode", "drop_pincode"},
    DropServiceabilityRequest: {"drop_pincode"},
    EddRequest: {"pickup_pincode", "drop_pincode"},
    WorldEddRequest: {"pickup_details", "drop_details"},
    WorldEddPlace: {"pincode", "country"},
    ReportRequest: {"report_name", "filters", "fields"},
    ReportFilters: {"updated_at_start_time", "updated_at_end_time"},
    WhatsAppSwitch: {"awb", "whatsapp_disable"},
    Login: {"username", "password"},
    ServiceRegistration: {"key", "service_id"},
    WebhookRegistration: {"key", "service_id", "webhook_url"},
    WebhookTest: {"test_url", "test_data"},
}


def problems(model: type[RequestModel], **fields: Any) -> dict[str, str]:
    """The path of each wrong field, and its message."""
    with pytest.raises(ValidationError) as error:
        model.model_validate(fields)
    found = [(".".join(map(str, entry["loc"])), entry["msg"]) for entry in error.value.errors()]
    assert len(found) == len(dict(found)), "a field is named twice"
    return dict(found)


@pytest.mark.parametrize("model", REQUIRED, ids=lambda model: model.__name__)
def test_fields_that_clickpost_requires_are_required(model: type[RequestModel]) -> None:
    assert (set(problems(model)) if REQUIRED[model] else set()) == REQUIRED[model]


def test_every_invalid_field_is_reported_at_once() -> None:
    found = problems(
        WaybillV3,
        waybill=" ",
        courier_partner="Delhivery",
        account_code=None,
        shipment_info={
            "order_type": "CASH",
            "weight": "500 g",
            "length": -1,
            "height": {},
            "breadth": float("nan"),
            "items": [{"quantity": True}, "tea"],
        },
        additional={"min_edd": "soon"},
    )
    assert set(found) == {
        "waybill",
        "courier_partner",
        "account_code",
        "shipment_info.order_type",
        "shipment_info.weight",
        "shipment_info.length",
        "shipment_info.height",
        "shipment_info.breadth",
        "shipment_info.items.0.quantity",
        "shipment_info.items.1",
        "additional.min_edd",
    }
    assert found["shipment_info.weight"] == "must be a number of 0 or more"
    assert found["courier_partner"] == "must be a courier partner id, a whole number above 0"


@pytest.mark.parametrize("courier", [0, -4, 4.0, 4.5, True, "", "4.0", "٤", "0", None, [4]])
def test_a_courier_is_a_whole_number_above_0(courier: Any) -> None:
    assert set(problems(WaybillRemoval, waybill="AW1", cp_id=courier)) == {"cp_id"}


@pytest.mark.parametrize("courier", [4, "4", "129"])
def test_a_courier_stays_as_it_was_given(courier: int | str) -> None:
    assert WaybillRemoval(waybill="AW1", cp_id=courier).payload()["cp_id"] is courier


@pytest.mark.parametrize(
    ("model", "field", "word"),
    [
        (OrderEdit, "order_type", "EXCHANGE"),
        (OrderEdit, "qc_type", "warehouse"),
        (NdrUpdate, "action", "RTO"),
        (RecommendationRequest, "order_type", "cod"),
        (RecommendationRequest, "delivery_type", "RETURN"),
        (ServiceabilityOptions, "service_type", "REVERSE"),
        (DropServiceabilityRequest, "service_type", "COD"),
        (ShipmentInfoV2, "delivery_type", "EXCHANGE"),
    ],
)
def test_values_with_a_complete_published_list_are_checked(model: type[RequestModel], field: str, word: str) -> None:
    assert field in problems(model, **{field: word})


COD_FIELDS: list[tuple[type[RequestModel], str, dict[str, Any]]] = [
    (OrderEdit, "cod_value", {}),
    (ShipmentInfoV2, "cod_amount", {}),
    (ShipmentInfoV3, "cod_amount", {}),
    (ShipmentInfoV3, "cod_value", {}),
    (WorldRecommendationDetails, "cod_value", {"delivery_type": "FORWARD", "reference_number": "TEA-1"}),
]
every_cod_field = pytest.mark.parametrize(("model", "field", "rest"), COD_FIELDS)


@every_cod_field
@pytest.mark.parametrize(
    ("order_type", "amount"),
    [("COD", 0), ("COD", "0.00"), ("PREPAID", 1), ("PREPAID", "12.5"), ("PREPAID", Decimal("0.01"))],
)
def test_an_amount_that_contradicts_the_order_type_is_refused(
    model: type[RequestModel], field: str, rest: dict[str, Any], order_type: str, amount: Any
) -> None:
    found = problems(model, order_type=order_type, **{field: amount}, **rest)
    assert set(found) == {field}
    assert order_type in found[field]


@every_cod_field
@pytest.mark.parametrize(("order_type", "amount"), [("COD", "0.01"), ("COD", 499), ("PREPAID", 0), ("PREPAID", "0.0")])
def test_an_amount_that_fits_the_order_type_passes(
    model: type[RequestModel], field: str, rest: dict[str, Any], order_type: str, amount: Any
) -> None:
    body = {"order_type": order_type, field: amount, **rest}
    assert model.model_validate(body).payload() == body


def test_only_the_edit_to_cod_requires_the_amount() -> None:
    assert set(problems(OrderEdit, order_type="COD")) == {"cod_value"}
    assert ShipmentInfoV2(order_type="COD").payload() == {"order_type": "COD"}
    assert OrderEdit(order_type="PREPAID").payload() == {"order_type": "PREPAID"}
    assert OrderEdit(qc_type=None).payload() == {"qc_type": None}


def test_a_reattempt_requires_a_date_and_a_return_does_not() -> None:
    parcel = {"waybill": "AW1", "cp_id": 4, "account_code": "main"}
    assert set(problems(NdrUpdate, action="REATTEMPT", **parcel)) == {"preferred_date"}
    assert set(problems(NdrUpdate, action="REATTEMPT", preferred_date="", **parcel)) == {"preferred_date"}
    assert NdrUpdate.model_validate({"action": "INITIATE_RTO", **parcel}).payload()["action"] == "INITIATE_RTO"


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-11-01 00:00:00", "2026-11-02 00:00:01"),
        ("2026-11-01 00:00:00", "2026-11-01 00:00:00"),
        ("2026-11-01 00:00:00", datetime(2026, 11, 2, 5, 31, tzinfo=timezone(timedelta(hours=5)))),
        ("2026-11-01 00:00:00", datetime(2026, 11, 1, 5)),  # noqa: DTZ001 - the zone is what is missing
        ("2026-11-01 00:00:00", "tomorrow"),
        ("2026-11-01 00:00:00", 1793491200),
    ],
)
def test_a_report_is_of_24_hours_at_most(start: Any, end: Any) -> None:
    assert set(problems(ReportFilters, updated_at_start_time=start, updated_at_end_time=end)) == {"updated_at_end_time"}


def test_unknown_fields_pass_through_at_every_depth() -> None:
    body = {
        "waybill": "AW1",
        "courier_partner": 4,
        "account_code": "main",
        "new": [1],
        "drop_info": {"floor": 3},
        "shipment_info": {"items": [{"shade": None}]},
    }
    model = WaybillV3.model_validate(body)
    assert model.payload() == body
    assert model.with_extra(colour="green").payload() == {**body, "colour": "green"}


def test_only_what_was_given_is_sent() -> None:
    assert EddRequest(pickup_pincode="411001", drop_pincode="560001").payload() == {
        "pickup_pincode": "411001",
        "drop_pincode": "560001",
    }
    assert Place(landmark=None, state="").payload() == {"landmark": None, "state": ""}


def test_python_types_become_plain_json() -> None:
    waybill = WaybillV3(
        waybill="AW1",
        courier_partner=4,
        account_code="main",
        shipment_info=ShipmentInfoV3(
            order_type="COD",
            cod_value=Decimal("499.10"),
            invoice_date=date(2026, 11, 1),
            items=(ShippedItem(quantity=2, price=Decimal("249.55")),),
        ),
        drop_info=Place(lat=12.5, time=datetime(2026, 11, 3, 10, 30, tzinfo=UTC)),
        additional=WaybillAdditional(order_date=date(2026, 11, 1), ship_date=datetime(2026, 11, 2, 9, tzinfo=UTC)),
    )
    assert waybill.payload() == {
        "waybill": "AW1",
        "courier_partner": 4,
        "account_code": "main",
        "shipment_info": {
            "order_type": "COD",
            "cod_value": "499.10",
            "invoice_date": "2026-11-01",
            "items": [{"quantity": 2, "price": "249.55"}],
        },
        "drop_info": {"lat": 12.5, "time": "2026-11-03T10:30:00Z"},
        "additional": {"order_date": "2026-11-01", "ship_date": "2026-11-02T09:00:00Z"},
    }
    ndr_update = NdrUpdate(
        action=NdrAction.REATTEMPT, waybill=1, cp_id=4, account_code="main", preferred_date=date(2026, 11, 5)
    )
    assert json.loads(json.dumps(ndr_update.payload()))["preferred_date"] == "2026-11-05"
    assert ndr_update.payload()["action"] == "REATTEMPT"


@pytest.mark.parametrize(
    ("amount", "sent"),
    [(Decimal("1E+3"), "1000"), (Decimal("12.50"), "12.50"), (0, 0), (7.25, 7.25), (" 5 ", " 5 "), (None, None)],
)
def test_numbers_are_sent_as_given_and_decimals_as_digits(amount: Any, sent: Any) -> None:
    assert Package(weight=amount).payload() == {"weight": sent}


@pytest.mark.parametrize(
    ("model", "field", "value"),
    [
        (Place, "landmark", True),
        (Place, "landmark", 1.5),
        (Place, "landmark", ["near"]),
        (Place, "lat", "north"),
        (Place, "time", 1700000000),
        (WaybillAdditional, "enable_whatsapp", 1),
        (WaybillAdditional, "order_date", 20261101),
        (OrderEdit, "invoice_date", datetime(2026, 11, 1, 9, tzinfo=UTC)),
    ],
)
def test_a_value_of_another_type_is_refused(model: type[RequestModel], field: str, value: Any) -> None:
    assert set(problems(model, **{field: value})) == {field}


def test_the_moments_of_a_report_are_sent_as_utc() -> None:
    india = timezone(timedelta(hours=5, minutes=30))
    filters = ReportFilters(
        updated_at_start_time=datetime(2026, 11, 1, 5, 30, tzinfo=india),
        updated_at_end_time=datetime(2026, 11, 2, tzinfo=UTC),
    )
    assert filters.payload() == {
        "updated_at_start_time": "2026-11-01 00:00:00",
        "updated_at_end_time": "2026-11-02 00:00:00",
    }


def test_models_are_frozen() -> None:
    size = Package(length=10)
    with pytest.raises(ValidationError):
        size.length = 11
    assert size.model_copy(update={"length": 11}).payload() == {"length": 11}


def test_secrets_are_in_no_repr_and_in_no_error() -> None:
    secret = {"key": KEY, "password": KEY, "webhook_url": f"https://a.example/{KEY}", "test_url": KEY}
    whole: list[RequestModel] = [
        Login(username="kanda", password=KEY),
        ServiceRegistration(key=KEY, service_id=2),
        WebhookRegistration(key=KEY, service_id=2, webhook_url=f"https://a.example/{KEY}"),
        WebhookTest(test_url=f"https://a.example/{KEY}", test_data={}),
        WaybillV2(waybill="AW1", cp_id=4, key=KEY),
        WaybillRemoval(waybill="AW1", cp_id=4, key=KEY),
    ]
    for model in whole:
        with pytest.raises(ValidationError) as error:
            type(model).model_validate(secret)
        assert KEY not in f"{model!r} {error.value}"


Build = Callable[[Any], ApiRequest]
SHIPMENT = RecommendationRequest(
    pickup_pincode="411001", drop_pincode="560001", order_type="PREPAID", delivery_type="FORWARD", reference_number="T"
)
ABROAD = WorldEddRequest(
    pickup_details=WorldEddPlace(pincode="411001", country="IN"), drop_details=WorldEddPlace(pincode="1", country="SG")
)
WORLD_PICKUP = WorldPickupRequest(
    shipment_details=PickupShipment(awb_number="AW1", courier_partner_id=145, account_code="main"),
    pickup_info=PickupPlace(date=date(2026, 11, 3), start_time="10:00"),
)
WORLD_SHIPMENT = WorldRecommendationRequest(
    pickup_info=Place(city="Pune"),
    drop_info=Place(city="Dubai"),
    shipment_details=WorldRecommendationDetails(order_type="PREPAID", delivery_type="FORWARD", reference_number="T"),
)
JOURNEY = ServiceabilityRequest(pickup_pincode="411001", drop_pincode="560001", optional=ServiceabilityOptions(cp_id=4))
EDD = EddRequest(pickup_pincode="411001", drop_pincode="560001", optional=EddOptions(cp_id=4))
REPORT = ReportRequest(
    report_name="R",
    filters=ReportFilters(updated_at_start_time="2026-11-01 00:00:00", updated_at_end_time="2026-11-01 10:00:00"),
    fields=[],
)
NDR = NdrUpdate(action="INITIATE_RTO", waybill="AW1", cp_id=4, account_code="main")
V3 = WaybillV3(waybill="AW1", courier_partner=4, account_code="main")
BUILDERS: list[tuple[str, RequestModel, Build]] = [
    ("edit", OrderEdit(order_type="PREPAID"), lambda body: bookings.edit_order_request(ENDPOINTS, "AW1", 4, body)),
    ("pickup", WORLD_PICKUP, lambda body: bookings.pickup_request(ENDPOINTS, body, Region.WORLD)),
    ("v2", WaybillV2(waybill="AW1", cp_id=4), lambda body: bookings.waybill_request(ENDPOINTS, body, 2)),
    ("v3", V3, lambda body: bookings.waybill_request(ENDPOINTS, body, 3)),
    ("ndr", NDR, lambda body: ndr.instruction_request(ENDPOINTS, body)),
    ("recommend", SHIPMENT, lambda body: recommendations.recommend_request(ENDPOINTS, [body])),
    ("world", WORLD_SHIPMENT, lambda body: recommendations.recommend_world_request(ENDPOINTS, body)),
    (
        "serviceability",
        ServiceabilityOptions(weight="0.5"),
        lambda body: pincodes.accounts_request(ENDPOINTS, "411001", "560001", body),
    ),
    ("journeys", JOURNEY, lambda body: pincodes.journeys_request(ENDPOINTS, [body])),
    ("drops", DropServiceabilityRequest(drop_pincode=1), lambda body: pincodes.drops_request(ENDPOINTS, [body])),
    ("edd", EDD, lambda body: predictions.prediction_request(ENDPOINTS, [body], False)),
    ("world edd", ABROAD, lambda body: predictions.world_prediction_request(ENDPOINTS, body)),
    ("report", REPORT, lambda body: reports.report_body_request(ENDPOINTS, body)),
]


@pytest.mark.parametrize(("model", "build"), [case[1:] for case in BUILDERS], ids=[case[0] for case in BUILDERS])
def test_a_model_is_sent_like_its_plain_body(model: RequestModel, build: Build) -> None:
    assert build(model) == build(model.payload())
    sent = build(model).body
    assert all(f'"{name}"' in sent for name in model.payload())


def test_the_key_in_the_body_of_a_waybill_call_is_the_clients_own() -> None:
    request = bookings.waybill_request(ENDPOINTS, WaybillV2(waybill="AW1", cp_id=4, key="of-another-shop"), 2)
    assert json.loads(request.body) == {"waybill": "AW1", "cp_id": 4, "key": KEY}


def test_a_waybill_is_unregistered_with_the_key_in_the_body_and_nowhere_else() -> None:
    request = bookings.unregister_request(ENDPOINTS, "AW1", 4)
    assert (request.method, request.url) == ("POST", "https://main.example/api/v2/tracking/awb-unregister/")
    assert json.loads(request.body) == WaybillRemoval(cp_id=4, waybill="AW1", key=KEY).payload()
    assert KEY not in f"{request!r} {request.call()!r}"


FILES = ("parts", "pickups", "waybills", "edits", "ndr", "lookups", "reports", "access")


@pytest.mark.parametrize("name", FILES)
def test_every_field_has_a_description(name: str) -> None:
    tree = ast.parse((Path(parts.__file__).parent / f"{name}.py").read_text(encoding="utf-8"))
    for model in (node for node in tree.body if isinstance(node, ast.ClassDef) and ast.get_docstring(node)):
        for field, after in zip(model.body, [*model.body[1:], None], strict=True):
            if isinstance(field, ast.AnnAssign):
                assert isinstance(after, ast.Expr), f"{model.name}: {ast.unparse(field)}"
