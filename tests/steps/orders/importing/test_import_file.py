"""Orders from files: good ones go in, every bad row is named by line and field."""

from __future__ import annotations

import json
import tracemalloc
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from awbridge.domain.errors import TableUnreadable
from awbridge.steps.orders.importing.import_file import BadRow, Imported, import_orders, read_orders
from awbridge.store import Store
from tests.support.rows import count
from tests.support.world import SetClock, an_order, get
from tests.tables.files import workbook, xlsx

pytestmark = pytest.mark.heavy

_PLACE = ("name", "address", "city", "state", "pincode", "phone")
HEADER = [
    *("reference_number", "courier_partner", "account_code", "order_type", "delivery_type", "cod_value"),
    *("invoice_value", "invoice_number", "invoice_date", "length", "breadth", "height", "weight"),
    *(f"pickup_{name}" for name in _PLACE),
    *(f"drop_{name}" for name in _PLACE),
    *("item_sku", "item_description", "item_quantity", "item_price", "additional.vendor_code"),
]


def a_row(reference: str, **changes: str) -> list[str]:
    place = ["Asha Rao", '"12, MG Road"', "Pune", "Maharashtra", "411001", "9000000000"]
    values = [
        *(reference, "4", "main", "PREPAID", "FORWARD", "0", "500", "INV-1", "2026-11-02", "10", "10", "10", "500"),
        *(*place, *place, "S1", "shirt", "2", "250.50", "0042"),
    ]
    return [changes.get(name, value) for name, value in zip(HEADER, values, strict=True)]


def csv_file(folder: Path, *rows: list[str], header: list[str] | None = None, encoding: str = "utf-8") -> Path:
    path = folder / "orders.csv"
    path.write_text("\n".join(",".join(cells) for cells in [header or HEADER, *rows]) + "\n", encoding=encoding)
    return path


async def run(store: Store, path: Path) -> Imported:
    return await import_orders(store=store, clock=SetClock(), orders=read_orders(path))


async def test_a_csv_row_becomes_a_shipment_with_numbers_as_numbers_and_codes_as_text(
    store: Store, tmp_path: Path
) -> None:
    result = await run(store, csv_file(tmp_path, a_row("R")))
    assert (result.created, result.known, result.bad) == (1, 0, [])
    payload = (await get(store, "R")).payload
    assert payload["pickup_info"]["pickup_address"] == "12, MG Road"
    assert payload["drop_info"]["drop_pincode"] == "411001"
    assert payload["shipment_details"]["weight"] == 500
    assert payload["shipment_details"]["items"] == [
        {"sku": "S1", "description": "shirt", "quantity": 2, "price": 250.5}
    ]
    assert payload["additional"] == {"vendor_code": "0042"}


async def test_rows_of_one_reference_make_one_shipment_with_several_items(store: Store, tmp_path: Path) -> None:
    rows = [a_row("A"), a_row("B"), a_row("A", item_sku="S2"), a_row("A", item_sku="S3", pickup_name="")]
    assert (await run(store, csv_file(tmp_path, *rows))).created == 2
    items = (await get(store, "A")).payload["shipment_details"]["items"]
    assert [item["sku"] for item in items] == ["S1", "S2", "S3"]


async def test_importing_a_file_twice_creates_nothing_new(store: Store, tmp_path: Path) -> None:
    path = csv_file(tmp_path, a_row("A"), a_row("B"))
    await run(store, path)
    again = await run(store, path)
    assert (again.created, again.known, again.bad) == (0, 2, [])


async def test_bad_rows_are_named_by_line_and_field_while_good_ones_go_in(store: Store, tmp_path: Path) -> None:
    rows = [
        a_row("GOOD"),
        a_row("BAD", weight="heavy", invoice_date="2026-02-30"),
        ["", "", *[""] * (len(HEADER) - 2)],
        a_row(""),
        a_row("GOOD", drop_city="Delhi"),
        ["too", "short"],
        a_row("ALSO-GOOD"),
    ]
    result = await run(store, csv_file(tmp_path, *rows))
    assert result.created == 1, "a shipment whose rows contradict each other is left out"
    reported = {(b.line, b.reference_number, b.field) for b in result.bad}
    assert reported == {
        (3, "BAD", "shipment_details.weight"),
        (3, "BAD", "shipment_details.invoice_date"),
        (5, "", "reference_number"),
        (6, "GOOD", "drop_city"),
        (7, "too", ""),
    }
    assert [b.line for b in result.bad] == sorted(b.line for b in result.bad)


