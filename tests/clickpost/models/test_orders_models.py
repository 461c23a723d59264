from __future__ import annotations

import copy
import json
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from awbridge.clickpost.models.orders.flat import B2BOrder, FlatOrder
from awbridge.clickpost.models.orders.india import IndiaAdditional, IndiaDrop, IndiaItem, IndiaOrder, IndiaShipment
from awbridge.clickpost.models.orders.order_base import path_of
from awbridge.clickpost.models.orders.world import WorldOrder
from awbridge.clickpost.orders.payload import check_payload
from awbridge.domain.orders.shipment import Region
from tests.clickpost.models import user_code

JsonObject = dict[str, Any]
FIXTURES = Path(__file__).parents[1] / "fixtures" / "orders"
ROOT = Path(__file__).parents[3]


def order(name: str) -> JsonObject:
    return json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))


def problems(model: type[Any], given: Any) -> dict[str, int | None]:
    with pytest.raises(ValidationError) as refused:
        model.model_validate(given)
    return {path_of(e["loc"]): e["ctx"]["code"] for e in refused.value.errors()}


def test_an_order_built_from_typed_parts_is_sent_in_clickposts_names() -> None:
    payload = user_code.ORDER.payload()
    assert payload["pickup_info"]["pickup_pincode"] == 411001
    assert payload["pickup_info"]["pickup_time"] == "2026-11-03T10:00:00Z"
    assert payload["shipment_details"]["cod_value"] == "499.50"
    assert payload["shipment_details"]["invoice_date"] == "2026-11-02"
    assert payload["shipment_details"]["breadth"] == "12.5"
    assert payload["additional"] == {
        "label": True,
        "async": False,
        "return_info": {"name": "Kanda Returns", "city": "Pune", "pincode": "411001"},
        "qc_params": ["BRAND"],
        "colour_of_the_box": "green",
    }
    assert check_payload(payload, Region.INDIA) == []
    assert json.loads(json.dumps(payload)) == payload


def test_every_wrong_field_is_named_at_once_with_clickposts_code() -> None:
    given = order("india_sps")
    del given["pickup_info"]["pickup_name"]
    given["drop_info"]["drop_pincode"] = "12"
    details = given["shipment_details"]
    details |= {"courier_partner": "x", "order_type": "GIFT", "delivery_type": "RVP", "cod_value": -1, "weight": 0}
    details["items"][0]["price"] = "free"
    given["additional"]["priority"] = 3
    given["additional"]["note"] = "a\x00b"
    assert problems(IndiaOrder, given) == {
        "pickup_info.pickup_name": None,
        "drop_info.drop_pincode": 314,
        "shipment_details.courier_partner": 302,
        "shipment_details.order_type": 307,
        "shipment_details.rvp_reason": 310,
        "shipment_details.cod_value": 315,
        "shipment_details.weight": 314,
        "shipment_details.items[0].price": 313,
        "additional.priority": 308,
        "additional.note": 314,
    }


def test_a_model_and_the_check_of_its_payload_find_the_same() -> None:
    given = order("india_mps")
    given["shipment_details"] |= {"reference_number": "R" * 21, "delivery_type": "REVERSE", "items": []}
    assert problems(IndiaOrder, given) == {p.path: p.code for p in check_payload(given, Region.INDIA)}


def test_a_single_part_reports_its_problems_with_codes_too() -> None:
    assert problems(IndiaItem, {"sku": "", "description": "Tea", "quantity": 1.5}) == {
        "sku": 313,
        "quantity": 313,
        "price": 313,
    }
    given = order("india_sps")["shipment_details"]
    del given["order_type"], given["items"], given["invoice_number"]
    assert problems(IndiaShipment, given) == {"order_type": 307, "items": 312, "invoice_number": None}


def test_rules_between_fields_hold_for_an_order_of_typed_parts() -> None:
    details = user_code.ORDER.shipment_details.model_copy(update={"cod_value": None})
    parts = {"pickup_info": user_code.ORDER.pickup_info, "shipment_details": details}
    assert problems(IndiaOrder, {**parts, "drop_info": user_code.ORDER.drop_info}) == {
        "shipment_details.cod_value": 315
    }
    assert problems(IndiaOrder, {**parts, "note": float("inf")}) == {
        "note": 314,
        "drop_info": None,
        "shipment_details.cod_value": 315,
    }


def test_error_texts_do_not_quote_the_input() -> None:
    given = order("india_sps")
    given["drop_info"] |= {"drop_phone": {"number": "8000000009"}, "drop_pincode": "secret place"}
    with pytest.raises(ValidationError) as refused:
        IndiaOrder.model_validate(given)
    assert "8000000009" not in str(refused.value)
    assert "secret place" not in str(refused.value)
    assert "drop_pincode" in str(refused.value)


def test_values_stay_as_they_were_given() -> None:
    built = IndiaDrop(
        drop_name="A", drop_phone=8000000002, drop_address="B", drop_city="C", drop_state="D", drop_pincode="560001"
    )
    assert (built.drop_phone, built.drop_pincode) == (8000000002, "560001")
    kept = {"label": "true", "is_fragile": 1, "zone": 1.5, "return_info": "see above", "min_edd": None, "later": [{}]}
    assert IndiaAdditional.model_validate(kept).payload() == kept
    assert type(IndiaAdditional.model_validate(kept).payload()["is_fragile"]) is int


