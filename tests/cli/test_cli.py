"""The commands as an operator types them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import apsw
import httpx2
import pytest
from click.testing import CliRunner, Result

from awbridge.cli import main
from awbridge.rehearsal.demo_orders import demo_order
from awbridge.store import Store
from awbridge.store.engine.migrate import migrations, own_schema
from tests.steps.tracking.test_returns import asked_for
from tests.steps.tracking.test_shipment_details import HOUR, a_placed, deliver, hooks
from tests.support import newer
from tests.support.acting import a_pickup, a_registration
from tests.support.ports import free_port
from tests.support.processes import Running, bridge_environment, running
from tests.support.proxy import dropping_proxy
from tests.support.rows import T0
from tests.support.stores import migrated_file
from tests.support.world import webhook

pytestmark = pytest.mark.heavy

HEADER = (
    "reference_number,transporter,order_type,delivery_type,cod_value,invoice_value,invoice_number,invoice_date,"
    "length,breadth,height,weight,pickup_name,pickup_phone,pickup_address,pickup_city,pickup_state,pickup_pincode,"
    "drop_name,drop_phone,drop_address,drop_city,drop_state,drop_pincode,"
    "item_sku,item_description,item_quantity,item_price,additional.vendor_code"
)


def row(reference: str, *, sku: str = "S1", cod: str = "0", pincode: str = "560001") -> str:
    place = "Asha,9000000000,1 Main Road,Bengaluru,Karnataka"
    return (
        f"{reference},delhivery,{'COD' if cod != '0' else 'PREPAID'},FORWARD,{cod},499,INV-1,2026-11-01,"
        f"10,10,10,500,{place},560001,{place},{pincode},{sku},Shirt,1,499,V7"
    )


@pytest.fixture
def awbridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that runs one command in a new folder."""
    monkeypatch.chdir(tmp_path)
    database = asyncio.run(migrated_file(tmp_path, "cli.db"))
    for name, value in bridge_environment(database, "http://127.0.0.1:9", 0).items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments)

    return run


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    port = free_port()
    with running(["sandbox", "--port", str(port)], {}, tmp_path, port) as process:
        monkeypatch.setenv("AWBRIDGE_CLICKPOST_URL", process.url)
        monkeypatch.setenv("AWBRIDGE_CLICKPOST_TRACKING_URL", process.url)
        yield process


@pytest.fixture
def couriers(awbridge: Any, tmp_path: Path) -> None:
    (tmp_path / "couriers.csv").write_text(
        "transporter,courier_partner_id,account_code,name,active\ndelhivery,4,Delhivery Surface,Delhivery,true\n"
    )
    assert awbridge("couriers", "import", "couriers.csv").output == "1 transporters imported\n"


