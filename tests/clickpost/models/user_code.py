"""Code as a user of the library writes it. A test runs a strict type checker over it, and builds both."""

from datetime import UTC, date, datetime
from decimal import Decimal

from awbridge.clickpost.models import (
    Consignment,
    Goods,
    GstInfo,
    IndiaAdditional,
    IndiaDrop,
    IndiaItem,
    IndiaOrder,
    IndiaPickup,
    IndiaReturnAddress,
    IndiaShipment,
    Invoice,
    Parcel,
    Party,
    Payment,
)

ORDER = IndiaOrder(
    pickup_info=IndiaPickup(
        pickup_name="Kanda Warehouse",
        pickup_phone="8000000001",
        pickup_address="Plot 4, Industrial Area",
        pickup_city="Pune",
        pickup_state="Maharashtra",
        pickup_pincode=411001,
        pickup_time=datetime(2026, 11, 3, 10, tzinfo=UTC),
        email="kanda@example.com",
    ),
    drop_info=IndiaDrop(
        drop_name="A Customer",
        drop_phone=8000000002,
        drop_address="12 Lake View",
        drop_city="Bengaluru",
        drop_state="Karnataka",
        drop_pincode="560001",
    ),
    shipment_details=IndiaShipment(
        courier_partner=4,
        reference_number="ORDER-1001",
        order_type="COD",
        delivery_type="FORWARD",
        cod_value=Decimal("499.50"),
        invoice_value=499.5,
        invoice_number="INV-1",
        invoice_date=date(2026, 11, 2),
        length=10,
        breadth="12.5",
        height=4,
        weight=350,
        items=[IndiaItem(sku="TEA-1", description="Tea", quantity=2, price=Decimal("249.75"), brand="Kanda")],
    ),
    gst_info=GstInfo(seller_gstin="27AAAAA0000A1Z5", taxable_value="450.00"),
    additional=IndiaAdditional(
        label=True,
        async_=False,
        return_info=IndiaReturnAddress(name="Kanda Returns", city="Pune", pincode="411001"),
        qc_params=["BRAND"],
    ).with_extra(colour_of_the_box="green"),
)

CONSIGNMENT = Consignment(
    courier_partner_id=4,
    reference_number="ORDER-1002",
    sender=Party(
        name="Kanda Warehouse",
        phone="8000000001",
        address="Plot 4, Industrial Area",
        city="Pune",
        state="Maharashtra",
        postal_code="411001",
    ),
    receiver=Party(
        name="A Customer",
        phone="8000000002",
        address="12 Lake View",
        city="Bengaluru",
        state="Karnataka",
        postal_code="560001",
    ),
    goods=(Goods(sku="TEA-1", description="Tea", price=Decimal("249.75"), quantity=2),),
    parcel=Parcel(length_cm=10, breadth_cm=12.5, height_cm=4, weight_g=350),
    invoice=Invoice(number="INV-2", day=date(2026, 11, 2), value=Decimal("499.50")),
    payment=Payment.cod("499.50"),
)
