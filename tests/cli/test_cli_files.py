"""The files that commands make: none by reading, and none that others may read."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from awbridge.app.settings import PREFIX
from awbridge.cli import main, output
from awbridge.cli.shared import CREATES_DATABASE
from awbridge.private_files import make_private, open_private
from awbridge.sinks.folder import Folder
from awbridge.store import Store
from tests.support.commands import commands
from tests.support.stores import migrated_file

pytestmark = pytest.mark.heavy

# Those start a service, or make a database of their own in a temporary folder.
STARTS = {"serve", "work", "demo", "drill", "sandbox"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working folder without settings, in a process whose new files others may read and write."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
    before = os.umask(0)
    yield tmp_path
    os.umask(before)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, input="{}")


def files(folder: Path) -> dict[str, str]:
    """Every file and folder in it with its mode."""
    return {str(path.relative_to(folder)): oct(stat.S_IMODE(path.stat().st_mode)) for path in sorted(folder.rglob("*"))}


def invocation(command: click.Command) -> list[str]:
    """Arguments with which a command gets as far as its database: `given` is a JSON file."""
    words: list[str] = []
    for parameter in command.params:
        values = {
            "number": "1",
            "action_id": "1",
            "reconciliation": "1",
            "url": "https://a.example/",
            "decision": "solve",
        }
        value = "given.json" if isinstance(parameter.type, click.Path) else values.get(parameter.name or "", "1")
        if isinstance(parameter.type, click.Choice):
            value = str(next(iter(parameter.type.choices)))
        if isinstance(parameter, click.Argument):
            words.append(value)
        elif parameter.required:
            words += [parameter.opts[-1], value]
    return words


def test_no_command_that_needs_a_database_creates_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "given.json").write_text("{}")
    monkeypatch.setenv("AWBRIDGE_CLICKPOST_USERNAME", "u")
    monkeypatch.setenv("AWBRIDGE_CLICKPOST_KEY", "k")
    asked, told, created = 0, 0, []
    for path, command in commands(main):
        if " ".join(path) in CREATES_DATABASE or path[0] in STARTS or path == ("migrate",):
            continue
        result = run(*path, *invocation(command))
        asked += 1
        told += "there is no database at" in result.output
        if any("awbridge.db" in name for name in files(folder)):
            created.append(" ".join(path))
            break
    assert created == []
    assert (asked > 80, told > 60) == (True, True), "the others need no database, or other arguments than given here"


def test_a_command_without_its_database_says_where_it_looked(folder: Path) -> None:
    result = run("shipments", "list")
    assert (result.exit_code, result.stderr) == (
        1,
        f"error: there is no database at {folder}/awbridge.db yet: awbridge serve or awbridge migrate creates it. "
        "AWBRIDGE_DATABASE_URL names another one\n",
    )


def test_a_dry_run_of_a_new_database_shows_every_migration_and_leaves_no_file(folder: Path) -> None:
    result = run("migrate", "--dry-run")
    assert (result.exit_code, result.stdout.count("to apply: ")) == (0, len(list_of_migrations()))
    assert files(folder) == {}


def list_of_migrations() -> list[Path]:
    import awbridge.store.engine.migrate as module

    return list((Path(module.__file__).parent / "migrations").glob("*.sql"))


def test_the_commands_that_may_create_a_database_exist() -> None:
    assert {" ".join(path) for path, _ in commands(main)} >= CREATES_DATABASE


def test_what_a_first_command_creates_is_private(folder: Path) -> None:
    result = run("couriers", "add", "delhivery", "--courier-partner-id", "4", "--account-code", "A")
    assert result.exit_code == 0, result.output
    assert {name: mode for name, mode in files(folder).items() if "awbridge.db" in name} == {
        "awbridge.db": "0o600",
        "awbridge.db-lock": "0o600",
    }


async def test_a_database_in_use_is_private(folder: Path) -> None:
    store = await Store.open(f"sqlite:///{folder}/a.db")
    await store.migrate()
    made = files(folder)
    await store.close()
    assert made == dict.fromkeys(("a.db", "a.db-lock", "a.db-shm", "a.db-wal"), "0o600")


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_an_exported_list_is_private(folder: Path, monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    monkeypatch.setenv("AWBRIDGE_DATABASE_URL", asyncio.run(migrated_file(folder, "a.db")))
    assert run("shipments", "export", f"list.{ending}").exit_code == 0
    assert run("couriers", "export", "--to", "couriers.csv").exit_code == 0
    made = files(folder)
    assert (made[f"list.{ending}"], made["couriers.csv"]) == ("0o600", "0o600")


async def test_objects_in_a_folder_and_written_files_are_private(folder: Path) -> None:
    await Folder(folder / "archive").put("calls/2026/11/a.jsonl.gz", b"x")
    output.write_file(folder / "evidence" / "one" / "a.zip", b"x")
    assert files(folder) == {
        "archive": "0o700",
        "archive/calls": "0o700",
        "archive/calls/2026": "0o700",
        "archive/calls/2026/11": "0o700",
        "archive/calls/2026/11/a.jsonl.gz": "0o600",
        "evidence": "0o700",
        "evidence/one": "0o700",
        "evidence/one/a.zip": "0o600",
    }


def test_existing_files_and_folders_keep_their_mode(folder: Path) -> None:
    (folder / "shared").mkdir(mode=0o755)
    (folder / "shared" / "list.csv").touch(mode=0o644)
    make_private(folder / "shared")
    with open_private(folder / "shared" / "list.csv") as out:
        out.write(b"x")
    assert files(folder) == {"shared": "0o755", "shared/list.csv": "0o644"}
