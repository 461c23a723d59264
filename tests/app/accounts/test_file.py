"""The accounts of an edited file of settings take effect while a process runs; a broken file changes nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import structlog

from awbridge.app.accounts.changes import AccountAdmin
from awbridge.app.accounts.file import SETTLED, AccountsFile
from awbridge.app.accounts.hosting import HostedAccount
from awbridge.app.accounts.registry import AccountRegistry
from awbridge.app.load_settings import load_settings
from awbridge.app.settings import Settings
from awbridge.steps.runtime.clock import utc_now
from awbridge.steps.runtime.report_process import ReportProcess
from awbridge.store import Store
from tests.support.stores import sqlite_only, store, store_url  # noqa: F401
from tests.support.world import SetClock

pytestmark = pytest.mark.heavy

INDIA = '[accounts.india]\ntime_zone = "Asia/Kolkata"\n'


class Written:
    """A file of settings, the process that reads it, and its clocks."""

    def __init__(self, folder: Path, text: str) -> None:
        self.path, self.changed_at, self.steady = folder / "awbridge.toml", 1_000.0, 0.0
        self.write(text)
        self.home = load_settings(config=self.path)
        self.file = AccountsFile(self.home.accounts, now=lambda: self.changed_at + self.age, steady=lambda: self.steady)
        self.registry = AccountRegistry(self.home, None, self.file)

    def write(self, text: str, *, age: float = SETTLED) -> None:
        """Replace the content, `age` seconds ago."""
        self.path.write_text(text)
        self.changed_at, self.age = self.changed_at + 10, age
        os.utime(self.path, (self.changed_at, self.changed_at))

    async def names(self) -> set[str]:
        return set(await self.registry.all())


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Written:
    monkeypatch.chdir(tmp_path)
    return Written(tmp_path, f'time_zone = "UTC"\n{INDIA}')


async def test_an_edited_file_adds_changes_and_removes_accounts(written: Written) -> None:
    before = await written.registry.all()
    assert await written.registry.all() is before
    written.write('time_zone = "UTC"\n\n[accounts.gulf]\n' + INDIA)
    after = await written.registry.all()
    assert set(after) == {"gulf", "india"}
    place = after["india"].sources["time_zone"].place
    assert place.endswith("line 5")
    same = [HostedAccount(found["india"]).version for found in (before, after)]
    assert same[0] == same[1], "an account that only moved within the file is not opened anew"
    written.write('time_zone = "UTC"\n[accounts.india]\ntime_zone = "Asia/Dubai"\n')
    changed = await written.registry.all()
    assert set(changed) == {"india"}
    assert changed["india"].checked().time_zone == "Asia/Dubai"
    assert HostedAccount(changed["india"]).version != same[0]


@pytest.mark.parametrize("broken", ["[accounts.india\n", "accounts = 3\n", None])
async def test_a_broken_file_changes_nothing_and_is_reported_once(written: Written, broken: str | None) -> None:
    before = await written.registry.all()
    with structlog.testing.capture_logs() as logged:
        if broken is None:
            written.path.unlink()
            await written.registry.all()
            written.steady += SETTLED
        else:
            written.write(broken)
        for _ in range(3):
            assert await written.registry.all() is before
    assert [line["event"] for line in logged] == ["accounts.file_not_read"]
    assert written.file.problem.endswith("Until then, the accounts stay as they were")
    assert str(written.path) in written.file.problem
    written.write(INDIA.replace("india", "gulf"))
    assert await written.names() == {"gulf"}
    assert written.file.problem == ""


async def test_a_file_that_is_being_written_is_read_once_it_rests(written: Written) -> None:
    written.write("[accounts.half]\n", age=0.1)
    assert await written.names() == {"india"}
    written.write("[accounts.half]\n[accounts.whole]\n", age=0.1)
    written.steady += SETTLED
    assert await written.names() == {"india"}, "it has changed since the last look"
    written.steady += SETTLED
    assert await written.names() == {"half", "whole"}


async def test_what_stands_above_the_tables_waits_for_a_restart(written: Written) -> None:
    await written.registry.all()
    with structlog.testing.capture_logs() as logged:
        written.write('time_zone = "Asia/Dubai"\nsmtp_url = "smtp://s3cret@x"\n[accounts.gulf]\n')
        found = await written.registry.all()
    assert found["gulf"].checked().time_zone == "UTC"
    assert [line.get("settings") for line in logged] == [None, ["smtp_url", "time_zone"]]
    assert "s3cret" not in str(logged)


async def test_a_file_that_is_made_later_counts_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = AccountsFile(load_settings().accounts)
    file.look()
    assert (file.problem, list(file.configured.tables)) == ("", [])
    Path("awbridge.toml").write_text(INDIA)
    os.utime("awbridge.toml", (1.0, 1.0))
    file.look()
    assert list(file.configured.tables) == ["india"]


async def test_settings_that_came_from_no_file_follow_none(written: Written) -> None:
    """The demo runs beside the file of an installation, and has nothing to do with its accounts."""
    assert written.path.exists()
    assert await AccountRegistry(Settings(), None).all() == {}


@sqlite_only
async def test_every_process_says_what_is_wrong_with_its_file(store: Store, written: Written) -> None:  # noqa: F811
    written.write("[accounts")
    await written.registry.all()
    clock = SetClock(utc_now())
    report = ReportProcess(store=store, clock=clock, kind="work", problem=lambda: written.file.problem)
    await report.check()
    elsewhere = AccountAdmin(written.home, store)
    (problem,) = await elsewhere.file_problems()
    assert problem.endswith("Until then, the accounts stay as they were")
    written.write(INDIA)
    await written.registry.all()
    clock.forward(seconds=30)
    await report.check()
    assert await elsewhere.file_problems() == []
