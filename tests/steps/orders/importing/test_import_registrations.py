"""Waybills that another system has booked, from a file of orders."""

from __future__ import annotations

from pathlib import Path

from awbridge.domain.orders.action import ActionState
from awbridge.domain.orders.shipment import State
from awbridge.steps.orders.importing.import_file import read_orders
from awbridge.steps.orders.importing.import_registrations import ImportedWaybills, import_registrations
from awbridge.store import Store
from awbridge.store.couriers import couriers
from awbridge.store.couriers.couriers import CourierAccount
from tests.steps.orders.test_act import FakeClickPost, act, ok, says
from tests.support.rows import T0, add, fetch
from tests.support.world import SetClock, get

HEAD = (
    "reference_number,AWB,transporter,order_type,cod_value,order_id,drop_name,drop_phone,drop_pincode,drop_country,sku"
)
ROW = "OLD-1,1200000000011,Surface,COD,499,O-1,Asha Rao,9000000002,560001,IN,SHIRT"
LAYOUT = f"{HEAD}\n{ROW}\n"


async def imported(store: Store, clock: SetClock, folder: Path, text: str) -> ImportedWaybills:
    async with store.write() as session:
        account = CourierAccount(transporter="Surface", courier_partner_id=4, account_code="main")
        await couriers.put(session, [account], now=T0)
    file = folder / "old.csv"
    file.write_text(text)
    return await import_registrations(store=store, clock=clock, rows=read_orders(file))


async def test_a_row_becomes_a_shipment_that_is_placed_and_tracked(store: Store, tmp_path: Path) -> None:
    clock, vendor = SetClock(), FakeClickPost(says(303, "Waybill already registered"))
    done = await imported(store, clock, tmp_path, LAYOUT)
    assert (done.requested, done.known, done.bad) == (1, 0, [])
    await act(store, vendor, clock)
    (body,) = vendor.bodies
    assert body == {
        "waybill": "1200000000011",
        "courier_partner": 4,
        "account_code": "main",
        "shipment_info": {
            "reference_number": "OLD-1",
            "order_type": "COD",
            "items": [{"sku": "SHIRT"}],
            "order_id": "O-1",
            "cod_amount": 499,
        },
        "drop_info": {"name": "Asha Rao", "phone": "9000000002", "pincode": "560001", "country_code": "IN"},
        "consumer_details": {"name": "Asha Rao", "phone": "9000000002"},
    }
    shipment = await get(store, "OLD-1")
    assert (shipment.state, shipment.waybill, shipment.order_id) == (State.PLACED, "1200000000011", "O-1")
    assert len(vendor.requests) == 1, "nothing was booked"
    rows = await fetch(store, "SELECT cod, phone_tail FROM shipments")
    assert rows == [{"cod": True, "phone_tail": "0002"}]


async def test_the_same_file_again_requests_nothing(store: Store, tmp_path: Path) -> None:
    clock, vendor = SetClock(), FakeClickPost(says(303))
    await imported(store, clock, tmp_path, LAYOUT)
    again = await imported(store, clock, tmp_path, LAYOUT)
    assert (again.requested, again.known) == (0, 1)
    await act(store, vendor, clock)
    after = await imported(store, clock, tmp_path, LAYOUT.replace("Asha Rao", "Asha R."))
    assert (after.requested, after.known, after.bad) == (0, 1, [])
    assert len(vendor.requests) == 1


async def test_a_refused_row_is_named_until_it_is_corrected(store: Store, tmp_path: Path) -> None:
    clock, vendor = SetClock(), FakeClickPost(says(302, "Courier partner not found"), ok())
    await imported(store, clock, tmp_path, LAYOUT)
    await act(store, vendor, clock)
    (bad,) = (await imported(store, clock, tmp_path, LAYOUT)).bad
    assert "awbridge actions retry" in bad.problem
    corrected = await imported(store, clock, tmp_path, LAYOUT.replace("O-1", "O-2"))
    assert corrected.requested == 1
    await act(store, vendor, clock)
    assert (await get(store, "OLD-1")).order_id == "O-2"
    states = await fetch(store, "SELECT state FROM actions ORDER BY requested_at, id")
    assert sorted(row["state"] for row in states) == [ActionState.DONE, ActionState.REFUSED]


async def test_wrong_rows_are_named_with_line_and_column_and_the_others_go_on(store: Store, tmp_path: Path) -> None:
    await add(store, "TAKEN")
    rows = [
        ROW,
        ROW.replace("OLD-1", "TAKEN").replace("0011", "0012"),
        ROW.replace("OLD-1", "OLD-3").replace("1200000000011", ""),
        ROW.replace("OLD-1", "OLD-4").replace("1200000000011", "NA"),
        ROW.replace("OLD-1", "OLD-5"),
        ROW.replace("OLD-1", "OLD-6").replace("0011", "0016").replace("Surface", "Air"),
    ]
    done = await imported(store, SetClock(), tmp_path, "\n".join([HEAD, *rows]))
    assert done.requested == 1
    found = {bad.line: (bad.reference_number, bad.column or bad.field, bad.problem) for bad in done.bad}
    assert found.keys() == {3, 4, 5, 6, 7}
    assert found[3][0] == "TAKEN"
    assert "is another shipment's" in found[3][2]
    assert found[4][1:] == ("AWB", "is required: the waybill under which the courier has the parcel")
    assert found[5][1:] == found[4][1:]
    assert found[6][1:] == ("AWB", "is that of line 2 too")
    assert "'Air' is not known" in found[7][2]
