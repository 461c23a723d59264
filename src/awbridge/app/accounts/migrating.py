"""The schemas of all accounts: what they lack, and bringing them up to date, one account after the other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from awbridge.app.accounts.account import Account
from awbridge.domain.errors import AwbridgeError
from awbridge.steps.transfer.life import create_data
from awbridge.store import Store
from awbridge.store.engine.connections.servers import Servers
from awbridge.store.engine.migrate import SchemaState, nothing_applied
from awbridge.store.engine.store import sqlite_file


@dataclass(frozen=True, slots=True, kw_only=True)
class MigratedAccount:
    """What became of an account: the migrations that were applied, or would be; `problem`: why that failed."""

    account: str
    state: SchemaState
    applied: tuple[str, ...] = ()
    problem: str = ""


async def migrate_accounts(found: Iterable[Account], *, dry_run: bool) -> AsyncIterator[MigratedAccount]:
    """Migrate accounts, suspended ones too, not dropped ones; their schemas or files are created.

    A failure concerns one account.

    `dry_run`: only look.
    """
    servers = Servers()
    try:
        for account in found:
            if account.is_gone:
                continue
            if account.settings is None:
                yield MigratedAccount(account=account.name, state=nothing_applied(), problem=account.problem)
                continue
            try:
                yield await _migrate(account, servers, dry_run=dry_run)
            except AwbridgeError as error:
                yield MigratedAccount(account=account.name, state=nothing_applied(), problem=str(error))
    finally:
        await servers.close()


async def _migrate(account: Account, servers: Servers, *, dry_run: bool) -> MigratedAccount:
    settings = account.checked()
    url, schema = settings.database_url, settings.schema
    if not dry_run:
        applied = await create_data(url, schema=schema, servers=servers)
        return MigratedAccount(account=account.name, state=nothing_applied(), applied=tuple(applied))
    if (file := sqlite_file(url)) and not file.exists():
        return MigratedAccount(account=account.name, state=nothing_applied())
    store = await Store.open(url, connections=2, create=False, schema=schema, servers=servers)
    try:
        return MigratedAccount(account=account.name, state=await store.schema_state())
    finally:
        await store.close()
