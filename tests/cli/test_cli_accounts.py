"""`awbridge accounts` and --account: the life of an account by command."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from awbridge.app.accounts.sealed import new_key
from awbridge.app.settings import PREFIX
from awbridge.cli import main
from awbridge.domain.people.audited import AuditAction
from awbridge.sinks.objects import Objects
from awbridge.steps.runtime.clock import utc_now
from awbridge.store import Store
from awbridge.store.accounts import account_figures
from awbridge.store.accounts.account_figures import AccountFigures
from awbridge.store.people import audit_log
from tests.support.s3 import S3Server
from tests.support.stores import migrated_file

pytestmark = pytest.mark.heavy

Run = Callable[..., Result]


@pytest.fixture
def awbridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A function that runs one command in a new folder, with the migrated database of a home and a key."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
    asyncio.run(migrated_file(tmp_path))
    monkeypatch.setenv("AWBRIDGE_ACCOUNTS_KEY", new_key())

    def run(*arguments: str, typed: str = "", code: int = 0) -> Result:
        result = CliRunner().invoke(main, arguments, input=typed)
        assert result.exit_code == code, result.output
        return result

    return run


def test_the_life_of_an_account(awbridge: Run, tmp_path: Path) -> None:
    added = awbridge(
        *("accounts", "add", "india", "--title", "Acme India", "--set", "clickpost_username=acme-in"),
        *("--secret", "clickpost_key", "--secret", "webhook_keys"),
        typed="s3cret\nhook\n",
    )
    assert added.stdout == "added india; its data are in awbridge-accounts/india.db\n"
    assert (tmp_path / "awbridge-accounts" / "india.db").exists()
    shown = awbridge("accounts", "show", "india")
    assert "s3cret" not in shown.output
    assert ["AWBRIDGE_CLICKPOST_KEY", "***", "database:", "table", "accounts"] in [
        line.split() for line in shown.stdout.splitlines()
    ]
    whole = json.loads(awbridge("accounts", "show", "india", "--json").stdout)
    assert [row["setting"] for row in whole["settings"]] == [
        "AWBRIDGE_CLICKPOST_USERNAME",
        "AWBRIDGE_CLICKPOST_KEY",
        "AWBRIDGE_WEBHOOK_KEYS",
    ]

    # Commands work on its own data.
    awbridge("--account", "india", "couriers", "add", "delhivery", "--courier-partner-id", "4")
    assert "delhivery" in awbridge("--account", "india", "couriers", "list").stdout
    assert "delhivery" not in awbridge("couriers", "list").stdout

    assert awbridge("accounts", "set", "india", "time_zone=Asia/Dubai").stdout == "changed india\n"
    assert awbridge("accounts", "unset", "india", "clickpost_username").stdout == "changed india\n"
    settings = json.loads(awbridge("--account", "india", "config", "show", "--json").stdout)
    found = {row["setting"].removeprefix(PREFIX).lower(): row for row in settings}
    assert (found["time_zone"]["value"], found["time_zone"]["source"]) == ("Asia/Dubai", "database")
    assert found["clickpost_username"]["value"] is None

    refused = awbridge("accounts", "drop", "india", "--yes", code=1)
    assert refused.stderr == "error: india is not suspended: awbridge accounts suspend india\n"
    assert awbridge("accounts", "suspend", "india").stdout == "suspended india\n"
    (row,) = json.loads(awbridge("accounts", "list", "--json").stdout)
    assert (row["state"], row["title"], row["source"]) == ("suspended", "Acme India", "database")
    assert awbridge("--account", "india", "work", code=1).stderr == (
        "error: account india: it is suspended: awbridge accounts resume india\n"
    )

    exported = json.loads(awbridge("accounts", "export", "india", "india.zip", "--json").stdout)
    assert (exported["account"], exported["file"]) == ("india", "india.zip")
    assert (tmp_path / "india.zip").stat().st_mode & 0o77 == 0
    awbridge("accounts", "add", "bharat")
    unready = awbridge("accounts", "import", "bharat", "india.zip", code=1).stderr
    assert "bharat is not suspended, so services may use it" in unready
    awbridge("accounts", "suspend", "bharat")
    imported = awbridge("accounts", "import", "bharat", "india.zip").stdout
    assert imported.startswith(f"imported {exported['rows']:,} rows into bharat")
    assert "delhivery" in awbridge("--account", "bharat", "couriers", "list").stdout

    assert "there is no terminal to confirm it at; add --yes" in awbridge("accounts", "drop", "india", code=1).stderr
    file = tmp_path / "awbridge-data" / "accounts" / "india" / "reports" / "r.csv"
    file.parent.mkdir(parents=True)
    file.write_text("x")
    dropped = awbridge("accounts", "drop", "india", "--yes").stdout.splitlines()
    assert dropped[:2] == ["dropped india", "deleted awbridge-accounts/india.db"]
    assert dropped[2:] == [f"deleted {file.parent.parent} (1 file)"]
    assert not file.parent.parent.exists()
    assert not (tmp_path / "awbridge-accounts" / "india.db").exists()
    assert [account["name"] for account in json.loads(awbridge("accounts", "list", "--json").stdout)] == ["bharat"]
    assert awbridge("accounts", "resume", "bharat").stdout == "resumed bharat\n"
    assert recorded(tmp_path) == {
        *(AuditAction.ACCOUNT_ADDED, AuditAction.ACCOUNT_CHANGED, AuditAction.ACCOUNT_SUSPENDED),
        *(AuditAction.ACCOUNT_EXPORTED, AuditAction.ACCOUNT_IMPORTED, AuditAction.ACCOUNT_DROPPED),
        *(AuditAction.ACCOUNT_RESUMED, AuditAction.ACCOUNT_DROP_BEGUN),
    }


def recorded(folder: Path) -> set[str]:
    """The actions in the home's audit log."""

    async def read() -> set[str]:
        store = await Store.open(f"sqlite:///{folder / 'awbridge.db'}")
        async with store.read() as session:
            found = await audit_log.page(session, limit=100)
        await store.close()
        return {entry.action for entry in found}

    return asyncio.run(read())


def test_the_name_is_typed_before_an_account_is_dropped(awbridge: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    awbridge("accounts", "add", "gulf")
    awbridge("accounts", "suspend", "gulf")
    monkeypatch.setattr("awbridge.cli.accounts.drop.at_a_terminal", lambda: True)
    refused = awbridge("accounts", "drop", "gulf", typed="yes\n", code=1).stderr
    assert refused.startswith("goes: awbridge-accounts/gulf.db\n")
    assert "nothing was changed" in refused
    assert "dropped gulf\n" in awbridge("accounts", "drop", "gulf", typed="gulf\n").stdout


def test_a_drop_deletes_the_files_of_the_account_and_no_others(awbridge: Run, tmp_path: Path) -> None:
    """A folder that was made for it goes as a whole; of another one what awbridge writes; nothing that is shared."""
    tables = {
        "derived": "",
        "own": 'data_dir = "own"\narchive_url = "file://archive"\n',
        "other": "",
        "within": 'data_dir = "within"\n',
        "inside": 'data_dir = "within/calls/inside"\n',
    }
    text = "".join(f"[accounts.{name}]\n{settings}" for name, settings in tables.items())
    (tmp_path / "awbridge.toml").write_text(text.replace("file://", f"file://{tmp_path}/"))
    data = tmp_path / "awbridge-data"
    goes = [data / "accounts/derived/calls/1", data / "accounts/derived/mine", tmp_path / "own/reports/1"]
    goes.append(tmp_path / "archive/calls/1")
    stays = [data / "calls/1", data / "accounts/other/calls/1", tmp_path / "own/mine", tmp_path / "archive/mine"]
    stays.append(tmp_path / "within/calls/inside/calls/1")
    for file in (*goes, *stays):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x")
    for name in ("derived", "own", "within"):
        awbridge("accounts", "suspend", name)
        planned = json.loads(awbridge("accounts", "drop", name, "--dry-run", "--json").stdout)
        assert all(file.exists() for file in stays)
        done = json.loads(awbridge("accounts", "drop", name, "--yes", "--json").stdout)
        assert done == planned | {"dropped": True}
    assert planned["keeps"] == [f"file://{tmp_path}/within: inside has its files there too"]
    assert all(file.exists() for file in stays)
    assert not any(file.exists() for file in goes)
    assert not (data / "accounts/derived").exists()
    awbridge("accounts", "suspend", "other")
    kept = awbridge("accounts", "drop", "other", "--yes", "--keep-files").stdout
    assert f"left for you to delete: {data}/accounts/other (1 file)" in kept


def test_an_interrupted_drop_goes_on_and_nobody_makes_the_account_again(
    awbridge: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "awbridge.toml").write_text("[accounts.india]\n")
    awbridge("accounts", "migrate")
    folder = tmp_path / "awbridge-data/accounts/india"
    folder.mkdir(parents=True)
    awbridge("accounts", "suspend", "india")

    def full(_path: Path) -> None:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as broken:
        broken.setattr("awbridge.app.accounts.leavings.shutil.rmtree", full)
        failed = awbridge("accounts", "drop", "india", "--yes", code=1).stderr
    assert failed.endswith(
        "Read-only file system. Correct that, and run awbridge accounts drop india again: it goes on\n"
    )
    (row,) = json.loads(awbridge("accounts", "list", "--json").stdout)
    assert (row["state"], "awbridge accounts drop india" in row["problem"]) == ("dropping", True)
    for command in (("accounts", "resume", "india"), ("--account", "india", "couriers", "list")):
        assert "awbridge accounts drop india" in awbridge(*command, code=1).stderr
    awbridge("migrate")
    assert not (tmp_path / "awbridge-accounts").exists()
    assert awbridge("accounts", "drop", "india", "--yes").stdout.startswith("dropped india\n")
    assert not folder.exists()
    (row,) = json.loads(awbridge("accounts", "list", "--json").stdout)
    assert (row["state"], row["problem"].partition(".")[0]) == ("dropped", "its data are dropped")
    awbridge("migrate")
    assert not (tmp_path / "awbridge-accounts").exists()
    awbridge("accounts", "resume", "india")
    awbridge("migrate")
    assert (tmp_path / "awbridge-accounts/india.db").exists()


def test_objects_in_a_bucket_are_named_and_deleted_when_that_is_asked(
    awbridge: Run, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, options = s3.url("drop"), s3.options()
    monkeypatch.setenv("AWBRIDGE_ARCHIVE_URL", home)
    monkeypatch.setenv("AWBRIDGE_ARCHIVE_OPTIONS", ",".join(f"{name}={value}" for name, value in options.items()))

    async def put(*urls: str) -> None:
        for url in urls:
            await Objects.open(url, options=options).put("reports/1", b"x")

    async def keys(url: str) -> list[str]:
        return await Objects.open(url, options=options).keys("reports/")

    asyncio.run(put(home, f"{home}/accounts/india", f"{home}/accounts/gulf"))
    for name in ("india", "gulf"):
        awbridge("accounts", "add", name)
        awbridge("accounts", "suspend", name)
    kept = awbridge("accounts", "drop", "gulf", "--yes").stdout
    assert f"left for you to delete: {home}/accounts/gulf (1 object)" in kept
    gone = awbridge("accounts", "drop", "india", "--yes", "--objects").stdout
    assert f"deleted {home}/accounts/india (1 object)" in gone
    assert asyncio.run(keys(f"{home}/accounts/india")) == []
    assert asyncio.run(keys(home)) == ["reports/1"]
    assert asyncio.run(keys(f"{home}/accounts/gulf")) == ["reports/1"]


def test_an_account_that_gets_data_of_before_says_so(awbridge: Run, tmp_path: Path) -> None:
    assert awbridge("accounts", "add", "gulf").stderr == ""
    asyncio.run(migrated_file(tmp_path, "awbridge-accounts/india.db"))
    said = awbridge("accounts", "add", "india").stderr
    assert said == "warning: awbridge-accounts/india.db was there before: india has the data that are in it\n"
    (tmp_path / "file").touch()
    failed = awbridge(
        "accounts", "add", "there", "--secret", "database_url", typed="sqlite:///file/x.db\n", code=1
    ).stderr
    assert failed.startswith("error: there is added, but its file could not be made: cannot create the folder")
    assert failed.endswith("run awbridge accounts migrate there\n")


def test_secrets_are_never_typed_into_the_command(awbridge: Run) -> None:
    refused = awbridge("accounts", "add", "india", "--set", "clickpost_key=s3cret", code=1)
    assert refused.stderr.startswith("error: clickpost_key is secret; write --secret clickpost_key")
    assert "s3cret" not in refused.output
    missing = awbridge("accounts", "add", "india", "--secret", "clickpost_key", code=1)
    assert "there is no terminal to ask for clickpost_key at" in missing.stderr
    assert awbridge("accounts", "list").stdout == "no accounts; there is the home alone\n"


def test_accounts_of_the_file_need_no_command(awbridge: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "awbridge.toml").write_text("[accounts.india]\n[accounts.gulf]\npush_batch = 0\n")
    monkeypatch.setenv("AWBRIDGE_ACCOUNTS__GLUF__CLICKPOST_KEY", "s3cret")
    listed = awbridge("accounts", "list", "--json", code=1)
    assert "AWBRIDGE_ACCOUNTS__GLUF__CLICKPOST_KEY is of no account" in listed.stderr
    found = {row["name"]: row for row in json.loads(listed.stdout)}
    assert (found["india"]["state"], found["india"]["problem"]) == (
        "active",
        "not worked for: [accounts.india] clickpost_username is not set. It is the username ClickPost gave you.",
    )
    assert found["gulf"]["state"] == "broken"
    assert "push_batch (awbridge.toml, line 3) must be" in found["gulf"]["problem"]
    broken = awbridge("--account", "gulf", "couriers", "list", code=1)
    assert broken.stderr.startswith("error: account gulf: [accounts.gulf] push_batch (awbridge.toml, line 3)")
    plan = awbridge("migrate", "--dry-run", "--json", code=1)
    assert {row["account"] for row in json.loads(plan.stdout)} == {"india"}
    done = awbridge("migrate", code=1)
    assert done.stdout.startswith("india: applied ")
    assert done.stderr.startswith("error: account gulf: [accounts.gulf] push_batch")
    assert awbridge("--account", "india", "couriers", "list").stdout.startswith("no transporters yet")
    assert awbridge("--account", "india", "migrate").stdout == "the schema is up to date\n"
    assert awbridge("accounts", "migrate", "india").stdout == "the schemas are up to date\n"


def test_an_account_that_there_is_not(awbridge: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = "error: account inda: there is no account inda; awbridge accounts list shows them all\n"
    assert awbridge("--account", "inda", "couriers", "list", code=1).stderr == expected
    monkeypatch.setenv("AWBRIDGE_ACCOUNT", "inda")
    assert awbridge("shipments", "list", code=1).stderr == expected
    for command in (("serve",), ("accounts", "list"), ("demo",)):
        refused = awbridge(*command, code=1).stderr
        assert refused == f"error: {command[0]} is not for one account; leave out --account and AWBRIDGE_ACCOUNT\n"


def test_a_new_key_encrypts_what_an_old_one_did(awbridge: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    old = os.environ["AWBRIDGE_ACCOUNTS_KEY"]
    awbridge("accounts", "add", "india", "--secret", "clickpost_key", typed="s3cret\n")
    new = awbridge("accounts", "key").stdout.strip()
    monkeypatch.setenv("AWBRIDGE_ACCOUNTS_KEY", f"{new},{old}")
    assert awbridge("accounts", "key", "--encrypt-again").stdout == "1 secrets encrypted again\n"
    monkeypatch.setenv("AWBRIDGE_ACCOUNTS_KEY", new)
    assert json.loads(awbridge("accounts", "list", "--json").stdout)[0]["state"] == "active"
    monkeypatch.delenv("AWBRIDGE_ACCOUNTS_KEY")
    assert json.loads(awbridge("accounts", "list", "--json", code=1).stdout)[0]["state"] == "broken"


def test_json_of_accounts_is_an_object_with_the_fields_of_csv(awbridge: Run) -> None:
    awbridge("accounts", "add", "india")
    (row,) = json.loads(awbridge("accounts", "list", "--json").stdout)
    header = awbridge("accounts", "list", "--csv").stdout.splitlines()[0]
    assert list[Any](row) == header.split(",")


def test_the_list_shows_what_accounts_had_to_do_and_how_long_ago_that_was_counted(
    awbridge: Run, tmp_path: Path
) -> None:
    awbridge(
        "accounts", "add", "india", "--set", "clickpost_username=acme", "--secret", "clickpost_key", typed="s3cret"
    )
    awbridge("accounts", "add", "gulf")
    assert "waiting" not in awbridge("accounts", "list").stdout

    async def count() -> None:
        store, now = await Store.open(f"sqlite:///{tmp_path / 'awbridge.db'}"), utc_now()
        figures = AccountFigures(
            account="india",
            orders=30,
            failed=7,
            deliveries=12,
            alarms=1,
            due_at=None,
            last_webhook_at=now,
            counted_at=now - timedelta(minutes=125),
        )
        async with store.write() as session:
            await account_figures.save(session, [figures])
        await store.close()

    asyncio.run(count())
    head, gulf, india = (line.split() for line in awbridge("accounts", "list").stdout.splitlines())
    assert head[-5:] == ["waiting", "failed", "alarms", "counted", "problem"]
    assert india[-6:] == ["42", "7", "1", "2", "h", "ago"]
    assert gulf[4].endswith("gulf.db")
    assert gulf[5:7] == ["not", "worked"], "ClickPost's account is not set"
    assert json.loads(awbridge("accounts", "show", "india", "--json").stdout)["waiting"] == 42
    awbridge("accounts", "suspend", "india")
    awbridge("accounts", "drop", "india", "--yes")
    assert "waiting" not in awbridge("accounts", "list").stdout