@pytest.mark.usefixtures("couriers")
def test_good_rows_of_a_csv_are_imported_and_bad_ones_named_by_line_and_field(awbridge: Any, tmp_path: Path) -> None:
    lines = [
        HEADER,
        row("R1"),
        row("R1", sku="S2"),
        row("R2", cod="-5"),
        row("R3", pincode="12"),
        row("R4"),
        "too,few",
    ]
    (tmp_path / "orders.csv").write_text("\n".join(lines) + "\n")
    result = awbridge("shipments", "import", "orders.csv", "--json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert (report["created"], report["known"]) == (2, 0)
    assert {(bad["line"], bad["field"]) for bad in report["bad"]} == {
        (4, "shipment_details.cod_value"),
        (5, "drop_info.drop_pincode"),
        (7, ""),
    }
    shown = json.loads(awbridge("shipments", "show", "R1", "--json").stdout)
    assert [i["sku"] for i in shown["payload"]["shipment_details"]["items"]] == ["S1", "S2"]
    assert shown["payload"]["additional"] == {"vendor_code": "V7"}
    assert shown["courier_partner_id"] == 4
    again = json.loads(awbridge("shipments", "import", "orders.csv", "--json").stdout)
    assert (again["created"], again["known"]) == (0, 2)


@pytest.mark.heavy
@pytest.mark.usefixtures("couriers")
@pytest.mark.parametrize("suffix", ["json", "jsonl"])
def test_json_and_jsonl_are_imported(awbridge: Any, tmp_path: Path, suffix: str) -> None:
    orders = [{**demo_order(n, 1), "transporter": "delhivery"} for n in range(1, 5)]
    text = json.dumps(orders) if suffix == "json" else "\n".join(map(json.dumps, orders))
    (tmp_path / f"orders.{suffix}").write_text(text)
    result = awbridge("shipments", "import", f"orders.{suffix}")
    assert result.exit_code == 0, result.output
    assert "4 created, 0 known already, 0 bad" in result.output
    listed = json.loads(awbridge("shipments", "list", "--json", "--state", "ready").stdout)
    assert (len(listed["shipments"]), listed["next"]) == (4, None)


def test_a_file_of_another_kind_is_refused_with_what_to_do(awbridge: Any, tmp_path: Path) -> None:
    (tmp_path / "orders.doc").write_bytes(b"PK")
    result = awbridge("shipments", "import", "orders.doc")
    assert result.exit_code == 1
    assert "write the orders as .csv, .xlsx, .xls, .ods, .json or .jsonl" in result.output


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("orders.csv", "reference_number,weight\n"),
        ("orders.csv", "reference_number,weight\n4.00012E+12,500\n"),
        ("orders.jsonl", "{not json\n"),
        ("orders.json", "[]"),
    ],
)
def test_a_file_without_a_good_row_ends_with_exit_code_1(
    awbridge: Any, tmp_path: Path, name: str, content: str
) -> None:
    (tmp_path / name).write_text(content)
    assert awbridge("shipments", "import", name).exit_code == 1


