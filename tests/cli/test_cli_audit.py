"""The audit commands as an operator types them."""

from __future__ import annotations

import asyncio
import json
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from awbridge.app import policies
from awbridge.app.load_settings import load_settings
from awbridge.cli import main, shared
from awbridge.domain.errors import SettingsError
from awbridge.store import Store
from tests.support.evidence_rows import PHONE, call, keep, order_of
from tests.support.processes import bridge_environment
from tests.support.rows import add
from tests.support.smtp import smtp_server
from tests.support.stores import migrated_file

YESTERDAY = datetime.now(UTC) - timedelta(days=1)
DAY = YESTERDAY.date().isoformat()


@pytest.fixture
def database(tmp_path: Path) -> str:
    """A database with a shipment whose registration failed yesterday."""

    async def fill() -> str:
        url = await migrated_file(tmp_path, "cli.db")
        store = await Store.open(url)
        await add(store, "R1", payload=order_of("R1"), now=YESTERDAY)
        await keep(store, call("R1"), reference="R1", at=YESTERDAY)
        await store.close()
        return url

    return asyncio.run(fill())


@pytest.fixture
def awbridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: str) -> Any:
    """A function that runs one command in a new folder."""
    monkeypatch.chdir(tmp_path)
    for name, value in bridge_environment(database, "http://127.0.0.1:9", 0).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWBRIDGE_TIME_ZONE", "UTC")
    monkeypatch.setenv("AWBRIDGE_ARCHIVE_URL", f"file://{tmp_path}/archive")

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments)

    return run


def test_a_report_is_made_put_into_a_folder_and_mailed_once(
    awbridge: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with smtp_server() as post:
        monkeypatch.setenv("AWBRIDGE_SMTP_URL", post.url)
        monkeypatch.setenv("AWBRIDGE_MAIL_FROM", "bridge@shop.example")
        monkeypatch.setenv("AWBRIDGE_REPORT_TO", "ops@shop.example")
        monkeypatch.setenv("AWBRIDGE_REPORT_CLICKPOST_TO", "a@clickpost.example,b@clickpost.example")
        for _ in range(2):
            result = awbridge("report", "failures", "--date", DAY, "--out", "out", "--mail", "--json")
            assert result.exit_code == 0, result.output
        assert [m["To"] for m in post.mails] == ["ops@shop.example", "a@clickpost.example, b@clickpost.example"]
    own, theirs = json.loads(result.stdout)
    assert (own["shipments"], theirs["id"]) == (1, f"failures-{DAY}-clickpost")
    with zipfile.ZipFile(tmp_path / "out" / f"{own['id']}.zip") as archive:
        assert archive.namelist() == ["summary.html", "create-order.csv", "calls.jsonl"]
        assert PHONE not in archive.read("calls.jsonl").decode()
    early = awbridge("report", "failures", "--date", "2999-01-01", "--mail")
    assert early.exit_code == 1
    assert "is not over yet" in early.output


def test_the_evidence_of_a_shipment_is_written_to_a_file(awbridge: Any, tmp_path: Path) -> None:
    assert awbridge("evidence", "R1").output == "evidence-R1.zip\n"
    assert zipfile.is_zipfile(tmp_path / "evidence-R1.zip")
    assert "there is no shipment R9" in awbridge("evidence", "R9").output


def test_the_archive_is_filled_shown_emptied_and_refilled(awbridge: Any, tmp_path: Path) -> None:
    def status() -> dict[str, Any]:
        return json.loads(awbridge("archive", "status", "--json").stdout)

    assert status()["unfiled"] == 1
    assert awbridge("archive", "refill").output.startswith("0 files to upload again")
    assert (status()["archived"], status()["calls"]) == (1, 1)
    assert awbridge("archive", "empty").exit_code == 1
    assert awbridge("archive", "empty", "--yes").output == "1 files deleted\n"
    assert not [p for p in (tmp_path / "archive").rglob("*") if p.is_file()]
    assert awbridge("archive", "refill").output.startswith("1 files to upload again")
    assert (status()["archived"], status()["emptied"]) == (1, 0)


def test_without_an_archive_its_commands_name_the_setting(awbridge: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWBRIDGE_ARCHIVE_URL", "none")
    result = awbridge("archive", "refill")
    assert result.exit_code == 1
    assert "AWBRIDGE_ARCHIVE_URL" in result.output


def test_a_person_is_erased_once_the_parcel_has_ended(awbridge: Any) -> None:
    waiting = awbridge("erase", "--phone", PHONE, "--yes")
    assert waiting.exit_code == 1
    assert "have not ended yet" in waiting.output
    awbridge("shipments", "cancel", "R1")
    done = awbridge("erase", "--reference", "R1", "--json", "--yes")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["counts"]["shipments"] == 1
    assert PHONE not in awbridge("shipments", "show", "R1", "--json").output
    assert awbridge("erase").exit_code == 1


def test_an_erasure_shows_what_it_would_touch_and_asks(awbridge: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    awbridge("shipments", "cancel", "R1")
    shown = json.loads(awbridge("erase", "--phone", PHONE, "--dry-run", "--json").stdout)
    assert (shown["ended"], shown["waiting"], shown["rows"]["attempts"]) == (["R1"], [], 1)
    scripted = awbridge("erase", "--phone", PHONE)
    assert scripted.exit_code == 1
    assert "erased at once: 1 shipment (R1)\nrows with their data: 1 attempts" in scripted.stderr
    assert scripted.stderr.endswith(
        "error: this would erase this person's data for good, and there is no terminal to confirm it at; add --yes\n"
    )
    monkeypatch.setattr(shared, "at_a_terminal", lambda: True)
    refused = CliRunner().invoke(main, ["erase", "--phone", PHONE], input="n\n")
    assert (refused.exit_code, refused.stderr.splitlines()[-1]) == (1, "error: nothing was changed")
    assert PHONE in awbridge("shipments", "show", "R1", "--json").output
    agreed = CliRunner().invoke(main, ["erase", "--phone", PHONE], input="y\n")
    assert (agreed.exit_code, "Erase this person's data for good? [y/N]" in agreed.stderr) == (0, True)
    assert PHONE not in awbridge("shipments", "show", "R1", "--json").output


@pytest.mark.parametrize(
    "command",
    [
        ("archive", "empty"),
        ("links", "revoke", "R1"),
        ("endpoints", "remove", "1"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_undone_is_not_done_unasked(awbridge: Any, command: tuple[str, ...]) -> None:
    result = awbridge(*command)
    assert (result.exit_code, "no terminal to confirm it at; add --yes" in result.stderr) == (1, True)


def test_schedules_are_shown_before_they_ever_ran(awbridge: Any) -> None:
    shown = json.loads(awbridge("schedules", "--json").stdout)
    jobs = ("report-failures", "retain", "reconcile", "backup")
    assert [(s["job"], s["runs"]) for s in shown] == [(job, []) for job in jobs]
    assert "30 0 * * *" in awbridge("schedules").output


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ARCHIVE_OPTIONS", "region"),
        ("REPORT_CRON", "every day"),
        ("REPORT_TO", "somebody"),
        ("PRIVACY_OWN", "phone=hide"),
        ("ARCHIVE_FILE_MIB", "0"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(f"AWBRIDGE_{variable}", value)
    with pytest.raises(SettingsError, match=variable):
        load_settings()


def test_addresses_without_a_mail_server_are_refused_at_the_start() -> None:
    with pytest.raises(SettingsError, match="AWBRIDGE_SMTP_URL"):
        policies.report_policy(load_settings(report_to=("a@b.example",)))