async def test_a_cell_with_a_line_break_does_not_shift_the_reported_lines(store: Store, tmp_path: Path) -> None:
    rows = [a_row("A", drop_address='"line one\nline two"'), a_row("B", weight="x")]
    result = await run(store, csv_file(tmp_path, *rows))
    assert [(b.line, b.reference_number) for b in result.bad] == [(4, "B")]
    assert (await get(store, "A")).payload["drop_info"]["drop_address"] == "line one\nline two"


async def test_a_reference_that_is_taken_by_another_order_is_a_bad_row(store: Store, tmp_path: Path) -> None:
    await run(store, csv_file(tmp_path, a_row("A")))
    result = await run(store, csv_file(tmp_path, a_row("A", weight="900"), a_row("B")))
    assert (result.created, [b.line for b in result.bad]) == (1, [2])
    assert "shipment_details.weight" in result.bad[0].problem


async def test_a_byte_order_mark_and_unicode_are_read(store: Store, tmp_path: Path) -> None:
    path = csv_file(tmp_path, a_row("A", drop_city="मुंबई 🌧"), encoding="utf-8-sig")
    assert (await run(store, path)).created == 1
    assert (await get(store, "A")).payload["drop_info"]["drop_city"] == "मुंबई 🌧"


@pytest.mark.parametrize("name", ["o.json", "O.JSON"])
async def test_a_json_file_holds_one_order_or_a_list(store: Store, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(json.dumps([an_order("A"), an_order("B", weight=-1), 7]))
    result = await run(store, path)
    assert result.created == 1
    assert {b.line for b in result.bad} == {2, 3}
    path.write_text("\ufeff" + json.dumps(an_order("C")))
    assert (await run(store, path)).created == 1


async def test_a_jsonl_file_names_its_bad_lines(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "o.jsonl"
    lines = [json.dumps(an_order("A")), "", "{not json", '{"weight": NaN}', json.dumps(an_order("B"))]
    path.write_text("\r\n".join(lines))
    result = await run(store, path)
    assert result.created == 2
    assert [(b.line, b.problem.split(":")[0]) for b in result.bad] == [(3, "not JSON"), (4, "not JSON")]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("o.csv", b"reference_number,wieght\nA,1\n", "unknown columns: wieght"),
        ("o.csv", b"order_id,weight\n1,1\n", "no column holds reference number. Columns found: order_id, weight"),
        ("o.csv", b"", "is empty"),
        ("o.csv", b"reference_number,weight\n,\n", "holds no orders"),
        ("o.json", b"[]", "holds no orders"),
        ("o.jsonl", b"\n\n", "holds no orders"),
        ("o.csv", b'reference_number\n"open', "not CSV"),
        ("o.json", b'["\xff"]', "not UTF-8 at byte 2"),
        ("o.xlsx", b"PK\x03\x04", "the spreadsheet cannot be read"),
        ("o.csv", b"reference_number,Weight,weight\nA,1,1\n", "both weight and Weight mean weight"),
        ("o.json", b"[1,", "not JSON"),
        ("o.json", b'{"a": NaN}', "NaN is not a JSON value"),
        ("o.pdf", b"", "write the orders as .csv, .xlsx, .xls, .ods, .json or .jsonl"),
    ],
)
def test_a_file_that_cannot_be_imported_says_why(tmp_path: Path, name: str, content: bytes, problem: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(TableUnreadable, match=problem):
        list(read_orders(path))


def test_a_file_that_does_not_exist_says_so(tmp_path: Path) -> None:
    with pytest.raises(TableUnreadable, match="No such file"):
        read_orders(tmp_path / "none.csv")


async def test_more_orders_than_a_batch_are_all_dealt_with(store: Store, tmp_path: Path) -> None:
    rows = [a_row(f"R{n}", **({"weight": "x"} if n in (5, 205) else {})) for n in range(230)]
    dealt: list[int] = []
    result = await import_orders(
        store=store, clock=SetClock(), orders=read_orders(csv_file(tmp_path, *rows)), on_row=dealt.append
    )
    assert (result.created, len(result.bad), sum(dealt)) == (228, 2, 230)
    assert await count(store, "shipments") == 228
    assert all(isinstance(b, BadRow) for b in result.bad)


def written(folder: Path, *rows: list[Any], header: list[str] | None = None) -> Path:
    """The orders as an XLSX."""
    path = folder / "orders.xlsx"
    path.write_bytes(xlsx(header or HEADER, *rows))
    return path


def numbers(reference: Any, **changes: Any) -> list[Any]:
    """A row whose numbers are number cells, as a spreadsheet has them."""
    row: list[Any] = [cell.strip('"') for cell in a_row("R")]
    for name, value in {"cod_value": 0, "weight": 500.0, "item_price": 250.5, **changes}.items():
        row[HEADER.index(name)] = value
    row[0] = reference
    return row


@pytest.mark.parametrize("spoilt", ["4.00012E+12", "4.00012e12"])
async def test_two_orders_whose_reference_was_rounded_are_never_one_shipment(
    store: Store, tmp_path: Path, spoilt: str
) -> None:
    rows = [a_row(spoilt), a_row(spoilt, item_sku="S2"), a_row("GOOD")]
    result = await run(store, csv_file(tmp_path, *rows))
    assert (result.created, await count(store, "shipments")) == (1, 1)
    assert [(b.line, b.field) for b in result.bad] == [(2, "reference_number"), (3, "reference_number")]
    assert all("digits are lost" in b.problem for b in result.bad)


async def test_long_numbers_that_all_end_in_zeros_were_rounded(store: Store, tmp_path: Path) -> None:
    long = ["1234567890123450000", "1234567890123450000", "1234567890123460000"]
    result = await run(store, csv_file(tmp_path, *(a_row(one) for one in long), a_row("SHORT-1")))
    assert result.created == 1
    assert {(b.line, b.field) for b in result.bad} == {(n, "reference_number") for n in (2, 3, 4)}
    result = await run(store, csv_file(tmp_path, *(a_row(one) for one in (*long[1:], "1234567890123456789"))))
    assert (result.created, result.bad) == (3, []), "one that is whole shows that the column is text"


@pytest.mark.parametrize(
    "column",
    [
        "drop_phone",
        "pickup_phone",
        "drop_pincode",
        "pickup_pincode",
        "item_sku",
        "invoice_number",
        "drop_address",
        "weight",
    ],
)
async def test_a_rounded_number_is_refused_in_every_column(store: Store, tmp_path: Path, column: str) -> None:
    result = await run(store, csv_file(tmp_path, a_row("BAD", **{column: "9.87654E+09"}), a_row("GOOD")))
    assert (result.created, [(b.line, b.reference_number, b.field) for b in result.bad]) == (1, [(2, "BAD", column)])


async def test_guards_and_formats_come_off_before_orders_go_to_the_vendor(store: Store, tmp_path: Path) -> None:
    header = [*HEADER, "AWB"]
    row = a_row("'00125", drop_phone="`9000000000", drop_pincode='"=""411001"""', invoice_number="\u200b77.0")
    path = csv_file(tmp_path, [*row, '="0042"'], [*a_row('"=""00126"""'), "#N/A"], header=header)
    assert (await run(store, path)).created == 2
    payload = (await get(store, "00125")).payload
    assert (payload["drop_info"]["drop_phone"], payload["drop_info"]["drop_pincode"]) == ("9000000000", "411001")
    assert payload["shipment_details"]["invoice_number"] == "77"
    assert payload["shipment_details"]["awb_number"] == "0042"
    assert "awb_number" not in (await get(store, "00126")).payload["shipment_details"]


async def test_orders_come_from_a_spreadsheet_as_from_text(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path, numbers(2001.0, drop_pincode=411001.0, invoice_date=datetime(2026, 11, 2)))  # noqa: DTZ001
    result = await run(store, path)
    assert (result.created, result.bad) == (1, [])
    payload = (await get(store, "2001")).payload
    assert payload["drop_info"]["drop_pincode"] == "411001"
    details = payload["shipment_details"]
    assert (details["weight"], details["invoice_date"], details["items"][0]["price"]) == (500, "2026-11-02", 250.5)


async def test_numbers_that_a_spreadsheet_cannot_hold_and_formulas_without_a_value_are_refused(
    store: Store, tmp_path: Path
) -> None:
    rows = [numbers(1234567890123456), numbers("B", cod_value="=1+1"), numbers("C", drop_city="#REF!"), numbers("GOOD")]
    result = await run(store, written(tmp_path, *rows))
    assert result.created == 1
    reported = [(b.line, b.field, b.problem.partition(",")[0].partition(";")[0]) for b in result.bad]
    assert reported == [
        (2, "reference_number", "a number of more than 15 digits: a spreadsheet loses those after them"),
        (3, "cod_value", "a formula that was never calculated"),
        (4, "drop_city", "a formula's error"),
    ]


async def test_an_order_of_which_one_row_is_bad_does_not_ship_short(store: Store, tmp_path: Path) -> None:
    alone = ["", *[""] * (len(HEADER) - 6), "S9", "socks", "1", "10", ""]
    rows = [a_row("A"), a_row("B"), a_row("A", item_sku="1.2E+10"), a_row("C"), alone, a_row("GOOD")]
    result = await run(store, csv_file(tmp_path, *rows))
    assert (result.created, await count(store, "shipments")) == (2, 2)
    assert [(b.line, b.reference_number, b.field) for b in result.bad] == [
        (4, "A", "item_sku"),
        (6, "", "reference_number"),
    ]
    assert (await get(store, "B")).reference_number == "B"
    assert "an item of C?" in result.bad[1].problem


async def test_columns_are_matched_loosely_and_the_others_are_listed(store: Store, tmp_path: Path) -> None:
    loose = {
        "reference_number": "Reference No.",
        "drop_phone": "Drop Phone",
        "item_sku": "SKU",
        "cod_value": "COD Amount",
    }
    header = [*(loose.get(name, name) for name in HEADER), "Sales channel"]
    path = csv_file(tmp_path, [*a_row("R"), "web"], header=header)
    orders = read_orders(path)
    assert (orders.passed_over, orders.total) == (["Sales channel"], 1)
    assert (await run(store, path)).created == 1


async def test_two_header_rows_name_columns_by_group(store: Store, tmp_path: Path) -> None:
    names = [name.removeprefix("pickup_").removeprefix("drop_") for name in HEADER]
    groups = ["Pickup" if n.startswith("pickup_") else "Drop" if n.startswith("drop_") else " " for n in HEADER]
    path = csv_file(
        tmp_path, ["Orders", *[""] * (len(HEADER) - 1)], groups, names, a_row("R"), header=[""] * len(HEADER)
    )
    result = await run(store, path)
    assert (result.created, result.bad) == (1, [])
    assert (await get(store, "R")).payload["drop_info"]["drop_pincode"] == "411001"


async def test_an_order_in_two_sheets_is_left_out(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "orders.xlsx"
    sheets = {"All": [HEADER, numbers("A"), numbers("B")], "Pune": [HEADER, numbers("A"), numbers("C", weight="1E+03")]}
    path.write_bytes(workbook(sheets))
    result = await run(store, path)
    assert result.created == 1
    assert [(b.sheet, b.line, b.reference_number) for b in result.bad] == [("Pune", 2, "A"), ("Pune", 3, "C")]
    assert "sheet All" in result.bad[0].problem


@pytest.mark.parametrize("day", ["02-11-2026", "2/11/26", "02-Nov-2026", "2026-11-02 00:00:00", "46328"])
async def test_days_are_read_however_they_are_written(store: Store, tmp_path: Path, day: str) -> None:
    await run(store, csv_file(tmp_path, a_row("R", invoice_date=day)))
    assert (await get(store, "R")).payload["shipment_details"]["invoice_date"] == "2026-11-02"


def test_adjacent_rows_take_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    with path.open("w") as file:
        file.write(",".join(HEADER) + "\n")
        file.writelines(",".join(a_row(f"R{n}")) + "\n" for n in range(3000))
    orders = read_orders(path)
    tracemalloc.start()
    assert sum(1 for _ in orders) == orders.total == 3000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


async def test_a_field_that_clickpost_would_refuse_is_named_by_the_tables_column_and_line(
    store: Store, tmp_path: Path
) -> None:
    titles = {"drop_phone": "Drop Phone", "item_price": "Item Price", "weight": "Weight", "item_sku": "SKU"}
    rows = [a_row("A"), a_row("A", item_price="-1", item_sku="S2"), a_row("B", drop_phone="12", weight="heavy")]
    result = await run(store, csv_file(tmp_path, *rows, header=[titles.get(name, name) for name in HEADER]))
    assert {(b.line, b.reference_number, b.field, b.column) for b in result.bad} == {
        (3, "A", "shipment_details.items[1].price", "Item Price"),
        (4, "B", "drop_info.drop_phone", "Drop Phone"),
        (4, "B", "shipment_details.weight", "Weight"),
    }


async def test_a_field_that_no_column_gives_is_named_without_one(store: Store, tmp_path: Path) -> None:
    header = [name for name in HEADER if name != "invoice_number"]
    cells = [value for name, value in zip(HEADER, a_row("A"), strict=True) if name != "invoice_number"]
    (bad,) = (await run(store, csv_file(tmp_path, cells, header=header))).bad
    assert (bad.line, bad.field, bad.column) == (2, "shipment_details.invoice_number", "")


async def test_a_warning_names_the_column_too(store: Store, tmp_path: Path) -> None:
    rows = [[*a_row("A"), "pending"], [*a_row("B"), "#N/A"], [*a_row("C"), "4300001"]]
    result = await run(store, csv_file(tmp_path, *rows, header=[*HEADER, "AWB No."]))
    assert (result.created, result.bad) == (3, [])
    assert [(w.line, w.column, w.field) for w in result.warnings] == [(2, "AWB No.", "shipment_details.awb_number")]
    given = [(await get(store, name)).payload["shipment_details"].get("awb_number") for name in "ABC"]
    assert given == [None, None, "4300001"]
