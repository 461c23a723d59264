"""The place of an account's data: created empty, dropped with everything in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from awbridge.domain.errors import SettingsError, StoreError
from awbridge.private_files import make_private
from awbridge.steps.transfer.export import nobody
from awbridge.store import Store
from awbridge.store.backup.replace_file import locked
from awbridge.store.engine.connections.servers import Servers
from awbridge.store.engine.store import sqlite_file
from awbridge.store.transfer import tables

ACCOUNT_SCHEMA = "account_"  # how the schema of every account begins
_ACCOUNT_FOLDER = "-accounts"  # how the folder of accounts' SQLite files ends
_SIDE_FILES = ("-wal", "-shm", "-journal", "-lock")


async def make_folder(url: str) -> None:
    """Create the folder of a SQLite file, readable by its owner only, if it is not there. Raises SettingsError."""
    if file := sqlite_file(url):
        try:
            await asyncio.to_thread(make_private, file.absolute().parent)
        except OSError as error:
            raise SettingsError(f"cannot create the folder {file.absolute().parent}: {error.strerror}") from error


async def create_data(url: str, *, schema: str = "", servers: Servers | None = None, connections: int = 2) -> list[str]:
    """Create the schema or the file of an account, with its folder, and migrate it; the migrations that ran.

    What exists is only migrated. `connections`: as for `Store.open`; the first store on `servers` decides.

    Raises SettingsError, StoreError.
    """
    await make_folder(url)
    store = await Store.open(url, connections=connections, schema=schema, servers=servers)
    try:
        return await store.migrate()
    except StoreError as error:
        if "InsufficientPrivilege" not in str(error):
            raise
        raise StoreError(f"{error}. Its role must make schemas: GRANT CREATE ON DATABASE ... TO ...") from error
    finally:
        await store.close()


async def drop_data(
    url: str,
    *,
    home_url: str,
    schema: str = "",
    servers: Servers | None = None,
    connections: int = 2,
    on_done: Callable[[int], None] = nobody,
) -> int:
    """Delete the schema or the file of an account with all that is in it; how many tables there were.

    Table by table, each in a transaction of its own: it waits for none that is in use, locks no two at once, and can be
    called again where it was interrupted. `on_done` receives 1 after each.

    Raises SettingsError where this would be the home's data, StoreBusy or BackupError while the data are in use.
    """
    if file := sqlite_file(url):
        return await asyncio.to_thread(_delete_file, file, sqlite_file(home_url))
    if not schema.startswith(ACCOUNT_SCHEMA):
        raise SettingsError(f"only an account can be dropped, whose schema is named {ACCOUNT_SCHEMA}...: not the home")
    await _refuse_home(home_url, url, schema, servers, connections)
    store = await Store.open(url, connections=connections, schema=schema, servers=servers)
    try:
        return await _drop_schema(store, schema, on_done)
    finally:
        await store.close()


async def _refuse_home(home_url: str, url: str, schema: str, servers: Servers | None, connections: int) -> None:
    """Raise SettingsError where the home lies in this schema: its URL or its role may lead there."""
    if home_url != url:
        return
    home = await Store.open(home_url, connections=connections, servers=servers)
    try:
        async with home.read() as session:
            if await tables.default_schema(session) == schema:
                raise SettingsError(f"{schema} is the schema of the home, which cannot be dropped")
    finally:
        await home.close()


async def _drop_schema(store: Store, schema: str, on_done: Callable[[int], None]) -> int:
    async with store.read() as session:
        found = await tables.tables(session)
    for name in sorted(found, key=lambda name: name == tables.HISTORY):  # the history last
        async with store.write() as session:
            await tables.drop(session, name)
        on_done(1)
    async with store.write() as session:
        await tables.drop_schema(session, schema)
    return len(found)


def _delete_file(file: Path, home: Path | None) -> int:
    if home and file.resolve() == home.resolve():
        raise SettingsError(f"{file} is the database of the home, which cannot be dropped")
    if not file.exists():
        return 0
    with locked(file):
        file.unlink()
        for ending in _SIDE_FILES:
            Path(f"{file}{ending}").unlink(missing_ok=True)
    if file.parent.name.endswith(_ACCOUNT_FOLDER):
        with suppress(OSError):  # other accounts have their files there
            file.parent.rmdir()
    return 1
