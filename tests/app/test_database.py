"""Opening the databases of the home and of its accounts."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from awbridge.app.accounts.overlay import account_settings
from awbridge.app.database import open_store
from awbridge.app.settings import Settings
from awbridge.domain.errors import SettingsError
from awbridge.store.engine.clocks.shared_time import SharedTime
from awbridge.store.engine.connections.servers import Servers
from tests.support.postgres import PostgresServer
from tests.support.rows import add, count

pytestmark = pytest.mark.heavy


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[SharedTime]:
    """The process's time as before its start; then what was measured."""
    shared, seen = SharedTime(), list[SharedTime]()
    measure = SharedTime.measure

    async def noted(self: SharedTime, session: object) -> float | None:
        seen.append(self)
        return await measure(self, session)  # pyright: ignore

    monkeypatch.setattr(SharedTime, "measure", noted)
    monkeypatch.setattr("awbridge.app.database.SHARED_TIME", shared)
    return seen


async def test_an_account_on_sqlite_has_a_file_of_its_own_beside_the_homes(
    tmp_path: Path, measured: list[SharedTime]
) -> None:
    home = Settings(database_url=f"sqlite:///{tmp_path}/awbridge.db")
    india = account_settings(home, "india", {})
    with pytest.raises(SettingsError, match="no database at"):
        async with open_store(india, migrate=True, create=False):
            pass
    assert not (tmp_path / "awbridge-accounts").exists()
    async with open_store(home, migrate=True) as store, open_store(india, migrate=True) as other:
        await add(other, "R")
        assert (await count(store, "shipments"), await count(other, "shipments")) == (0, 1)
        assert store.identity != other.identity
    assert len(measured) == 1, "the home says what time it is"
    assert stat.S_IMODE((tmp_path / "awbridge-accounts").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "awbridge-accounts" / "india.db").stat().st_mode) == 0o600


@pytest.mark.postgres
async def test_an_account_on_postgres_has_a_schema_of_its_own_on_the_homes_connections(
    postgres: PostgresServer, measured: list[SharedTime]
) -> None:
    home = Settings(database_url=await postgres.new_database())
    india, servers = account_settings(home, "india", {}), Servers()
    try:
        async with (
            open_store(home, migrate=True, servers=servers) as store,
            open_store(india, migrate=True, servers=servers) as other,
        ):
            await add(other, "R")
            assert (await count(store, "shipments"), await count(other, "shipments")) == (0, 1)
            assert other.schema == "account_india"
            assert store.identity != other.identity
        assert len(measured) == 1, "the home says what time it is"
    finally:
        await servers.close()


async def test_an_account_that_is_opened_alone_knows_what_time_it_is(
    tmp_path: Path, measured: list[SharedTime]
) -> None:
    india = account_settings(Settings(database_url=f"sqlite:///{tmp_path}/awbridge.db"), "india", {})
    for _ in range(2):
        async with open_store(india, migrate=True):
            pass
    assert len(measured) == 1