def test_parts_of_an_order_can_be_read_as_fields() -> None:
    built = IndiaOrder.model_validate(order("india_qc"))
    item = built.shipment_details.items[0]
    assert item.additional is not None
    assert item.additional.color == "Green"
    assert item.additional.model_extra == {"CHECK_SEAL": "unbroken"}
    world = WorldOrder.model_validate(order("world_cross_border"))
    assert world.courier_custom_fields is not None
    assert world.courier_custom_fields.payor_fedex_account_number == "000000000"
    assert world.tax_info is not None
    assert world.tax_info.lut_bond_number == "AD270000000000A"


def test_amounts_stay_exact_and_are_sent_without_an_exponent() -> None:
    item = IndiaItem(sku="A", description="B", quantity=1, price=Decimal("1E+3"))
    assert item.payload()["price"] == "1000"
    assert IndiaItem(sku="A", description="B", quantity=1, price=Decimal("0.10")).payload()["price"] == "0.10"
    assert problems(IndiaItem, {"sku": "A", "description": "B", "quantity": 1, "price": Decimal("NaN")}) == {
        "price": 313
    }


def test_a_date_is_a_day_and_no_moment() -> None:
    given = order("india_sps")["shipment_details"]
    assert IndiaShipment.model_validate(given | {"invoice_date": date(2026, 11, 2)}).payload() == given
    assert problems(IndiaShipment, given | {"invoice_date": "2026-11-02T10:00:00"}) == {"invoice_date": 314}


@pytest.mark.parametrize("courier", [5, "28"])
def test_bluedart_takes_short_references_only(courier: int | str) -> None:
    given = order("india_rvp")
    given["shipment_details"] |= {"courier_partner": courier, "reference_number": "R" * 21}
    assert problems(IndiaOrder, given) == {"shipment_details.reference_number": 314}


def test_dhl_international_requires_customs_data_of_each_item() -> None:
    given = order("world_cross_border")
    given["shipment_details"]["courier_partner"] = 145
    assert WorldOrder.model_validate(given).payload() == given
    given["shipment_details"]["items"].append({"sku": "A", "description": "B", "quantity": 1, "price": 1})
    assert problems(WorldOrder, given) == {
        "shipment_details.items[1].hs_code": 313,
        "shipment_details.items[1].manufacture_country_code": 313,
    }


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("pickup_name", "N" * 101, 314),
        ("drop_address", "A" * 501, 314),
        ("drop_city", "C" * 201, 314),
        ("pickup_state", "S" * 201, 314),
        ("drop_country", "C" * 101, 314),
        ("invoice_number", "I" * 51, 314),
        ("pickup_phone", "+918000000001", 314),
        ("drop_phone", "800000000", 314),
        ("drop_pincode", "5600", 314),
        ("reference_number", "REF_1", 314),
        ("reference_number", "Réf", 314),
        ("drop_name", None, None),
        ("courier_partner", 0, 302),
        ("order_type", "cod", 307),
        ("order_priority", 1, 308),
        ("priority", 1, 308),
        ("delivery_type", "BACK", 309),
        ("delivery_type", "RVP", 310),
        ("items", [], 312),
        ("items", ["tea"], 313),
        ("cod_value", "1", 315),
        ("gst_info", "none", 314),
    ],
)
def test_the_flat_form_has_its_own_limits(field: str, value: Any, code: int | None) -> None:
    given = order("flat_forward") | {field: value}
    found = {p.path: p.code for p in check_payload(given, Region.INDIA)}
    assert found == problems(FlatOrder, given)
    assert list(found.values()) == [code]
    assert next(iter(found)).startswith("rvp_reason" if value == "RVP" else field)


def test_the_flat_form_accepts_values_at_its_limits() -> None:
    given = order("flat_forward") | {
        "pickup_name": "N" * 100,
        "drop_phone": 18000000002,
        "reference_number": "a-1.$/+% Z",
    }
    assert FlatOrder.model_validate(given).payload() == given


def test_an_order_in_sections_is_never_read_as_a_flat_one() -> None:
    given = order("flat_forward") | {"shipment_details": {}}
    assert "pickup_info" in {p.path for p in check_payload(given, Region.INDIA)}
    assert "pickup_info" in {p.path for p in check_payload(order("flat_forward"), Region.WORLD)}


def test_an_order_between_businesses_needs_the_receivers_gst_number() -> None:
    given = order("flat_b2b")
    without = copy.deepcopy(given)
    del without["gst_info"]["consignee_gstin"]
    assert FlatOrder.model_validate(without).payload() == without
    assert problems(B2BOrder, without) == {"gst_info.consignee_gstin": None}
    del without["gst_info"]
    assert problems(B2BOrder, without) == {"gst_info": None}


def test_a_built_order_is_frozen() -> None:
    with pytest.raises(ValidationError):
        user_code.ORDER.gst_info = None  # type: ignore[misc]


@pytest.mark.parametrize("model", [IndiaOrder, WorldOrder, FlatOrder, B2BOrder])
def test_the_shape_of_an_order_can_be_shown_as_a_json_schema(model: type[IndiaOrder]) -> None:
    assert "properties" in model.model_json_schema()


@pytest.mark.slow
def test_user_code_passes_a_strict_type_checker(tmp_path: Path) -> None:
    config = {
        "typeCheckingMode": "strict",
        "pythonVersion": "3.11",
        "include": [str(Path(user_code.__file__))],
        "extraPaths": [str(ROOT / "src")],
    }
    file = tmp_path / "pyrightconfig.json"
    file.write_text(json.dumps(config), encoding="utf-8")
    command = [sys.executable, "-m", "basedpyright", "--pythonpath", sys.executable, "--project", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout
