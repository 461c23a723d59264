"""Backups and restores as an operator types them, and as the schedule runs them."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result

from awbridge.app import backups
from awbridge.app.jobs import jobs
from awbridge.app.load_settings import load_settings
from awbridge.cli import main
from awbridge.domain.errors import SettingsError
from awbridge.steps.runtime.schedule import run_due
from awbridge.store import Store
from awbridge.store.backup.backups import last_backup
from tests.support.processes import bridge_environment
from tests.support.rows import add, fetch
from tests.support.stores import migrated_file
from tests.support.world import SetClock

pytestmark = pytest.mark.heavy


@pytest.fixture
def database(tmp_path: Path) -> str:
    async def fill() -> str:
        url = await migrated_file(tmp_path, "cli.db")
        store = await Store.open(url)
        await add(store, "R1")
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
    monkeypatch.setenv("AWBRIDGE_BACKUP_URL", f"file://{tmp_path}/backups-here")

    def run(*arguments: str, answer: str = "") -> Result:
        return CliRunner().invoke(main, arguments, input=answer)

    return run


def test_a_backup_covers_the_files_of_all_accounts(awbridge: Any, tmp_path: Path) -> None:
    names = ("gulf", "india", "later")
    (tmp_path / "awbridge.toml").write_text(
        "\n".join(f'[accounts.{name}]\nclickpost_username = "{name}"\nclickpost_key = "k"' for name in names)
    )
    folder = tmp_path / "cli-accounts"
    folder.mkdir()
    for name in names[:2]:
        asyncio.run(migrated_file(folder, f"{name}.db"))
    done = awbridge("backup", "--json")
    assert done.exit_code == 0, done.output
    assert [one["account"] for one in json.loads(done.stdout)] == ["", *names[:2]], "the third has no data yet"
    assert len(list((tmp_path / "backups-here").rglob("accounts/india/**/*.db.gz"))) == 1
    (folder / "gulf.db").write_bytes(b"damaged")
    broken = awbridge("backup")
    assert broken.exit_code == 1
    assert "gulf: the backup could not be made" in broken.stderr
    assert [line.partition(":")[0] for line in broken.stdout.splitlines()] == ["home", "india"]


def test_a_backup_is_made_listed_and_restored(awbridge: Any, tmp_path: Path) -> None:
    made = json.loads(awbridge("backup", "--json").output.partition("{")[2].join(("{", "")))
    assert awbridge("backup", "--to", "usb/copy.db.gz").exit_code == 0
    listed = json.loads(awbridge("restore", "--list", "--json").output)
    assert [one["name"] for one in listed] == [made["name"]]
    assert made["name"] in awbridge("backup", "list").output
    asked = awbridge("restore", "latest", answer="n\n")
    assert (asked.exit_code, "The old one is kept" in asked.output) == (1, True)
    assert not list(tmp_path.glob("*.before-restore-*"))
    restored = awbridge("restore", "latest", answer="y\n")
    assert restored.exit_code == 0, restored.output
    assert "      1  orders may be placed" in restored.output
    assert len(list(tmp_path.glob("cli.db.before-restore-*"))) == 1
    from_file = awbridge("restore", "usb/copy.db.gz", "--yes", "--json")
    assert json.loads(from_file.output[from_file.output.index("{") :])["counts"]["shipments_maybe_placed"] == 1
    from_url = awbridge("restore", f"file://{tmp_path}/usb/copy.db.gz", "--to", "look.db")
    assert "extracted to look.db" in from_url.output
    again = awbridge("after-restore")
    assert (again.exit_code, "was done at" in again.output) == (1, True)


def test_a_backup_of_another_tool_is_recorded(awbridge: Any, database: str) -> None:
    assert awbridge("backup", "record", "base backup", "--at", "2026-11-02 06:30").output == "recorded: base backup\n"
    assert "is in the future" in awbridge("backup", "record", "--at", "2099-01-01 00:00").output

    async def read() -> Any:
        store = await Store.open(database)
        async with store.read() as session:
            found = await last_backup(session)
        await store.close()
        return found

    found = asyncio.run(read())
    assert (found.taken_at, found.result) == (datetime(2026, 11, 2, 6, 30, tzinfo=UTC), "base backup")


@pytest.mark.parametrize(("arguments", "why"), [(("backup",), "this is for SQLite"), (("restore", "latest"), "record")])
def test_postgresql_is_backed_up_by_its_own_tools(
    awbridge: Any, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], why: str
) -> None:
    monkeypatch.setenv("AWBRIDGE_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    result = awbridge(*arguments)
    assert (result.exit_code, why in result.output) == (1, True)


def test_a_database_in_use_is_not_corrected(awbridge: Any, database: str) -> None:
    # In another process: SQLite's locks are a process's.
    code = "import apsw, sys; c = apsw.Connection(sys.argv[1]); c.execute('PRAGMA journal_mode = WAL').fetchall(); "
    code += "c.execute('SELECT 1 FROM shipments').fetchall(); print(flush=True); sys.stdin.read()"
    file = database.removeprefix("sqlite:///")
    with subprocess.Popen([sys.executable, "-c", code, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        other.stdout.readline()
        result = awbridge("after-restore", "--since", "2026-11-02 06:30")
        other.communicate()
    assert (result.exit_code, "is in use" in result.output) == (1, True)
    assert awbridge("after-restore", "--since", "2026-11-02 06:30").exit_code == 0


def test_what_cannot_be_restored_is_named(awbridge: Any) -> None:
    assert "there are no backups" in awbridge("restore", "latest").output
    assert "name what to restore" in awbridge("restore").output


def test_the_audit_log_names_who_restored(awbridge: Any, database: str) -> None:
    awbridge("backup")
    assert awbridge("restore", "latest", "--yes").exit_code == 0

    async def read() -> list[dict[str, Any]]:
        store = await Store.open(database)
        found = await fetch(store, "SELECT actor_kind, action, subject FROM audit_log")
        await store.close()
        return found

    assert asyncio.run(read()) == [{"actor_kind": "command", "action": "database.restored", "subject": "database"}]


async def test_the_schedule_backs_up_sqlite_once_and_postgresql_never(tmp_path: Path) -> None:
    url = await migrated_file(tmp_path)
    settings = load_settings(
        database_url=url, data_dir=str(tmp_path / "data"), backup_url=f"file://{tmp_path}/b", time_zone="UTC"
    )
    store, clock = await Store.open(url), SetClock(datetime(2026, 11, 2, 1, 0, tzinfo=UTC))
    world: dict[str, Any] = {"store": store, "clock": clock, "zone": ZoneInfo("UTC")}
    job = [one for one in jobs(settings, store, clock) if one.name == "backup"]
    await run_due(**world, jobs=job)
    clock.forward(hours=1)
    assert await run_due(**world, jobs=job) == 1
    assert await run_due(**world, jobs=job) == 0
    async with store.read() as session:
        last = await last_backup(session)
    await store.close()
    assert last
    assert last.result.startswith("20")
    assert len(list((tmp_path / "b" / "backups").iterdir())) == 2, "a backup and its manifest"
    assert "backup" not in dict(settings.replace(database_url="postgresql://x/y").crons)
    assert "backup" not in dict(settings.replace(backup_url="none").crons)
    assert backups.backup_within(settings) == timedelta(hours=36)
    assert backups.backup_within(settings.replace(backup_url="none")) is None
    with pytest.raises(SettingsError, match="AWBRIDGE_BACKUP_URL: 'ftp' is not supported"):
        jobs(settings.replace(backup_url="ftp://x"), store, clock)
