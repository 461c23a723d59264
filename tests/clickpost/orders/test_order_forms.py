"""An order in any of its forms: the endpoint it is sent to, and what is stored of it."""

from __future__ import annotations

import dataclasses
from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

import awbridge
from awbridge import ClickPost, Region
from awbridge.clickpost.models import Consignment, Goods, IndiaOrder, Invoice, Parcel, Party, WorldOrder
from awbridge.clickpost.orders.create import create_order_request, new_shipment
from tests.clickpost.conftest import JsonObject, Vendor

PLACED: JsonObject = {"meta": {"status": 200, "success": True}, "result": {"waybill": "W1"}}
PUNE = Party(name="Tea", phone="8000000001", address="4", city="Pune", state="Maharashtra", postal_code="411001")
DUBAI = Party(name="A Customer", phone="8000000002", address="12", city="Dubai", country="AE")
FLAT: JsonObject = {
    **{f"pickup_{name}": "Pune" for name in ("name", "address", "city", "state", "country")},
    **{f"drop_{name}": "Pune" for name in ("name", "address", "city", "state", "country")},
    **{"pickup_pincode": "411001", "drop_pincode": "560001", "pickup_phone": "8000000001", "drop_phone": "8000000002"},
    **{"pickup_time": "2026-11-02T17:00:00+05:30", "email": "tea@shop.example", "tin": "27AAAPA1234A1Z5"},
    **{"order_type": "EXCHANGE", "delivery_type": "RVP", "cod_value": 0, "rvp_reason": None},
    **{"invoice_number": "INV-1", "invoice_date": "2026-11-02", "invoice_value": 499, "reference_number": "EX-1"},
    **{"length": 10, "breadth": 12, "height": 4, "weight": 350, "courier_partner": 25, "account_code": "Back"},
    "items": [{"sku": "TEA-1", "description": "Tea", "quantity": 1, "price": 499}],
}


def consignment(receiver: Party) -> Consignment:
    return Consignment(
        courier_partner_id=4,
        reference_number="TEA-1",
        sender=PUNE,
        receiver=receiver,
        goods=(Goods(sku="TEA-1", description="Tea", price=Decimal("499"), quantity=1),),
        parcel=Parcel(length_cm=10, breadth_cm=12, height_cm=4, weight_g=350),
        invoice=Invoice(number="INV-1", day=date(2026, 11, 2), value=Decimal("499")),
    )


def home() -> Party:
    return PUNE.model_copy(update={"name": "A Customer"})


@pytest.mark.parametrize(
    ("order", "region", "version"),
    [
        (lambda: consignment(home()), None, "v3"),
        (lambda: consignment(DUBAI), None, "v4"),
        (lambda: consignment(home()), Region.WORLD, "v4"),
        (lambda: consignment(home()).to_india(), None, "v3"),
        (lambda: consignment(DUBAI).to_world(), None, "v4"),
        (lambda: consignment(home()).to_india().payload(), None, "v3"),
        (lambda: consignment(DUBAI).to_world().payload(), Region.WORLD, "v4"),
    ],
)
def test_an_order_is_sent_to_the_endpoint_of_its_form(
    vendor: Vendor, order: Any, region: Region | None, version: str
) -> None:
    vendor.say(PLACED)
    with ClickPost(username="shop", key="k3y", url=vendor.url) as clickpost:
        assert clickpost.create_order(order(), region=region).waybill == "W1"
    assert vendor.seen[0].path == f"/api/{version}/create-order/"
    names = {"v3": "pickup_name", "v4": "name"}
    assert vendor.seen[0].body["pickup_info"][names[version]] == "Tea"


def test_a_consignment_that_does_not_fit_the_form_is_rejected_without_a_call(vendor: Vendor) -> None:
    with ClickPost(username="shop", key="k3y", url=vendor.url) as clickpost:
        answer = clickpost.create_order(consignment(DUBAI), region=Region.INDIA)
    assert (answer.kind, answer.waybill) == ("permanent", "")
    assert vendor.seen == []


def test_a_flat_order_is_stored_and_sent_flat() -> None:
    shipment = new_shipment(FLAT, region=Region.INDIA, transporter="back", courier_partner_id=28, account_code="Other")
    assert (shipment.reference_number, shipment.courier_partner_id, shipment.delivery_type) == ("EX-1", 28, "RVP")
    stored: Any = SimpleNamespace(**dataclasses.asdict(shipment))
    assert create_order_request(stored) == {**FLAT, "courier_partner": 28, "account_code": "Other"}


def test_a_flat_order_without_a_delivery_type_is_forward() -> None:
    flat = {**FLAT, "order_type": "PREPAID"}
    del flat["delivery_type"]
    shipment = new_shipment(flat, region=Region.INDIA, transporter=None, courier_partner_id=None, account_code=None)
    assert shipment.delivery_type == "FORWARD"


def test_models_are_rebuilt_from_what_they_send() -> None:
    for model, payload in (
        (IndiaOrder, consignment(home()).to_india().payload()),
        (WorldOrder, consignment(DUBAI).to_world().payload()),
    ):
        assert model.model_validate(payload).payload() == payload


def test_the_public_names_are_these_and_no_others() -> None:
    assert all(hasattr(awbridge, name) for name in awbridge.__all__)  # those imported on first use too
    public = {name for name in vars(awbridge) if not name.startswith("_")}
    modules = {name for name in public if type(getattr(awbridge, name)).__name__ == "module"}
    assert public - modules == set(awbridge.__all__) - {"__version__"}
    assert awbridge.__all__ == sorted(awbridge.__all__)
