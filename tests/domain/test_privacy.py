"""Personal data: found by field and in text, shown to each destination by its policy."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awbridge.domain.privacy import (
    ERASED,
    Eraser,
    PersonalKind,
    Veil,
    kind_of,
    masked,
    pseudonym,
    veiled,
    without_people,
)
from awbridge.domain.privacy_setting import read_privacy

MASKED = read_privacy("phone=mask,name=mask,email=mask,address=mask")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("drop_info.drop_phone", PersonalKind.PHONE),
        ("pickup_info.phone_code", PersonalKind.PHONE),
        ("drop_info.name", PersonalKind.NAME),
        ("drop_name", PersonalKind.NAME),
        ("additional.return_info.name", PersonalKind.NAME),
        ("additional.delivered_to", PersonalKind.NAME),
        ("pickup_info.email", PersonalKind.EMAIL),
        ("drop_info.drop_address", PersonalKind.ADDRESS),
        ("drop_info.address_line_2", PersonalKind.ADDRESS),
        ("drop_info.drop_lat", PersonalKind.ADDRESS),
        ("drop_info.drop_pincode", None),
        ("drop_info.drop_city", None),
        ("result.courier_name", None),
        ("additional.channel_name", None),
        ("shipment_details.items.name", None),
        ("result.waybill", None),
    ],
)
def test_a_field_is_recognised_by_its_name_and_path(path: str, kind: PersonalKind | None) -> None:
    assert kind_of(tuple(path.split("."))) is kind


def test_a_masked_value_can_still_be_compared_by_a_person() -> None:
    assert [
        masked(k, v)
        for k, v in (
            (PersonalKind.PHONE, "9812345678"),
            (PersonalKind.NAME, "Asha Rao"),
            (PersonalKind.EMAIL, "a.b@c.in"),
        )
    ] == [
        "*******678",
        "A*** R***",
        "a***@c.in",
    ]
    assert masked(PersonalKind.ADDRESS, "12 MG Road") == "[address of 10 characters]"


def test_a_pseudonym_depends_on_the_number_and_the_key_not_on_the_spelling() -> None:
    forms = ["9812345678", "+91 98123 45678", "09812345678"]
    assert len({pseudonym(PersonalKind.PHONE, form, "k") for form in forms}) == 1
    assert pseudonym(PersonalKind.PHONE, forms[0], "k") != pseudonym(PersonalKind.PHONE, forms[0], "other")
    assert pseudonym(PersonalKind.PHONE, forms[0], "k") != pseudonym(PersonalKind.PHONE, "9812345679", "k")


def test_without_a_key_a_pseudonym_is_a_mask() -> None:
    veil = Veil(read_privacy("phone=pseudonym"))
    assert veil.value({"drop_phone": "9812345678"}) == {"drop_phone": "*******678"}


def test_a_path_takes_precedence_over_its_kind() -> None:
    privacy = read_privacy("phone=mask,drop_info.*=keep,additional.note=drop,*.gstin=mask")
    given_ = {
        "drop_info": {"drop_phone": 98123},
        "additional": {"note": "ring twice"},
        "gst_info": {"gstin": "29A"},
    }
    shown = Veil(privacy).value(given_)
    assert shown == {"drop_info": {"drop_phone": 98123}, "additional": {"note": ""}, "gst_info": {"gstin": "***"}}


@pytest.mark.parametrize("text", ["phone", "phone=hide", "colour=mask", "phone=mask,="])
def test_an_empty_policy_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"write kind=treatment|is neither a kind"):
        read_privacy(text)


def test_phones_and_mail_addresses_in_free_text_are_masked_waybills_are_not() -> None:
    veil = Veil(MASKED)
    assert veil.text("call +91 98123 45678 or write a@b.in") == "call ************678 or write a***@b.in"
    assert veil.value({"waybill": "9812345678"}) == {"waybill": "9812345678"}


NOT_SEEN = "*********001"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("call 919000000001 now", f"call {NOT_SEEN} now"),
        ("919000000001", NOT_SEEN),
        ("mobile:919000000001.", f"mobile:{NOT_SEEN}."),
        ("call 91 9000000001, 0919000000001 or 00919000000001", f"call *{NOT_SEEN}, *{NOT_SEEN} or **{NOT_SEEN}"),
        ("consignee phone number 919000000001", f"consignee phone number {NOT_SEEN}"),
        ("AWB 919000000001 Already Exists", None),
        ("Waybill no. 919000000001 is used", None),
        ('{"waybill": "919000000001"}', None),
        ("reference_number: 919000000001", None),
        ("Order id 919000000001 already exists", None),
        ("404877123456 and 915000000001", None),
    ],
)
def test_a_number_with_a_country_code_is_a_phone_unless_it_is_named_a_waybill(text: str, shown: str | None) -> None:
    assert veiled(text) == (text if shown is None else shown)


ORDER = {
    "drop_info": {"drop_name": "Asha Rao", "drop_phone": "9000000001"},
    "shipment_details": {"reference_number": "919876543210", "awb_number": 919876543211, "order_id": "9876543212"},
}


@pytest.mark.parametrize(
    "written", ["919000000001", "+91-9000000001", "90000-00001", "0 9000000001", "Ph-9000000001", "AWB 919000000001"]
)
def test_a_phone_of_the_payload_is_masked_in_every_spelling(written: str) -> None:
    shown = without_people(f"cannot reach {written} at all", json.dumps(ORDER))
    assert "0000" not in shown.replace("-", "").replace(" ", "")
    assert shown.endswith("001 at all")


def test_identifiers_of_the_shipment_are_never_masked() -> None:
    text = "pushed 919876543210 as 919876543211 of 9876543212, not 919876543213"
    assert without_people(text, ORDER) == text.replace("919876543213", "*********213")
    veil = Veil(MASKED)
    answer = {"meta": {"message": "booked 919000000009 for 919000000001"}, "result": {"waybill": "919000000009"}}
    veil.value(ORDER)
    assert veil.value(answer)["meta"]["message"] == f"booked 919000000009 for {NOT_SEEN}"


def test_a_reference_that_contains_the_phone_is_kept_and_the_phone_is_masked() -> None:
    order = {**ORDER, "shipment_details": {"reference_number": "SHOP-9000000001"}}
    assert without_people("SHOP-9000000001: 9000000001 is busy", order) == "SHOP-9000000001: *******001 is busy"


def test_erasing_finds_the_number_with_its_country_code_too() -> None:
    assert Eraser().text("call 919000000001 about AWB 919000000001") == f"call {ERASED} about AWB 919000000001"


def test_a_name_inside_another_word_is_left_alone() -> None:
    veil = Veil(MASKED)
    veil.value({"drop_info": {"drop_name": "MAIN"}})
    assert veil.text("order MAIN-1, MAINE, for MAIN") == "order MAIN-1, MAINE, for M***"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["drop_phone", "name", "x"]), inner),
    max_leaves=20,
)


@given(JSON)
def test_hiding_keeps_the_shape(value: Any) -> None:
    def shape(v: Any) -> Any:
        if isinstance(v, dict):
            return {k: shape(i) for k, i in v.items()}
        return [shape(i) for i in v] if isinstance(v, list) else None

    assert shape(Veil(MASKED).value(value)) == shape(value)
    assert shape(Eraser().value(value)) == shape(value)


def test_erasing_removes_the_person_from_the_payload_and_from_its_response() -> None:
    eraser = Eraser()
    order = {"drop_info": {"drop_name": "Asha Rao", "drop_phone": "9812345678", "drop_pincode": "411001"}, "cod": 5}
    assert json.loads(eraser.body(json.dumps(order))) == {
        "drop_info": {"drop_name": ERASED, "drop_phone": ERASED, "drop_pincode": "411001"},
        "cod": 5,
    }
    assert eraser.body("Asha Rao does not answer") == f"{ERASED} does not answer"
