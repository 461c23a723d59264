"""The account that --account names: its settings, found in the file and in the home's database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace

from awbridge.app.accounts.account import Account
from awbridge.app.accounts.changes import AccountAdmin
from awbridge.app.database import open_store
from awbridge.app.load_settings import Configuration
from awbridge.app.settings import Settings
from awbridge.domain.errors import NotFound, NotPossible
from awbridge.store.accounts import wakes
from awbridge.store.engine.clocks.shared_time import SHARED_TIME
from awbridge.store.engine.store import sqlite_file


def configuration_of(found: Configuration, name: str, *, for_service: bool) -> Configuration:
    """The settings of an account instead of the home's, `found`. `for_service`: a process is to work for it.

    Raises NotFound, SettingsError with its problem, NotPossible where nobody may work for it.
    """
    account = asyncio.run(_account(found.settings, name))
    if for_service and account.suspended:
        raise NotPossible(f"it is suspended: awbridge accounts resume {name}")
    return replace(found, settings=account.checked(), sources=account.sources)


async def _account(home: Settings, name: str) -> Account:
    async with admin_of(home) as admin:
        return await known(admin, name)


@asynccontextmanager
async def admin_of(home: Settings) -> AsyncGenerator[AccountAdmin]:
    """The accounts, also before the home has a database: then those of the file."""
    file = sqlite_file(home.database_url)
    if file and not file.exists():
        yield AccountAdmin(home, None)
        return
    async with open_store(home, migrate=home.migrate_on_start, create=False) as store:
        yield AccountAdmin(home, store)


async def known(admin: AccountAdmin, name: str) -> Account:
    """The account of this name. Raises NotFound."""
    found = await admin.find(name)
    if found is None:
        raise NotFound(f"there is no account {name}; awbridge accounts list shows them all")
    return found


async def wake(home: Settings, name: str) -> None:
    """Tell the services that the account may have work. Does nothing where the home has no database yet."""
    file = sqlite_file(home.database_url)
    if file and not file.exists():
        return
    async with open_store(home, migrate=False, create=False) as store, store.write() as session:
        await wakes.add(session, name, due_at=SHARED_TIME.now())
