"""Turns the parts of a neutral shipment into sections of an order, in ClickPost's own names. Empty ones stay out."""

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
    """The fields that hold something, as they are sent."""
    return {name: _sent(value) for name, value in fields.items() if value is not None and value not in ("", (), {})}


def money(amount: Decimal) -> str:
    """An amount as text, so that it stays exact."""
    return decimal_text(amount)


def indian_place(party: Party, prefix: str, *, time: datetime | None = None) -> JsonObject:
    """`pickup_info` or `drop_info` of v3. The pickup's e-mail has no prefix there."""
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
    """`pickup_info` or `drop_info` of v4, where a state or postal code that is not there is an empty text."""
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
    """`return_info` of v3; empty where there is none."""
    if party is None:
        return {}
    return {**_reached(party), **given(pincode=party.postal_code, country=party.country), **party.extra}


def world_return(party: Party | None) -> JsonObject:
    """`return_info` of v4; empty where there is none."""
    return world_place(party) if party else {}


def parcel(parcel: Parcel) -> JsonObject:
    """Size in cm and weight in grams."""
    return {
        "length": parcel.length_cm,
        "breadth": parcel.breadth_cm,
        "height": parcel.height_cm,
        "weight": parcel.weight_g,
    }


def invoice(invoice: Invoice) -> JsonObject:
    """Number, day and value."""
    return {
        "invoice_number": invoice.number,
        "invoice_date": invoice.day.isoformat(),
        "invoice_value": money(invoice.value),
    }


def item(line: Goods, *, checked: bool) -> JsonObject:
    """One of `items`. Where goods are checked at the door, the compared traits are in `additional` of the item too."""
    traits = given(
        brand=line.brand,
        color=line.color,
        size=line.size,
        images=",".join(line.images),
        serial_no=line.serial_number,
        imei=line.imei,
        special_instructions=line.check_instructions,
    )
    return {
        "sku": line.sku,
        "description": line.description,
        "quantity": line.quantity,
        "price": money(line.price),
        **(parcel(line.parcel) if line.parcel else {}),
        **traits,
        **given(cat=line.category, hs_code=line.hs_code, manufacture_country_code=line.made_in),
        **given(gst_info=gst_info(line.gst), additional=traits if checked else {}),
        **line.extra,
    }


def gst_info(gst: Gst | None) -> JsonObject:
    """`gst_info`; empty where there is none."""
    if gst is None:
        return {}
    return {
        **given(
            seller_gstin=gst.seller_gstin,
            enterprise_gstin=gst.enterprise_gstin,
            consignee_gstin=gst.consignee_gstin,
            is_seller_registered_under_gst=gst.seller_registered,
            taxable_value=gst.taxable_value,
            gst_tax_base=gst.tax_base,
            gst_discount=gst.discount,
            gst_total_tax=gst.total_tax,
            sgst_tax_rate=gst.sgst_rate,
            sgst_amount=gst.sgst_amount,
            cgst_tax_rate=gst.cgst_rate,
            cgst_amount=gst.cgst_amount,
            igst_tax_rate=gst.igst_rate,
            igst_amount=gst.igst_amount,
            hsn_code=gst.hsn_code,
            place_of_supply=gst.place_of_supply,
            ewaybill_serial_number=gst.eway_bill,
            invoice_reference=gst.invoice_reference,
        ),
        **gst.extra,
    }


def tax_info(customs: Customs | None) -> JsonObject:
    """`tax_info` of v4; empty where there is none."""
    if customs is None:
        return {}
    return {
        **given(
            tax_paid=customs.tax_paid,
            tax_amount=customs.tax_amount,
            shipper_tax_id=customs.sender_tax_id,
            consignee_tax_id=customs.receiver_tax_id,
            consignee_tax_type=customs.receiver_tax_type,
            exporter_type=customs.exporter_type,
            exporter_tax_id=customs.exporter_tax_id,
            lut_bond_number=customs.lut_bond_number,
        ),
        **customs.extra,
    }


def duty(customs: Customs | None) -> JsonObject:
    """Who pays duty: S the shipper, R the receiver."""
    if customs is None or customs.duty_paid_by is None:
        return {}
    return {"duty_fee_paid_by": "S" if customs.duty_paid_by == "SENDER" else "R"}


def quality_check(check: QualityCheck | None) -> JsonObject:
    """The check at the door."""
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
    """Where the old goods of an exchange go, and what they are."""
    if exchange is None:
        return {}
    return {
        **_old_goods_place(exchange.old_goods_to),
        **given(exchange_shipment_description=exchange.description, exchange_rvp_awb=exchange.return_waybill),
    }


def _old_goods_place(party: Party | None) -> JsonObject:
    if party is None:
        return {}
    return given(
        exchange_address=party.address,
        exchange_city=party.city,
        exchange_state=party.state,
        exchange_pincode=party.postal_code,
        exchange_country=party.country,
    )


def _reached(party: Party) -> JsonObject:
    return {
        **given(name=party.name, phone=party.phone, address=party.address, city=party.city, state=party.state),
        **given(email=party.email),
        **_around(party),
    }


def _around(party: Party) -> JsonObject:
    return given(district=party.district, landmark=party.landmark, lat=party.latitude, long=party.longitude)


def _sent(value: Any) -> Any:
    if isinstance(value, Decimal):
        return money(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
