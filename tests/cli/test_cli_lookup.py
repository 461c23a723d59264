"""Shipments are found by any of their numbers, times are read in common forms, warnings are shown."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from awbridge.cli import main
from awbridge.domain.orders.shipment import Piece, WaybillKind
from awbridge.store import Store
from awbridge.store.orders import waybills
from awbridge.store.orders.waybills import NewWaybill
from tests.cli.test_cli import awbridge  # noqa: F401 the fixture
from tests.support.commands import commands
from tests.support.rows import T0, add, place
from tests.support.world import an_order

CATCH_UP = ("catch-up", "--to", "2026-11-29 07:00", "--from")


def two_shipments(folder: Path) -> None:
    async def make() -> None:
        store = await Store.open(f"sqlite:///{folder}/cli.db")
        await add(store, "A", "B", order_id="77")
        await place(store, "A", "AWB-A")
        await place(store, "B", "AWB-B")
        async with store.write() as session:
            others = [("AWB-RTO", 4, WaybillKind.RTO), ("AWB-B", 9, WaybillKind.CHILD)]
            new = [NewWaybill(Piece(waybill=w), courier, "A", kind, T0) for w, courier, kind in others]
            await waybills.add(session, new, now=T0)
        await store.close()

    asyncio.run(make())


def test_show_finds_a_shipment_by_any_of_its_waybills(awbridge: Any, tmp_path: Path) -> None:  # noqa: F811
    two_shipments(tmp_path)
    for name in ("A", "AWB-A", "AWB-RTO"):
        shown = awbridge("shipments", "show", name, "--json")
        assert json.loads(shown.stdout)["reference_number"] == "A", name
    assert awbridge("shipments", "scans", "AWB-A", "--json").stdout == "[]\n"
    assert awbridge("shipments", "attempts", "AWB-A", "--json").stdout == '{\n  "attempts": [],\n  "next": null\n}\n'
    several = awbridge("shipments", "show", "AWB-B")
    assert several.exit_code == 1
    assert "A (courier 4), B (courier 4)" in several.stderr.replace(
        "B (courier 4), A (courier 4)", "A (courier 4), B (courier 4)"
    )
    assert "neither by reference number nor by waybill" in awbridge("shipments", "show", "X").stderr


def test_list_finds_them_by_waybill_and_order(awbridge: Any, tmp_path: Path) -> None:  # noqa: F811
    two_shipments(tmp_path)

    def listed(*options: str) -> list[str]:
        rows = json.loads(awbridge("shipments", "list", "--json", *options).stdout)["shipments"]
        return sorted(row["reference_number"] for row in rows)

    assert listed("--waybill", "AWB-RTO") == ["A"]
    assert listed("--waybill", "AWB-B") == ["A", "B"]
    assert listed("--order-id", "77") == ["A", "B"]
    assert listed("--order-id", "78") == []
    assert awbridge("shipments", "list", "--waybill", "A", "--order-id", "77").exit_code == 1


@pytest.mark.parametrize(
    "start", ["2026-11-29 07:06", "2026-11-29T07:06", "2026-11-29 07:06:00", "2026-11-29T07:06:00+05:30"]
)
def test_catch_up_accepts_common_forms_of_a_time(awbridge: Any, start: str) -> None:  # noqa: F811
    result = awbridge(*CATCH_UP, start)
    assert result.exit_code == 1, "understood, and later than --to"
    assert "--to must be later than --from" in result.stderr


def test_an_invalid_time_is_refused_with_an_example(awbridge: Any) -> None:  # noqa: F811
    result = awbridge(*CATCH_UP, "29/11/2026")
    assert result.exit_code == 2
    assert "2026-11-29 07:06" in result.stderr


def test_every_option_for_a_time_has_the_one_reader() -> None:
    kinds = [type(p.type).__name__ for _, command in commands(main) for p in command.params]
    assert "DateTime" not in kinds
    assert kinds.count("Written") >= 8


def test_import_warns_about_doubtful_fields_and_continues(awbridge: Any, tmp_path: Path) -> None:  # noqa: F811
    order = an_order("R")
    order["drop_info"]["drop_phone"] = "+91 98765 43210"
    rounded = json.dumps(an_order("S")).replace('"order of S"', "4.04877E+12")
    (tmp_path / "orders.jsonl").write_text(f"{json.dumps(order)}\n{rounded}\n")
    result = awbridge("shipments", "import", "orders.jsonl", "--json")
    report = json.loads(result.stdout)
    assert result.exit_code == 1
    assert [(w["line"], w["reference_number"], w["field"]) for w in report["warnings"]] == [
        (1, "R", "drop_info.drop_phone")
    ]
    assert [(b["line"], b["field"]) for b in report["bad"]] == [(2, "shipment_details.order_id")]
    (tmp_path / "orders.jsonl").write_text(json.dumps(order) + "\n")
    shown = awbridge("shipments", "import", "orders.jsonl")
    assert (shown.exit_code, "1 warnings" in shown.output) == (0, True)


def test_an_edit_warns_about_doubtful_fields(awbridge: Any, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "orders.json").write_text(json.dumps(an_order("R")))
    awbridge("shipments", "import", "orders.json")
    seen = json.loads(awbridge("shipments", "payload", "R", "--set", "drop_phone=0000000000", "--json").stdout)
    assert [w["path"] for w in seen["warnings"]] == ["drop_info.drop_phone"]
    refused = awbridge("shipments", "payload", "R", "--set", "drop_phone=9.87654E+09", "--json")
    assert "rounded" in json.loads(refused.stdout)["problems"][0]["problem"]


def test_lists_are_filtered_and_exported(awbridge: Any, tmp_path: Path) -> None:  # noqa: F811
    two_shipments(tmp_path)
    file = tmp_path / "shipments.csv"
    done = awbridge("shipments", "export", str(file), "--courier", "4", "--awb", "AWB-A", "--columns", "awb,state")
    assert (done.exit_code, done.stdout) == (0, f"1 shipments written to {file}\n")
    assert file.read_text("utf-8-sig").splitlines() == ['"Reference","AWB","State"', '"A","AWB-A","placed"']
    assert awbridge("shipments", "export", str(tmp_path / "s.xlsx")).exit_code == 0
    assert (tmp_path / "s.xlsx").read_bytes()[:2] == b"PK"
    assert awbridge("shipments", "list", "--account", "9:x").stdout == "no shipments\n"
    for wrong, named in ((("--columns", "awbs"), "awb"), (("--created-from", "soon"), "created-from")):
        refused = awbridge("shipments", "export", str(file), *wrong)
        assert (refused.exit_code, named in refused.stderr) == (1, True)
    assert "must end in .csv or .xlsx" in awbridge("shipments", "export", str(tmp_path / "s.txt")).stderr
