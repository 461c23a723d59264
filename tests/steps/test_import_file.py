"""Orders from files: good ones go in, every bad row is named by line and field."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from awbridge.steps.import_file import BadRow, FileUnreadable, Imported, import_orders, read_orders
from awbridge.store import Store
from tests.steps.world import SetClock, an_order, get
from tests.store.rows import count

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
    told = {(b.line, b.reference_number, b.field) for b in result.bad}
    assert told == {
        (3, "BAD", "shipment_details.weight"),
        (3, "BAD", "shipment_details.invoice_date"),
        (5, "", "reference_number"),
        (6, "GOOD", "drop_city"),
        (7, "", ""),
    }
    assert [b.line for b in result.bad] == sorted(b.line for b in result.bad)


async def test_a_cell_with_a_line_break_does_not_shift_the_lines_that_are_told(store: Store, tmp_path: Path) -> None:
    rows = [a_row("A", drop_address='"line one\nline two"'), a_row("B", weight="x")]
    result = await run(store, csv_file(tmp_path, *rows))
    assert [(b.line, b.reference_number) for b in result.bad] == [(4, "B")]
    assert (await get(store, "A")).payload["drop_info"]["drop_address"] == "line one\nline two"


async def test_a_reference_that_is_taken_by_another_order_is_a_bad_row(store: Store, tmp_path: Path) -> None:
    await run(store, csv_file(tmp_path, a_row("A")))
    result = await run(store, csv_file(tmp_path, a_row("A", weight="900"), a_row("B")))
    assert (result.created, [b.line for b in result.bad]) == (1, [2])
    assert "shipment_details.weight" in result.bad[0].problem


async def test_a_byte_order_mark_and_unicode_are_no_trouble(store: Store, tmp_path: Path) -> None:
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
        ("o.csv", b"order_id,weight\n1,1\n", "reference_number among them"),
        ("o.csv", b"", "the first line must name the columns"),
        ("o.csv", b'reference_number\n"open', "not CSV"),
        ("o.csv", b"reference_number\n\xff\xfe", "not UTF-8 at byte 17"),
        ("o.json", b"[1,", "not JSON"),
        ("o.json", b'{"a": NaN}', "NaN is not a JSON value"),
        ("o.xls", b"", "write the orders as .csv, .json or .jsonl"),
    ],
)
def test_a_file_that_cannot_be_imported_says_why(tmp_path: Path, name: str, content: bytes, problem: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(FileUnreadable, match=problem):
        list(read_orders(path))


def test_a_file_that_does_not_exist_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match="No such file"):
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
