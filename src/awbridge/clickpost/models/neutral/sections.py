"""Converts the parts of a consignment to sections of an order under ClickPost's names. Empty fields are left out."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from awbridge.clickpost.models.neutral.parts import (
    Customs,
    Exchange,
    Goods,
    Gst,
    Invoice,
    Parcel,
    Party,
    QualityCheck,
)
from awbridge.clickpost.wire.plain_json import decimal_text
from awbridge.domain.json import JsonObject


def given(**fields: Any) -> JsonObject:
    """The fields that are not empty, as they are sent."""
    return {name: _sent(value) for name, value in fields.items() if value is not None and value not in ("", (), {})}


def money(amount: Decimal) -> str:
    """An amount as text, which keeps it exact."""
    return decimal_text(amount)


def indian_place(party: Party, prefix: str, *, time: datetime | None = None) -> JsonObject:
    """`pickup_info` or `drop_info` of v3. The pickup's e-mail has no prefix."""
    named = {
        "name": party.name,
        "phone": party.phone,
        "address": party.address,
        "city": party.city,
        "state": party.state,
        "pincode": party.postal_code,
        "country": party.country,
        **given(time=time, phone_code=party.phone_code, address_type=party.address_type, organisation=party.company),
        **_around(party),
    }
    email = given(email=party.email) if prefix == "pickup_" else given(drop_email=party.email)
    tin = given(tin=party.tax_number) if prefix == "pickup_" else {}
    return {f"{prefix}{name}": value for name, value in named.items()} | email | tin | party.extra


def world_place(party: Party, *, time: datetime | None = None) -> JsonObject:
    """`pickup_info` or `drop_info` of v4, in which a missing state or postal code is an empty text."""
    return {
        "name": party.name,
        "phone": party.phone,
        "address": party.address,
        "city": party.city,
        "state": party.state,
        "postal_code": party.postal_code,
        "country_code": party.country,
        **given(time=time, email=party.email, phone_code=party.phone_code, organisation=party.company),
        **given(address_type=party.address_type),
        **_around(party),
        **party.extra,
    }


def indian_return(party: Party | None) -> JsonObject:
    """`return_info` of v3; empty if there is none."""
    if party is None:
        return {}
    return {
        **given(name=party.name, phone=party.phone, address=party.address, city=party.city, state=party.state),
        **given(email=party.email, pincode=party.postal_code, country=party.country),
        **_around(party),
        **party.extra,
    }


def world_return(party: Party | None) -> JsonObject:
    """`return_info` of v4; empty if there is none."""
    return world_place(party) if party else {}


def parcel(parcel: Parcel) -> JsonObject:
    """Size in cm, weight in grams."""
    return {
        "length": parcel.length_cm,
        "breadth": parcel.breadth_cm,
        "height": parcel.height_cm,
        "weight": parcel.weight_g,
    }


def invoice(invoice: Invoice) -> JsonObject:
    """Number, date and value."""
    return {
        "invoice_number": invoice.number,
        "invoice_date": invoice.day.isoformat(),
        "invoice_value": money(invoice.value),
    }


def item(goods: Goods, *, checked: bool) -> JsonObject:
    """One of `items`. For a doorstep quality check, the compared traits are in `additional` of the item too."""
    traits = given(
        brand=goods.brand,
        color=goods.color,
        size=goods.size,
        images=",".join(goods.images),
        serial_no=goods.serial_number,
        imei=goods.imei,
        special_instructions=goods.check_instructions,
    )
    return {
        "sku": goods.sku,
        "description": goods.description,
        "quantity": goods.quantity,
        "price": money(goods.price),
        **(parcel(goods.parcel) if goods.parcel else {}),
        **traits,
        **given(cat=goods.category, hs_code=goods.hs_code, manufacture_country_code=goods.made_in),
        **given(gst_info=gst_info(goods.gst), additional=traits if checked else {}),
        **goods.extra,
    }


def gst_info(gst: Gst | None) -> JsonObject:
    """`gst_info`; empty if there is none."""
    return _renamed(
        gst,
        seller_registered="is_seller_registered_under_gst",
        tax_base="gst_tax_base",
        discount="gst_discount",
        total_tax="gst_total_tax",
        sgst_rate="sgst_tax_rate",
        cgst_rate="cgst_tax_rate",
        igst_rate="igst_tax_rate",
        eway_bill="ewaybill_serial_number",
    )


def tax_info(customs: Customs | None) -> JsonObject:
    """`tax_info` of v4, without the payer of duty; empty if there is none."""
    return _renamed(
        customs and customs.model_copy(update={"duty_paid_by": None}),
        sender_tax_id="shipper_tax_id",
        receiver_tax_id="consignee_tax_id",
        receiver_tax_type="consignee_tax_type",
    )


def duty(customs: Customs | None) -> JsonObject:
    """The payer of duty: S the shipper, R the receiver."""
    if customs is None or customs.duty_paid_by is None:
        return {}
    return {"duty_fee_paid_by": "S" if customs.duty_paid_by == "SENDER" else "R"}


def quality_check(check: QualityCheck | None) -> JsonObject:
    """The doorstep quality check."""
    if check is None:
        return {}
    return {
        "qc_type": "doorstep",
        **given(
            qc_params=check.questions,
            template_id=check.template,
            template_category=check.template_category,
        ),
    }


def exchange(exchange: Exchange | None) -> JsonObject:
    """The address to which the old goods of an exchange go, and their description."""
    if exchange is None:
        return {}
    place = exchange.old_goods_to
    address = place and given(
        exchange_address=place.address,
        exchange_city=place.city,
        exchange_state=place.state,
        exchange_pincode=place.postal_code,
        exchange_country=place.country,
    )
    goods = given(exchange_shipment_description=exchange.description, exchange_rvp_awb=exchange.return_waybill)
    return {**(address or {}), **goods}


def _renamed(part: Gst | Customs | None, **names: str) -> JsonObject:
    """The fields of a part under their own names, or those in `names` if they differ, and its extra fields."""
    if part is None:
        return {}
    fields = {names.get(name, name): value for name, value in part if name != "extra"}
    return {**given(**fields), **part.extra}


def _around(party: Party) -> JsonObject:
    return given(district=party.district, landmark=party.landmark, lat=party.latitude, long=party.longitude)


def _sent(value: Any) -> Any:
    if isinstance(value, Decimal):
        return money(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
