"""`awbridge couriers` as an operator types it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from awbridge.cli import main
from awbridge.rehearsal.demo_orders import demo_order
from tests.support.processes import bridge_environment
from tests.support.stores import migrated_file
from tests.tables.files import xlsx

CSV = """transporter,courier_partner_id,account_code,name,active,fallback
bluedart,5,Bluedart Air,Bluedart,true,
delhivery,4,Delhivery Surface,"Delhivery, by road",true,bluedart
old,9,,,false,
"""
RULES = (
    "name,transporter,drop_pincode,pickup_pincode,order_type,delivery_type,region,"
    "weight_from,weight_to,value_from,value_to\n"
    "south,bluedart,56 60,,,,,,2000,,\n"
    "rest,delhivery,,,,,,,,,\n"
)


@pytest.fixture
def awbridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that runs one command in a new folder, with three transporters."""
    monkeypatch.chdir(tmp_path)
    database = asyncio.run(migrated_file(tmp_path, "cli.db"))
    for name, value in bridge_environment(database, "http://127.0.0.1:9", 0).items():
        monkeypatch.setenv(name, value)
    (tmp_path / "couriers.csv").write_text(CSV)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments)

    assert run("couriers", "import", "couriers.csv").output == "3 transporters imported\n"
    return run


def listed(awbridge: Any) -> dict[str, dict[str, Any]]:
    return {c["transporter"]: c for c in json.loads(awbridge("couriers", "list", "--json").stdout)}


def order_file(path: Path, name: str, **more: Any) -> str:
    order = demo_order(1, 1)
    order.pop("transporter", None)
    for field in ("courier_partner", "account_code"):
        order["shipment_details"].pop(field, None)
    (path / name).write_text(json.dumps(order | more))
    return name


def test_exported_transporters_equal_the_imported_ones(awbridge: Any, tmp_path: Path) -> None:
    assert awbridge("couriers", "export").output == CSV
    awbridge("couriers", "export", "--to", "out.csv")
    assert (tmp_path / "out.csv").read_text() == CSV


def test_an_import_keeps_what_its_columns_do_not_state(awbridge: Any, tmp_path: Path) -> None:
    (tmp_path / "short.csv").write_text("transporter,courier_partner_id\ndelhivery,25\nold,9\n")
    assert awbridge("couriers", "import", "short.csv").exit_code == 0
    after = listed(awbridge)
    assert (after["delhivery"]["courier_partner_id"], after["delhivery"]["fallback"]) == (25, "bluedart")
    assert not after["old"]["active"]


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("new,x,,,,", "line 2: transporter and courier_partner_id"),
        ("new,4,,,perhaps,", "line 2: active must be"),
        ("new,4,,,,nobody", "the fallback 'nobody' of 'new' is not known"),
        ("bluedart,5,,,,delhivery", "form a loop"),
        ("new,4,1.23457E+12,,,", "line 2, column account_code: a spreadsheet has rounded"),
        ("new,4,main,a, b,true,", "line 2: 7 cells, but the header names 6 columns"),
        ("fine,5,,,,", "line 3: fine is used twice"),
    ],
)
def test_an_invalid_line_imports_nothing(awbridge: Any, tmp_path: Path, line: str, problem: str) -> None:
    (tmp_path / "bad.csv").write_text(f"{CSV.splitlines()[0]}\n{line}\nfine,6,,,,\n")
    result = awbridge("couriers", "import", "bad.csv")
    assert result.exit_code == 1
    assert problem in " ".join(result.output.split())
    assert listed(awbridge).keys() == {"bluedart", "delhivery", "old"}


@pytest.mark.heavy
def test_a_transporter_is_added_changed_retired_and_removed(awbridge: Any) -> None:
    added = awbridge("couriers", "add", "ekart", "--courier-partner-id", "55", "--fallback", "delhivery")
    assert added.output == "ekart: added\n"
    assert awbridge("couriers", "add", "ekart", "--courier-partner-id", "56").exit_code == 1
    assert awbridge("couriers", "set", "ekart", "--account-code", "E1", "--inactive").output == (
        "ekart: 55 E1, switched off, fallback delhivery\n"
    )
    ekart = listed(awbridge)["ekart"]
    assert (ekart["fallback"], ekart["active"], ekart["account_code"]) == ("delhivery", False, "E1")
    assert awbridge("couriers", "set", "ekart", "--fallback", "", "--active").exit_code == 0
    assert listed(awbridge)["ekart"]["fallback"] is None
    assert awbridge("couriers", "set", "ekart").exit_code == 2
    assert awbridge("couriers", "set", "nobody", "--active").exit_code == 1
    assert "the fallback of delhivery" in awbridge("couriers", "remove", "bluedart").output
    assert awbridge("couriers", "remove", "ekart").output == "ekart: removed\n"


