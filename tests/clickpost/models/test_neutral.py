from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from awbridge.clickpost.models.neutral.consignment import Consignment
from awbridge.clickpost.models.neutral.parts import (
    Customs,
    Exchange,
    Goods,
    Gst,
    Invoice,
    Parcel,
    Party,
    Payment,
    QualityCheck,
)
from awbridge.clickpost.orders.payload import check_payload
from awbridge.domain.orders.shipment import Region
from tests.clickpost.models import user_code

HERE = Party(
    name="Kanda Warehouse", phone="8000000001", address="Plot 4", city="Pune", state="Maharashtra", postal_code="411001"
)
ABROAD = Party(
    name="Oasis Trading", phone="500000001", phone_code="+971", address="Street 9", city="Dubai", country="AE"
)
BOX = Parcel(length_cm=30, breadth_cm=20, height_cm=15, weight_g=900)
TEA = Goods(sku="TEA-1", description="Tea", price=Decimal("249.75"), quantity=2)


def consignment(**changes: Any) -> Consignment:
    return Consignment.model_validate(user_code.CONSIGNMENT.model_copy(update=changes).__dict__)


def both(shipment: Consignment) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both forms of it, which pass the check of their region."""
    india, world = shipment.to_payload(Region.INDIA), shipment.to_payload(Region.WORLD)
    assert check_payload(india, Region.INDIA) == []
    assert check_payload(world, Region.WORLD) == []
    return india, world


def test_a_forward_shipment_in_both_forms() -> None:
    india, world = both(consignment(payment=Payment.prepaid(), account_code="main", order_id="77"))
    assert india["pickup_info"]["pickup_pincode"] == world["pickup_info"]["postal_code"] == "411001"
    assert india["drop_info"]["drop_country"] == world["drop_info"]["country_code"] == "IN"
    for details in (india["shipment_details"], world["shipment_details"]):
        assert (details["order_type"], details["delivery_type"], details["cod_value"]) == ("PREPAID", "FORWARD", "0")
        assert (details["account_code"], details["order_id"]) == ("main", "77")
        assert (details["length"], details["breadth"], details["height"], details["weight"]) == (10, 12.5, 4, 350)
    assert "currency_code" not in india["shipment_details"]
    assert world["shipment_details"]["currency_code"] == "INR"


def test_cash_on_delivery_in_another_currency() -> None:
    india, world = both(consignment(payment=Payment.cod("499.50", currency="AED")))
    for details in (india["shipment_details"], world["shipment_details"]):
        assert (details["order_type"], details["cod_value"]) == ("COD", "499.50")
        assert details["cod_currency_code"] == "AED"


def test_a_return_with_a_quality_check() -> None:
    shoes = Goods(
        sku="SHOE-1",
        description="Shoes",
        price=Decimal(2000),
        brand="Kanda",
        color="Blue",
        images=("https://example.com/1.jpg", "https://example.com/2.jpg"),
    )
    check = QualityCheck(questions=("BRAND", "COLOR", "IMAGES"), template="T-1")
    made = consignment(
        goods=(shoes,), payment=Payment.prepaid(), return_reason="Too small", quality_check=check, return_to=HERE
    )
    for payload in both(made):
        details, additional = payload["shipment_details"], payload["additional"]
        assert (details["delivery_type"], details["rvp_reason"]) == ("RVP", "Too small")
        assert (additional["qc_type"], additional["template_id"]) == ("doorstep", "T-1")
        assert additional["qc_params"] == ["BRAND", "COLOR", "IMAGES"]
        assert additional["return_info"]["city"] == "Pune"
        assert details["items"][0]["additional"] == {
            "brand": "Kanda",
            "color": "Blue",
            "images": "https://example.com/1.jpg,https://example.com/2.jpg",
        }


@pytest.mark.parametrize("reverse", [False, True])
def test_an_exchange(reverse: bool) -> None:
    swap = Exchange(old_goods_to=HERE, description="The old tin", return_waybill="R1")
    for payload in both(consignment(exchange=swap, reverse=reverse, payment=Payment.prepaid())):
        details, additional = payload["shipment_details"], payload["additional"]
        assert (details["order_type"], details["delivery_type"]) == ("EXCHANGE", "RVP" if reverse else "FORWARD")
        assert additional["exchange_pincode"] == "411001"
        assert additional["exchange_shipment_description"] == "The old tin"
        assert additional["exchange_rvp_awb"] == "R1"


def test_several_pieces_each_measured() -> None:
    pieces = tuple(Goods(sku=f"BOX-{n}", description="Box", price=Decimal(1), parcel=BOX) for n in (1, 2))
    for payload in both(consignment(goods=pieces, multi_piece=True)):
        items = payload["shipment_details"]["items"]
        assert [(item["sku"], item["weight"], item["length"]) for item in items] == [
            ("BOX-1", 900, 30),
            ("BOX-2", 900, 30),
        ]


def test_across_borders_with_customs() -> None:
    made = consignment(
        courier_partner_id=145,
        receiver=ABROAD,
        goods=(TEA.model_copy(update={"hs_code": "0902.10.00", "made_in": "IN"}),),
        payment=Payment.prepaid(),
        customs=Customs(tax_paid=False, sender_tax_id="27A", duty_paid_by="SENDER", lut_bond_number="AD1"),
        courier_fields={"payor_fedex_account_number": "0"},
        pickup_at=datetime(2026, 11, 3, 10, tzinfo=UTC),
    )
    assert made.crosses_border
    payload = made.to_payload(Region.WORLD)
    assert check_payload(payload, Region.WORLD) == []
    assert payload["tax_info"] == {"tax_paid": False, "shipper_tax_id": "27A", "lut_bond_number": "AD1"}
    assert payload["courier_custom_fields"] == {"payor_fedex_account_number": "0"}
    assert payload["additional"]["duty_fee_paid_by"] == "S"
    assert (payload["drop_info"]["state"], payload["drop_info"]["postal_code"]) == ("", "")
    assert payload["pickup_info"]["time"] == "2026-11-03T10:00:00+00:00"
    with pytest.raises(ValidationError, match=r"drop_info\.drop_pincode"):
        made.to_india()


def test_tax_waybill_flags_and_extras() -> None:
    made = consignment(
        gst=Gst(
            consignee_gstin="29B", igst_amount=Decimal("49.50"), seller_registered=True, extra={"seller_name": "K"}
        ),
        goods=(TEA.model_copy(update={"extra": {"ean": "1"}, "gst": Gst(hsn_code="0902")}),),
        preassigned_waybill="AWB1",
        vendor_code="PNQ1",
        label=False,
        in_background=True,
        extra={"booking_id": "B1"},
        extra_additional={"channel_name": "Shop"},
    )
    for payload in both(made):
        details, additional = payload["shipment_details"], payload["additional"]
        assert payload["gst_info"] == {
            "consignee_gstin": "29B",
            "igst_amount": "49.50",
            "is_seller_registered_under_gst": True,
            "seller_name": "K",
        }
        assert (details["awb_number"], details["booking_id"], details["vendor_code"]) == ("AWB1", "B1", "PNQ1")
        assert (details["items"][0]["ean"], details["items"][0]["gst_info"]) == ("1", {"hsn_code": "0902"})
        assert (additional["label"], additional["async"], additional["channel_name"]) == (False, True, "Shop")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"quality_check": QualityCheck()}, "quality_check is for returns only"),
        ({"reverse": True}, "return_reason is required for a return"),
        ({"multi_piece": True}, "multi_piece needs a parcel for each of the goods"),
        ({"courier_partner_id": 5, "reference_number": "R" * 21}, "reference_number may have at most 20 characters"),
        ({"courier_partner_id": 145}, "goods need hs_code and made_in for this courier"),
        ({"courier_partner_id": 0}, "courier_partner_id"),
        ({"reference_number": " "}, "must not be empty"),
        ({"reference_number": "R" * 201}, "reference_number"),
        ({"return_reason": "x" * 501}, "return_reason"),
        ({"goods": ()}, "goods"),
        ({"colour": "green"}, "colour"),
    ],
)
def test_problems_are_described_in_plain_terms(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        consignment(**changes)


def test_several_problems_are_reported_at_once() -> None:
    with pytest.raises(ValidationError, match="return_reason is required for a return; multi_piece needs a parcel"):
        consignment(reverse=True, multi_piece=True)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Payment(method="COD"), "amount must be above 0 for COD"),
        (lambda: Payment(amount=Decimal(1)), "amount must be 0 for PREPAID"),
        (lambda: Party(name="A", phone="1", address="B", city="C", state="D", postal_code="4110"), "6 digits"),
        (lambda: Party(name="A", phone="1", address="B", city="C", postal_code="411001"), "state is required in India"),
        (lambda: Party(name="A\x00", phone="1", address="B", city="C", country="AE"), "NUL"),
        (lambda: Parcel(length_cm=0, breadth_cm=1, height_cm=1, weight_g=float("inf")), "length_cm"),
        (lambda: Goods(sku="A", description="B", price=Decimal("1e-20")), "at most 15 digits"),
    ],
)
def test_a_wrong_part_is_refused_when_it_is_built(build: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message) as refused:
        build()
    assert "input_value" not in str(refused.value)


words = st.text(min_size=1, max_size=30).filter(lambda text: text.strip() and "\x00" not in text)
amounts = st.decimals(min_value=0, max_value=10**12, places=2)
sizes = st.one_of(st.integers(1, 10**6), st.floats(0.001, 10**6))
countries = st.sampled_from(["IN", "AE", "GB"])
parties = st.builds(
    Party,
    name=words,
    phone=st.integers(10**9, 10**11 - 1).map(str),
    address=words,
    city=words,
    state=words,
    postal_code=st.integers(100_000, 999_999).map(str),
    country=countries,
    email=st.just("") | words,
    latitude=st.none() | st.floats(-90, 90),
    landmark=st.just("") | words,
)
parcels = st.builds(Parcel, length_cm=sizes, breadth_cm=sizes, height_cm=sizes, weight_g=sizes)
goods = st.builds(
    Goods,
    sku=words,
    description=words,
    price=amounts,
    quantity=st.integers(1, 1000),
    parcel=parcels,
    hs_code=words,
    made_in=countries,
    brand=st.just("") | words,
    images=st.lists(words, max_size=2).map(tuple),
)
payments = st.just(Payment.prepaid()) | amounts.filter(bool).map(Payment.cod)
ways = st.sampled_from(["forward", "return", "exchange", "exchange back", "checked"])


carriers = st.sampled_from([4, 5, 28, 145, 330])
references = st.text("ABCxyz012-_é", min_size=1, max_size=20)
several_goods = st.lists(goods, min_size=1, max_size=3).map(tuple)
invoices = st.builds(
    Invoice, number=words, day=st.dates(date(1900, 1, 1)), value=amounts, currency=st.sampled_from(["INR", "AED"])
)
perhaps_parties = st.none() | parties
perhaps_gst = st.none() | st.builds(Gst, taxable_value=amounts, consignee_gstin=words)
yes_or_no = st.booleans()


@st.composite
def consignments(draw: st.DrawFn) -> Consignment:
    way = draw(ways)
    return Consignment(
        courier_partner_id=draw(carriers),
        reference_number=draw(references),
        sender=draw(parties),
        receiver=draw(parties),
        goods=draw(several_goods),
        parcel=draw(parcels),
        invoice=draw(invoices),
        payment=draw(payments),
        return_to=draw(perhaps_parties),
        return_reason=draw(words) if way in ("return", "checked") else "",
        reverse=way == "exchange back",
        exchange=Exchange(old_goods_to=draw(perhaps_parties)) if "exchange" in way else None,
        quality_check=QualityCheck(questions=("BRAND",)) if way == "checked" else None,
        multi_piece=draw(yes_or_no),
        gst=draw(perhaps_gst),
        in_background=draw(yes_or_no),
    )


@pytest.mark.heavy
@given(consignments())
def test_every_built_consignment_passes_both_checks_and_keeps_its_values(made: Consignment) -> None:
    for payload, prefix in zip(both(made), ("drop_", ""), strict=True):
        details, drop = payload["shipment_details"], payload["drop_info"]
        assert details["reference_number"] == made.reference_number
        assert details["courier_partner"] == made.courier_partner_id
        assert Decimal(details["cod_value"]) == made.payment.amount
        assert Decimal(details["invoice_value"]) == made.invoice.value
        assert details["invoice_date"] == made.invoice.day.isoformat()
        assert details["weight"] == made.parcel.weight_g
        assert drop[f"{prefix}name"] == made.receiver.name
        assert drop[f"{prefix}address"] == made.receiver.address
        assert [item["sku"] for item in details["items"]] == [line.sku for line in made.goods]
        assert [Decimal(item["price"]) for item in details["items"]] == [line.price for line in made.goods]
        assert details["delivery_type"] == ("RVP" if made.is_return else "FORWARD")
        assert payload["additional"].get("async", False) is made.in_background
