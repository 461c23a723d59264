"""`awbridge reconcile` as an operator types it."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import pytest

from awbridge.cli.reconciliation import side_in_words
from tests.cli.test_cli import awbridge, sandbox
from tests.support.processes import Running
from tests.support.world import an_order

__all__ = ["awbridge", "sandbox"]


def test_a_file_is_reconciled_listed_shown_and_bundled(awbridge: Any, tmp_path: Path) -> None:
    (tmp_path / "registered-2026-11-02.csv").write_text("AWB;Status;Colour\n4000000000009;Delivered;red\n;;\n;late;\n")
    done = awbridge("reconcile", "--file", "registered-2026-11-02.csv")
    assert done.exit_code == 0, done.output
    assert "columns understood: AWB as waybill, Status as status" in done.output
    assert "unknown columns: Colour" in done.output
    assert "not compared: no column holds: courier" in done.output
    assert "1 rows name neither waybill nor reference number" in done.output
    (run,) = json.loads(awbridge("reconcile", "list", "--json").stdout)["reconciliations"]
    assert run["compared"] == "partly"
    assert run["not_understood"] == ["no column holds: courier", "columns not understood: Colour"]
    assert (run["name"], run["day"], run["found"]) == ("registered-2026-11-02.csv", "2026-11-02", {"missing_here": 1})
    shown = awbridge("reconcile", "show", str(run["id"]), "--evidence", "zips", "--json")
    (difference,) = json.loads(shown.stdout)["differences"]
    assert (difference["kind"], difference["item"]) == ("missing_here", "4000000000009")
    assert [path.name for path in (tmp_path / "zips").iterdir()] == [f"missing_here-{difference['id']}.zip"]
    assert "Delivered" in awbridge("reconcile", "show", str(run["id"])).output
    pushed = awbridge("reconcile", "push-again", str(run["id"]))
    assert pushed.output == "0 are pushed again, 0 have changed since and were skipped\n"
    decided = awbridge("reconcile", "decide", str(run["id"]), "solve", str(difference["id"]), "--reason", "theirs")
    assert "closed by hand" in decided.output
    assert "by hand: theirs" in awbridge("reconcile", "show", str(run["id"])).output


def test_a_file_that_is_not_a_table_ends_with_exit_code_1(awbridge: Any, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("Name\nAsha\n")
    done = awbridge("reconcile", "--file", "people.csv", "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["problem"].startswith("people.csv: no column is recognised")
    for arguments in (("--kind", "failures"), ("--date", "2999-01-01"), ("show", "1"), ("push-again", "1")):
        assert awbridge("reconcile", *arguments).exit_code == 1


@pytest.mark.slow
def test_a_day_is_reconciled_against_clickpost(
    awbridge: Any, sandbox: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWBRIDGE_RECONCILE_ASK_SECONDS", "0.2")
    order = an_order("BY-HAND", account_code="Delhivery Surface")
    order["pickup_info"]["pickup_country"] = order["drop_info"]["drop_country"] = "IN"
    account = {"username": "sandbox", "key": "sandbox-key"}
    placed = httpx2.post(f"{sandbox.url}/api/v3/create-order/", params=account, json={**order, "gst_info": {}})
    waybill = placed.json()["result"]["waybill"]
    today = datetime.now(ZoneInfo("Asia/Kolkata")).date().isoformat()
    done = awbridge("reconcile", "--date", today, "--json")
    assert done.exit_code == 0, done.output
    run = json.loads(done.stdout)
    assert (run["ours_placed"], run["theirs_placed"], run["found"]) == (0, 1, {"missing_here": 1})
    shown = json.loads(awbridge("reconcile", "show", str(run["id"]), "--json").stdout)
    assert [d["waybill"] for d in shown["differences"]] == [waybill]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("AWB,Status\n", "report.csv: holds no rows, only columns"),
        (
            "AWB,Status\n4.04877E+12,8\n",
            "report.csv: none of its 1 rows names a shipment; the first: line 2, column AWB: a spreadsheet has rounded",
        ),
        ("AWB,Status\n#N/A,8\n0,8\n", "none of its 2 rows names a shipment; the first: line 2: names no waybill"),
    ],
)
def test_a_report_without_a_row_that_names_a_shipment_ends_with_exit_code_1(
    awbridge: Any, tmp_path: Path, content: str, problem: str
) -> None:
    """Otherwise, with a day, each of our shipments would be reported as missing there."""
    (tmp_path / "report.csv").write_text(content)
    done = awbridge("reconcile", "--file", "report.csv", "--date", "2026-11-02", "--json")
    assert done.exit_code == 1
    run = json.loads(done.stdout)
    assert (run["state"], run["found"]) == ("failed", {})
    assert problem in run["problem"]


def test_notes_on_how_a_report_was_read_are_shown(awbridge: Any, tmp_path: Path) -> None:
    (tmp_path / "report.csv").write_bytes("AWB;Ort\n4000000000001;Köln\nTotal;1\n".encode("cp1252"))
    run = json.loads(awbridge("reconcile", "--file", "report.csv", "--json").stdout)
    assert run["columns_read"]["notes"] == [
        "read as text separated by semicolons, in Windows-1252",
        "skipped a row of totals: line 3",
    ]


def test_an_unpublished_status_is_shown_by_its_description() -> None:
    seen = {"waybill": "A1", "courier_partner_id": 4, "status_code": 45, "status_description": "Handed to the depot"}
    assert side_in_words(seen) == "A1, courier 4, Handed to the depot"
    assert side_in_words(seen | {"status_description": ""}) == "A1, courier 4, Unknown(45)"
    assert side_in_words({"waybill": "A1", "status_code": None, "state": "rejected"}) == "A1, rejected"