@pytest.mark.heavy
def test_rules_are_exported_as_imported_and_the_test_names_the_one_that_takes_an_order(
    awbridge: Any, tmp_path: Path
) -> None:
    (tmp_path / "rules.csv").write_text(RULES)
    assert awbridge("couriers", "rules", "import", "rules.csv").output == "2 rules in force\n"
    assert awbridge("couriers", "rules", "export").output == RULES
    assert [r["name"] for r in json.loads(awbridge("couriers", "rules", "list", "--json").stdout)] == ["south", "rest"]
    file = order_file(tmp_path, "order.json")
    awbridge("couriers", "set", "delhivery", "--inactive")
    awbridge("couriers", "set", "bluedart", "--inactive")
    assert awbridge("couriers", "rules", "test", file).exit_code == 1
    awbridge("couriers", "set", "delhivery", "--active")
    tested = awbridge("couriers", "rules", "test", file, "--json")
    assert tested.exit_code == 0
    taken = {"rule": "rest", "transporter": "delhivery", "verdict": "takes it", "unmet": ""}
    assert json.loads(tested.stdout)[-1] == taken


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name,transporter\na,nobody\n", "rule 1: transporter 'nobody' is not known"),
        ("name,transporter,weight\na,old,5\n", "there is no condition weight"),
        ("name,transporter\na,old,5\n", "line 2: 3 cells, but the header names 2 columns"),
    ],
)
def test_invalid_rules_keep_the_old_ones(awbridge: Any, tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "rules.csv").write_text(RULES)
    awbridge("couriers", "rules", "import", "rules.csv")
    (tmp_path / "bad.csv").write_text(text)
    result = awbridge("couriers", "rules", "import", "bad.csv")
    assert result.exit_code == 1
    assert problem in " ".join(result.output.split())
    assert len(json.loads(awbridge("couriers", "rules", "list", "--json").stdout)) == 2


@pytest.mark.heavy
def test_orders_without_a_courier_follow_the_rules_and_are_moved(awbridge: Any, tmp_path: Path) -> None:
    (tmp_path / "rules.csv").write_text("name,transporter\nall,delhivery\n")
    awbridge("couriers", "rules", "import", "rules.csv")
    assert awbridge("shipments", "import", order_file(tmp_path, "order.json")).exit_code == 0
    [shipment] = json.loads(awbridge("shipments", "list", "--json").stdout)["shipments"]
    reference = shipment["reference_number"]
    assert shipment["transporter"] == "delhivery"
    assert "rule all" in awbridge("shipments", "show", reference).output
    moved = awbridge("couriers", "move", "delhivery", "bluedart")
    assert moved.output == "1 shipments moved from delhivery to bluedart\n"
    assert json.loads(awbridge("couriers", "move", "delhivery", "bluedart", "--json").stdout) == {
        "moved": [],
        "stayed": [],
    }


