"""The page that imports a file of orders."""

from __future__ import annotations

import json

import pytest

from awbridge.store.couriers import couriers
from awbridge.store.couriers.couriers import CourierAccount
from awbridge.store.orders import shipments
from awbridge.web.pages.orders import import_page
from tests.support.app import Web
from tests.support.pages import open_page, upload
from tests.support.rows import fetch
from tests.support.world import an_order

HEAD = (
    "reference_number,transporter,order_type,cod_value,delivery_type,invoice_value,invoice_number,invoice_date,"
    "length,breadth,height,weight,pickup_name,pickup_phone,pickup_address,pickup_city,pickup_state,pickup_pincode,"
    "pickup_country,drop_name,drop_phone,drop_address,drop_city,drop_state,drop_pincode,drop_country,item_sku,"
    "item_description,item_quantity,item_price\n"
)
REST = (
    "Surface,PREPAID,0,FORWARD,100,INV-1,2026-11-01,10,10,10,500,Main Warehouse,9000000001,12 Dock Road,Mumbai,"
    "Maharashtra,400065,IN,Asha Rao,9000000002,5 Lake View,Bengaluru,Karnataka,{pincode},IN,SHIRT,Shirt,1,100\n"
)
FILE = (HEAD + "A-1," + REST.format(pincode="560001") + "A-2," + REST.format(pincode="5600")).encode()


async def a_courier(web: Web) -> None:
    async with web.store.write() as session:
        await couriers.put(session, [CourierAccount(transporter="Surface", courier_partner_id=4)], now=web.clock())


async def stored(web: Web) -> set[str]:
    async with web.store.read() as session:
        return {shipment.reference_number for shipment in await shipments.get_many(session, ["A-1", "A-2"])}


async def test_a_file_is_checked_then_imported_and_again_without_effect(web: Web) -> None:
    await a_courier(web)
    assert "Import orders" in await open_page(web, "/shipments")
    checked = await upload(web, "/shipments/import", "orders.csv", FILE, do="check")
    assert "Only checked: nothing was stored." in checked.text
    assert "<dt>Would be stored</dt><dd>1</dd>" in checked.text
    assert "drop_pincode" in checked.text
    assert await stored(web) == set()
    for created, known in ((1, 0), (0, 1)):
        done = await upload(web, "/shipments/import", "orders.csv", FILE, do="import")
        assert done.status_code == 200
        assert f"<dt>Stored</dt><dd>{created}</dd>" in done.text
        assert f"<dt>Known already</dt><dd>{known}</dd>" in done.text
        assert "<dt>Refused rows</dt><dd>1</dd>" in done.text
        assert await stored(web) == {"A-1"}


async def test_a_check_finds_what_an_import_would_refuse(web: Web) -> None:
    first, other = an_order("A-1"), an_order("A-1")
    other["shipment_details"]["weight"] = 900
    await upload(web, "/shipments/import", "one.json", json.dumps(first).encode(), do="import")
    for do in ("check", "import"):
        answer = await upload(web, "/shipments/import", "one.json", json.dumps(other).encode(), do=do)
        assert "already exists with another payload" in answer.text, do
    audit = await fetch(web.store, "SELECT action FROM audit_log WHERE action LIKE '%import%'")
    assert len(audit) == 2  # a check is no import


async def test_what_is_no_file_of_orders_is_named(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content, text in (
        ("", b"", "Choose a file."),
        ("orders.pdf", b"%PDF", "orders.pdf: write the orders as .csv"),
        ("orders.csv", HEAD.encode(), "orders.csv: holds no orders"),
        ("orders.json", b'["\xff"]', "orders.json: not UTF-8 at byte 2"),
    ):
        answer = await upload(web, "/shipments/import", name, content, do="import")
        assert (answer.status_code, text in answer.text) == (422, True), answer.text
        assert "/tmp" not in answer.text
    monkeypatch.setattr(import_page, "MOST_ORDERS", 1)
    answer = await upload(web, "/shipments/import", "orders.csv", FILE, do="import")
    assert answer.status_code == 422
    assert "holds more than 1 orders" in answer.text