def test_columns_of_a_file_that_are_not_understood_are_listed(awbridge: Any, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_bytes("reference_number;Kanal\n4.00012E+12;Köln\n".encode("cp1252"))
    imported = awbridge("shipments", "import", "orders.csv")
    assert "orders.csv: read as text separated by semicolons, in Windows-1252" in imported.output
    assert "orders.csv: columns not understood: Kanal" in imported.output
    shown = json.loads(awbridge("shipments", "import", "orders.csv", "--json").stdout)
    assert (shown["created"], shown["passed_over"], shown["bad"][0]["line"]) == (0, ["Kanal"], 2)


def test_an_unknown_shipment_is_one_clear_line(awbridge: Any) -> None:
    result = awbridge("shipments", "show", "NOPE")
    assert result.exit_code == 1
    assert "there is no shipment NOPE" in result.output
    assert "Traceback" not in result.output


def test_a_missing_key_names_its_setting(awbridge: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWBRIDGE_CLICKPOST_KEY", "")
    result = awbridge("couriers", "sync")
    assert result.exit_code == 1
    assert "AWBRIDGE_CLICKPOST_KEY is not set" in result.output


@pytest.mark.usefixtures("couriers")
def test_cancelling_what_never_went_out_is_done_at_once(awbridge: Any, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text(f"{HEADER}\n{row('R1')}\n")
    awbridge("shipments", "import", "orders.csv")
    assert awbridge("shipments", "cancel", "R1").output == "R1: cancelled\n"
    refused = awbridge("shipments", "retry", "R1")
    assert refused.exit_code == 1
    assert "R1 is cancelled" in refused.output


def test_any_command_migrates_an_empty_database(awbridge: Any, tmp_path: Path) -> None:
    (tmp_path / "cli.db").write_bytes(b"")
    assert awbridge("shipments", "list").stdout == "no shipments\n"
    assert awbridge("migrate").output == "the schema is up to date\n"


def test_migrate_reports_what_it_applied(awbridge: Any, tmp_path: Path) -> None:
    (tmp_path / "cli.db").unlink()
    assert awbridge("migrate").output.startswith("applied 0001_")
    assert awbridge("migrate").output == "the schema is up to date\n"


def test_migrate_dry_run_lists_migrations_and_whether_older_replicas_may_keep_running(
    awbridge: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cli.db").unlink()
    first = awbridge("migrate", "--dry-run").output
    assert first.startswith("to apply: 0001_first_orders (compatible from schema 0001)\n")
    assert "replicas" not in first, "a new database has none"
    awbridge("migrate")
    assert awbridge("migrate", "--dry-run").output == "the schema is up to date\n"
    known, now = migrations(), own_schema()
    adding = newer.added(9001, "CREATE TABLE of_a_newer (id BIGINT)", compatible_from=now)
    dropping = newer.added(9002, "DROP TABLE of_a_newer", compatible_from=9002)
    for more, end in (
        ([adding], f"replicas on schema {now:04} may run on meanwhile: upgrade them one by one"),
        ([adding, dropping], "stop all replicas of the older version first"),
    ):
        monkeypatch.setattr("awbridge.store.engine.migrate.migrations", lambda more=more: [*known, *more])
        lines = awbridge("migrate", "--dry-run").output.splitlines()
        assert lines[0] == f"to apply: 9001_of_a_test (compatible from schema {now:04})"
        assert (len(lines), lines[-1]) == (len(more) + 1, end)
    assert awbridge("migrate").output == "applied 9001_of_a_test\napplied 9002_of_a_test\n", (
        "nothing was applied before"
    )


@pytest.mark.slow
def test_couriers_are_synced_from_the_vendor_after_showing_the_difference(awbridge: Any, sandbox: Running) -> None:
    shown = awbridge("couriers", "sync")
    assert "new: Delhivery Surface -> 4" in shown.output
    assert "nothing written" in shown.output
    assert json.loads(awbridge("couriers", "list", "--json").stdout) == []
    awbridge("couriers", "sync", "--apply")
    names = [c["transporter"] for c in json.loads(awbridge("couriers", "list", "--json").stdout)]
    assert "Delhivery Surface" in names
    assert awbridge("couriers", "sync").output == "nothing to change\n"


@pytest.mark.slow
def test_a_webhook_is_registered_then_changed_and_its_key_accepted(
    awbridge: Any, sandbox: Running, tmp_path: Path
) -> None:
    port = free_port()
    env = bridge_environment(f"sqlite:///{tmp_path}/cli.db", sandbox.url, port) | {"AWBRIDGE_WEBHOOK_KEYS": ""}
    with running(["serve"], env, tmp_path, port) as bridge:
        url = f"{bridge.url}/webhooks/clickpost"
        refused = httpx2.post(url, headers={"webhook_key": "guess"}, json={"waybill": "1"})
        assert refused.status_code == 401
        first = awbridge("webhook", "register", url, "--show-key")
        assert first.output.startswith(f"registered {url}"), first.output
        assert awbridge("webhook", "register", url).output.startswith(f"changed to {url}")
        key = first.output.splitlines()[2]
        assert "the test arrived after" in first.output
        time.sleep(1.1)  # after a wrong key, the server reads new keys at most once a second
        accepted = httpx2.post(url, headers={"webhook_key": key}, json={"waybill": "1", "clickpost_status_code": 5})
        assert accepted.status_code == 200
        tried = awbridge("webhook", "test", url)
        assert tried.output.startswith("the test arrived after "), tried.output
        listed = json.loads(awbridge("webhook", "keys", "--json").stdout)
        assert [k["webhook_url"] for k in listed] == [url]
        assert key not in json.dumps(listed)
        healthy = awbridge("doctor", "--json")
        found = {f["check"]: f["level"] for f in json.loads(healthy.stdout)}
        assert found["webhook header"] == "ok"
        assert (found["clickpost"], found["database"]) == ("ok", "ok")
        assert awbridge("webhook", "keys", "--revoke", listed[0]["id"], "--yes").exit_code == 0
        assert awbridge("webhook", "keys", "--revoke", listed[0]["id"], "--yes").exit_code == 1


@pytest.mark.slow
def test_a_proxy_that_drops_the_key_is_reported_however_short_the_wait(
    awbridge: Any, sandbox: Running, tmp_path: Path
) -> None:
    port = free_port()
    env = bridge_environment(f"sqlite:///{tmp_path}/cli.db", sandbox.url, port)
    with running(["serve"], env, tmp_path, port) as bridge, dropping_proxy(bridge.url) as proxy:
        for command in ("register", "test", "test"):
            result = awbridge("webhook", command, f"{proxy}/webhooks/clickpost", "--wait", "1")
            assert result.exit_code == 1
            assert "deliveries without any key were received meanwhile" in result.output
            assert "\n    underscores_in_headers on;\n" in result.output
            assert "--attributes Key=routing.http.drop_invalid_header_fields.enabled,Value=false\n" in result.output
        found = awbridge("doctor", "--json")
        assert found.exit_code == 1
        header = [f for f in json.loads(found.stdout) if f["check"] == "webhook header"]
        assert any(f["level"] == "problem" and "drops the header webhook_key" in f["found"] for f in header)
        shown = awbridge("doctor").output
        assert (shown.count("underscores_in_headers on;"), shown.count("see above")) == (1, len(header) - 1)


@pytest.mark.slow
def test_catch_up_by_hand_covers_a_span_and_refuses_a_reversed_one(awbridge: Any, sandbox: Running) -> None:
    done = awbridge("catch-up", "--from", "2026-11-01", "--to", "2026-11-01T02:00:00", "--json")
    assert json.loads(done.stdout) == {"items": 0}
    calls = httpx2.get(f"{sandbox.url}/_sandbox/ledger").json()["calls"]
    assert sum(n for name, n in calls.items() if "updated" in name) == 12  # two hours in windows of ten minutes
    reversed_ = awbridge("catch-up", "--from", "2026-11-02", "--to", "2026-11-01")
    assert reversed_.exit_code == 1
    assert "--to must be later than --from" in reversed_.output


def test_coverage_is_shown_without_a_call(awbridge: Any) -> None:
    shown = awbridge("catch-up", "--status")
    assert shown.exit_code == 0, shown.output
    assert "nothing is covered yet" in shown.output
    assert json.loads(awbridge("catch-up", "--status", "--json").stdout)["spans"] == []


@pytest.mark.heavy
@pytest.mark.parametrize(("minutes", "covered"), [(5, "not yet"), (40, "NO")])
def test_minutes_that_are_not_due_yet_are_distinguished_from_a_gap(
    awbridge: Any, tmp_path: Path, minutes: int, covered: str
) -> None:
    awbridge("migrate")
    done = datetime.now(UTC) - timedelta(minutes=minutes)
    times = [f"{at:%Y-%m-%dT%H:%M:%S.%f}Z" for at in (done - timedelta(minutes=10), done, done)]
    window = "INSERT INTO catch_up_windows (from_at, to_at, done_at, items) VALUES (?, ?, ?, 3)"
    apsw.Connection(str(tmp_path / "cli.db")).execute(window, times)
    table = awbridge("catch-up", "--status").output.splitlines()
    assert " yes " in table[1]
    assert f" {covered} " in table[2]


def test_a_report_of_failed_webhooks_is_replayed_and_its_columns_are_reported(awbridge: Any, tmp_path: Path) -> None:
    (tmp_path / "failed.csv").write_text(
        'AWB;Payload;Try\nA1;"{""waybill"": ""A1"", ""clickpost_status_code"": 5}";3\n'
    )
    result = awbridge("replay", "--file", "failed.csv")
    assert result.exit_code == 0, result.output
    assert "AWB as waybill, Payload as payload" in result.output
    assert "unknown columns: Try" in result.output
    assert "1 rows: 1 new deliveries in the inbox, 0 known already" in result.output
    assert "1 rows: 0 new deliveries in the inbox, 1 known already" in awbridge("replay", "--file", "failed.csv").output
    (tmp_path / "waybills.csv").write_text("AWB\nA2\n")
    without_payloads = awbridge("replay", "--file", "waybills.csv", "--json")
    assert (without_payloads.exit_code, json.loads(without_payloads.stdout)["bad"][0]["line"]) == (1, 2)
    (tmp_path / "else.csv").write_text("name\nx\n")
    assert "no column is recognised" in awbridge("replay", "--file", "else.csv").output


def test_a_wrong_webhook_path_is_noted_before_it_is_registered(awbridge: Any) -> None:
    assert "is not a URL" in awbridge("webhook", "register", "ship.example.com").output
    note = "note: the endpoint is /webhooks/clickpost"
    assert note in awbridge("webhook", "register", "http://127.0.0.1:9/webhook", "--wait", "0").stderr
    assert note not in awbridge("webhook", "register", "http://127.0.0.1:9/webhooks/clickpost", "--wait", "0").stderr


def test_silent_shipments_are_listed_and_an_unknown_one_cannot_be_polled(awbridge: Any) -> None:
    assert awbridge("shipments", "silent").output == "none\n"
    asked = awbridge("shipments", "ask", "NONE")
    assert (asked.exit_code, asked.output) == (1, "NONE: unknown, not placed, or at its end\n")


def test_catch_up_fails_while_clickpost_is_unavailable(awbridge: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("awbridge.steps.polling.policy.PAUSES", (0.0, 0.0))
    result = awbridge("catch-up", "--from", "2026-11-01", "--to", "2026-11-02")
    assert result.exit_code == 1
    assert "sandbox-key" not in result.output


@pytest.mark.usefixtures("couriers")
def test_text_of_couriers_is_not_markup(awbridge: Any, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text(f"{HEADER}\n{row('[/red]R1')}\n")
    assert awbridge("shipments", "import", "orders.csv").exit_code == 0
    listed = awbridge("shipments", "list")
    assert listed.exit_code == 0, listed.output
    missing = awbridge("shipments", "show", "[bold]none[/]")
    assert "there is no shipment [bold]none[/]" in missing.output


@pytest.fixture
def rejected(awbridge: Any, couriers: None, tmp_path: Path) -> None:
    """R1, which ClickPost has refused."""
    (tmp_path / "orders.csv").write_text(f"{HEADER}\n{row('R1')}\n")
    assert awbridge("shipments", "import", "orders.csv").exit_code == 0
    sent = "UPDATE shipments SET sent_at = created_at, state = 'rejected', next_try_at = NULL"
    apsw.Connection(str(tmp_path / "cli.db")).execute(sent)


@pytest.mark.heavy
@pytest.mark.usefixtures("rejected")
def test_a_payload_is_shown_previewed_and_changed(awbridge: Any) -> None:
    assert json.loads(awbridge("shipments", "payload", "R1").stdout)["shipment_details"]["weight"] == 500
    edit = ("shipments", "payload", "R1", "--set", "weight=750", "--set", "drop_phone=9000000009")
    seen = awbridge(*edit)
    assert seen.exit_code == 0, seen.output
    assert "shipment_details.weight" in seen.output
    assert "nothing written; add --push" in seen.output
    assert json.loads(awbridge("shipments", "list", "--json").stdout)["shipments"][0]["state"] == "rejected"
    assert awbridge(*edit, "--push", "--reason", "scale").output == "R1: ready, payload 2\n"
    payload = json.loads(awbridge("shipments", "payload", "R1").stdout)
    assert (payload["shipment_details"]["weight"], payload["drop_info"]["drop_phone"]) == (750, "9000000009")
    first, second = json.loads(awbridge("shipments", "payload", "R1", "--history", "--json").stdout)
    assert (first["changed_by"], second["reason"]) == ("intake", "scale")
    assert second["changed_by"].startswith("cli (")
    assert json.loads(awbridge("shipments", "payload", "R1", "--version", "1").stdout) == first["payload"]
    assert "drop_info.drop_phone" in awbridge("shipments", "payload", "R1", "--history").output
    assert awbridge("shipments", "payload", "R1", "--version", "1", "--push").output == "R1: ready, payload 3\n"


@pytest.mark.heavy
@pytest.mark.usefixtures("rejected")
def test_a_bad_edit_fails_with_every_problem_and_changes_nothing(awbridge: Any, tmp_path: Path) -> None:
    edit = ("shipments", "payload", "R1", "--set", "weight=-1")
    seen = awbridge(*edit, "--json")
    assert seen.exit_code == 1
    preview = json.loads(seen.stdout)
    assert [d["path"] for d in preview["differences"]] == [p["path"] for p in preview["problems"]]
    assert "ClickPost would refuse it" in awbridge(*edit).output
    assert awbridge(*edit, "--push").exit_code == 1
    for wrong, problem in (("weight", "write PATH=VALUE"), ("a..b=1", "no such place")):
        refused = awbridge("shipments", "payload", "R1", "--set", wrong)
        assert (refused.exit_code, problem in refused.output) == (1, True)
    (tmp_path / "list.json").write_text("[]")
    assert "one JSON object" in awbridge("shipments", "payload", "R1", "--file", "list.json").output
    assert "nothing to change" in awbridge("shipments", "payload", "R1", "--push").output
    assert len(json.loads(awbridge("shipments", "payload", "R1", "--history", "--json").stdout)) == 1


@pytest.mark.usefixtures("rejected")
def test_an_operator_records_what_clickposts_dashboard_shows(awbridge: Any, tmp_path: Path) -> None:
    refused = awbridge("shipments", "settle", "R1", "--not-held")
    assert (refused.exit_code, "nothing is open about what ClickPost holds" in refused.output.replace("\n", " ")) == (
        1,
        True,
    )
    for wrong in ((), ("--not-held", "--waybill", "AWB1")):
        assert "either --not-held or --waybill" in awbridge("shipments", "settle", "R1", *wrong).output
    assert "about one shipment" in awbridge("shipments", "settle", "R1", "R2", "--waybill", "AWB1").output
    database = apsw.Connection(str(tmp_path / "cli.db"))
    database.execute("UPDATE shipments SET maybe_placed = TRUE, state = 'gave_up'")
    database.close()
    assert awbridge("shipments", "settle", "R1", "--waybill", "AWB1").output == "R1: placed\n"
    shown = json.loads(awbridge("shipments", "show", "R1", "--json").stdout)
    assert (shown["waybill"], shown["maybe_placed"], shown["settled_by"].startswith("cli (")) == ("AWB1", False, True)


@pytest.mark.usefixtures("rejected")
def test_a_shipment_is_replaced_under_a_new_reference(awbridge: Any) -> None:
    done = awbridge("shipments", "replace", "R1", "--reference", "R1-NEW", "--set", "weight=750")
    assert done.output == "R1 is replaced by R1-NEW: ready\n"
    shown = json.loads(awbridge("shipments", "show", "R1-NEW", "--json").stdout)
    assert (shown["replaces"], shown["payload"]["shipment_details"]["weight"]) == ("R1", 750)
    assert "R1-NEW" in awbridge("shipments", "show", "R1").output
    again = awbridge("shipments", "replace", "R1")
    assert (again.exit_code, "replaced by R1-NEW already" in again.output) == (1, True)


@pytest.fixture
def imported(awbridge: Any, couriers: None, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text(f"{HEADER}\n{row('R1')}\n")
    awbridge("shipments", "import", "orders.csv")


@pytest.mark.heavy
@pytest.mark.usefixtures("imported")
def test_an_edit_and_a_label_are_requested_listed_and_shown(awbridge: Any) -> None:
    edit = json.loads(awbridge("shipments", "edit", "R1", "order_type=COD", "cod_value=99.5", "--json").stdout)
    assert (edit["kind"], edit["state"]) == ("edit", "waiting")
    label = awbridge("shipments", "label", "R1", "--regenerate", "--key", "k1").output
    assert label.endswith(": waiting\n")
    assert awbridge("shipments", "label", "R1", "--regenerate", "--key", "k1").output == label.replace(
        "waiting", "waiting (requested before under this key)"
    )
    listed = json.loads(awbridge("actions", "list", "--state", "waiting", "--json").stdout)
    assert [a["kind"] for a in listed["actions"]] == ["label", "edit"]
    assert "cod_value" in awbridge("actions", "show", edit["id"]).output
    assert json.loads(awbridge("actions", "show", edit["id"], "--json").stdout) == edit | {
        "body": {"order_type": "COD", "cod_value": 99.5}
    }
    assert awbridge("actions", "retry", edit["id"]).output == f"{edit['id']}: due\n"
    assert "is due: there is nothing to settle" in awbridge("actions", "settle", edit["id"], "--held").output


@pytest.mark.heavy
@pytest.mark.usefixtures("imported")
def test_an_action_that_cannot_be_requested_is_one_clear_line(awbridge: Any) -> None:
    for arguments, problem in (
        (("shipments", "edit", "R1", "order_type=GIFT"), "order_type"),
        (("shipments", "edit", "R1", "order_type"), "is not NAME=VALUE"),
        (("shipments", "ndr", "R1", "REATTEMPT", "--date", "2999-01-01"), "no failed delivery"),
        (("shipments", "ndr", "R1", "REATTEMPT"), "preferred_date"),
        (("shipments", "ndr", "R1", "INITIATE_RTO", "--waybill", "X-1"), "waybill X-1 does not belong to R1"),
        (("actions", "show", "nonsense"), "there is no action nonsense"),
        (("actions", "retry", "nonsense"), "there is no action nonsense"),
        (("actions", "settle", "nonsense", "--held"), "there is no action nonsense"),
        (("actions", "settle", "nonsense"), "say either --held or --not-held"),
    ):
        result = awbridge(*arguments)
        assert result.exit_code == 1, arguments
        assert problem in result.output.replace("\n", " ")
        assert "Traceback" not in result.output
    assert awbridge("actions", "list").output == "no actions\n"


def test_pickups_and_registrations_are_requested_from_files(awbridge: Any, tmp_path: Path) -> None:
    (tmp_path / "pickup.json").write_text(json.dumps(a_pickup()))
    (tmp_path / "waybill.json").write_text(json.dumps(a_registration()))
    (tmp_path / "broken.json").write_text("{")
    pickup = json.loads(awbridge("pickups", "ask", "pickup.json", "--json").stdout)
    assert (pickup["kind"], pickup["state"], pickup["reference_number"]) == ("pickup", "due", None)
    registered = json.loads(awbridge("waybills", "register", "waybill.json", "--json").stdout)
    assert (registered["kind"], registered["reference_number"]) == ("register", "FOREIGN-1")
    for command in (("pickups", "ask"), ("waybills", "register")):
        result = awbridge(*command, "broken.json")
        assert result.exit_code == 1
        assert "broken.json is not JSON" in result.output.replace("\n", " ")


@pytest.mark.heavy
@pytest.mark.usefixtures("couriers")
def test_a_replay_rebuilds_one_shipment_or_all(awbridge: Any, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text(f"{HEADER}\n{row('R1')}\n")
    awbridge("shipments", "import", "orders.csv")
    assert awbridge("replay", "--reference", "R1").stdout == "1 shipments rebuilt, 0 of them differed\n"
    assert json.loads(awbridge("replay", "--all", "--json").stdout) == {"shipments": 0, "changed": 0}
    assert awbridge("replay", "--all", "--restart").stdout == "0 shipments rebuilt, 0 of them differed\n"
    assert "there is no shipment NOPE" in awbridge("replay", "--reference", "NOPE").output
    for wrong in (("--all", "--list"), ("--restart",)):
        assert awbridge("replay", *wrong).exit_code == 1
    shown = awbridge("shipments", "show", "R1").output
    assert "delivery_attempt_count" in shown
    shipment = json.loads(awbridge("shipments", "show", "R1", "--json").stdout)
    assert (shipment["delivery_attempt_count"], shipment["ndr"], shipment["sla_breached"]) == (0, [], False)
    for option in ("--stuck", "--sla-breached", "--ndr", "--piece-exception"):
        assert awbridge("shipments", "list", option).stdout == "no shipments\n"
    assert awbridge("shipments", "list", "--stuck", "--ndr").exit_code == 1


async def _a_shipment_with_a_lost_box(url: str) -> None:
    store = await Store.open(url)
    try:
        await a_placed(store, children=("AWB1-1", "AWB1-2"))
        await deliver(store, *hooks(webhook("AWB1", 5, T0), webhook("AWB1-2", 16, T0 + HOUR), asked_for()))
    finally:
        await store.close()


def test_show_names_the_lost_box_and_the_return(awbridge: Any, tmp_path: Path) -> None:
    asyncio.run(_a_shipment_with_a_lost_box(f"sqlite:///{tmp_path}/cli.db"))
    lines = awbridge("shipments", "show", "R").output.splitlines()
    assert any("AWB1-2" in line and "Lost" in line and "lost" in line for line in lines)
    assert any("Return" in line and "RE1" in line for line in lines)
    shown = json.loads(awbridge("shipments", "show", "R", "--json").stdout)
    assert [(p["waybill"], p["exception"]) for p in shown["pieces"]] == [("AWB1-1", None), ("AWB1-2", "lost")]
    assert [r["kind"] for r in shown["returns"]] == ["return.placed"]
    listed = json.loads(awbridge("shipments", "list", "--piece-exception", "--json").stdout)
    assert [row["reference_number"] for row in listed["shipments"]] == ["R"]