def test_a_setting_lets_clickpost_choose(awbridge: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = order_file(tmp_path, "order.json")
    assert "is required" in awbridge("shipments", "import", file).output
    monkeypatch.setenv("AWBRIDGE_ALLOCATION", "recommendation")
    assert awbridge("shipments", "import", file).exit_code == 0
    assert len(json.loads(awbridge("shipments", "list", "--json", "--state", "allocating").stdout)["shipments"]) == 1


def accounts_shown(awbridge: Any) -> dict[str, dict[str, Any]]:
    return {a["account_code"]: a for a in json.loads(awbridge("couriers", "accounts", "--json").stdout)}


def test_accounts_are_shown_with_their_hold_and_rate(awbridge: Any, tmp_path: Path) -> None:
    assert "no account has had a shipment yet" in awbridge("couriers", "accounts").output
    order = order_file(tmp_path, "order.json", transporter="delhivery")
    assert awbridge("shipments", "import", order).exit_code == 0
    rate = ("couriers", "rate", "--courier", "4", "--account", "Delhivery Surface")
    assert awbridge(*rate, "--per-second", "2.5").output == "4 Delhivery Surface: at most 2.5 a second\n"
    shown = accounts_shown(awbridge)["Delhivery Surface"]
    assert (shown["courier_partner_id"], shown["held"], shown["waiting"], shown["rate_per_second"]) == (4, None, 1, 2.5)
    assert awbridge(*rate, "--unlimited").output == "4 Delhivery Surface: no limit\n"
    assert accounts_shown(awbridge)["Delhivery Surface"]["rate_per_second"] is None
    for wrong in ((), ("--per-second", "1", "--unlimited"), ("--per-second", "0")):
        assert awbridge(*rate, *wrong).exit_code == 2


@pytest.mark.heavy
def test_a_downtime_is_declared_in_its_zone_shown_and_removed(awbridge: Any, tmp_path: Path) -> None:
    order = order_file(tmp_path, "order.json", transporter="delhivery")
    awbridge("shipments", "import", order)
    add = ("couriers", "downtime", "add", "--courier", "4", "--reason", "works")
    assert awbridge(*add, "--from", "2020-01-01 00:00", "--to", "2999-01-01 05:30").exit_code == 0
    weekly = awbridge(*add, "--account", "other", "--days", "sat,sun", "--start", "23:30", "--end", "02:00")
    assert weekly.exit_code == 0
    first, second = json.loads(awbridge("couriers", "downtime", "list", "--json").stdout)
    assert (first["to_at"], first["zone"], first["reason"]) == ("2999-01-01T05:30:00+05:30", "Asia/Kolkata", "works")
    assert (second["account_code"], second["weekdays"]) == ("other", ["sat", "sun"])
    assert (second["starts"], second["ends"]) == ("23:30:00", "02:00:00")
    assert "23:30 02:00 sat,sun" in " ".join(awbridge("couriers", "downtime", "list").stdout.split())
    held = accounts_shown(awbridge)["Delhivery Surface"]
    assert (held["held"], held["problem"], held["waiting"]) == ("downtime", "declared downtime: works", 1)
    shipment = json.loads(awbridge("shipments", "list", "--json").stdout)["shipments"][0]
    assert shipment["state"] == "held"
    assert awbridge("couriers", "downtime", "remove", str(first["id"])).exit_code == 0
    assert accounts_shown(awbridge)["Delhivery Surface"]["held"] is None
    assert awbridge("couriers", "downtime", "remove", "1").exit_code == 1
    assert awbridge(*add, "--from", "2026-01-02 00:00", "--to", "2026-01-01 00:00").exit_code == 1
    assert awbridge(*add, "--start", "10:00", "--end", "11:00", "--zone", "Asia/Nowhere").exit_code == 1


@pytest.mark.heavy
@pytest.mark.parametrize(("command", "kept"), [(("couriers",), "transporters"), (("couriers", "rules"), "rules")])
def test_a_table_without_rows_imports_nothing_and_fails(
    awbridge: Any, tmp_path: Path, command: tuple[str, ...], kept: str
) -> None:
    (tmp_path / "rules.csv").write_text(RULES)
    awbridge("couriers", "rules", "import", "rules.csv")
    (tmp_path / "none.csv").write_text(f"name,transporter{',courier_partner_id' * (kept != 'rules')}\n")
    result = awbridge(*command, "import", "none.csv")
    assert result.exit_code == 1
    assert f"holds no {kept}, only columns" in " ".join(result.output.split())
    assert len(listed(awbridge)) == 3
    assert awbridge("couriers", "rules", "export").output == RULES


def test_couriers_and_rules_come_from_spreadsheets_too(awbridge: Any, tmp_path: Path) -> None:
    rows = [["Transporter", "CP ID", "Account Code", "Active", "Remark"], ["ekart", 55.0, "'0042", True, "new"]]
    (tmp_path / "c.xlsx").write_bytes(xlsx(*rows))
    imported = awbridge("couriers", "import", "c.xlsx")
    assert "1 transporters imported" in imported.output
    assert "columns not understood: Remark" in imported.output
    ekart = listed(awbridge)["ekart"]
    assert (ekart["courier_partner_id"], ekart["account_code"], ekart["active"]) == (55, "0042", True)
    text = "Name;Transporter;Weight to;Drop pincode\nsüd;ekart;500.0;5600 1100\n"
    (tmp_path / "r.csv").write_bytes(text.encode("cp1252"))
    result = awbridge("couriers", "rules", "import", "r.csv")
    assert (result.exit_code, "Windows-1252" in result.output) == (0, True)
    (rule,) = json.loads(awbridge("couriers", "rules", "list", "--json").stdout)
    assert (rule["name"], rule["weight_to"], rule["drop_pincode"]) == ("süd", "500", ["5600", "1100"])


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ("name,transporter,drop_pincod\nx,bluedart,56\n", "there is no condition drop_pincod"),
        ("name,transporter,value_from\nx,bluedart,1.5E+06\n", "line 2, column value_from: a spreadsheet has rounded"),
        ("name,transporter\nx,bluedart,56\n", "line 2: 3 cells, but the header names 2 columns"),
    ],
)
def test_rules_with_an_unreadable_condition_are_not_imported(
    awbridge: Any, tmp_path: Path, table: str, problem: str
) -> None:
    (tmp_path / "rules.csv").write_text(RULES)
    awbridge("couriers", "rules", "import", "rules.csv")
    (tmp_path / "bad.csv").write_text(table)
    result = awbridge("couriers", "rules", "import", "bad.csv")
    assert result.exit_code == 1
    assert problem in " ".join(result.output.split())
    assert awbridge("couriers", "rules", "export").output == RULES
