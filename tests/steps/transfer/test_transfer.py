"""An account's data as a whole: every row of every table arrives, on either engine, or nothing does."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import count as count_up
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import apsw
import asyncpg
import pytest

from awbridge.domain.errors import BackupError, SettingsError, StoreBusy, StoreError, TransferError
from awbridge.domain.transfer.manifest import Kind
from awbridge.steps.transfer import export
from awbridge.steps.transfer.export import export_account
from awbridge.steps.transfer.life import create_data, drop_data
from awbridge.steps.transfer.load import import_account, manifest_of
from awbridge.store import Store
from awbridge.store.engine import migrate
from awbridge.store.engine.connections.servers import Servers
from awbridge.store.transfer import tables
from tests.support.postgres import PostgresServer
from tests.support.rows import T0, add, count, fetch, sql
from tests.support.stores import migrated_file, open_directly, postgres_only
from tests.support.world import SetClock

pytestmark = pytest.mark.heavy

CLOCK = SetClock(T0)
ROWS = 7  # of each table

_TEXTS = ("", "गली नं. ५ 🏠", 'it\'s "so"\\\n\t\x1e\x1d', "NULL", "null", "0", "2026-11-02T00:00:00Z")


def value(kind: Kind, number: int, *, is_key: bool) -> Any:
    """A value of each kind, with what is easily lost."""
    if kind is Kind.TEXT:
        return f"{number}{_TEXTS[number % len(_TEXTS)]}" if is_key else _TEXTS[number % len(_TEXTS)]
    if kind is Kind.TIME:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number, microseconds=number)
    if kind is Kind.BYTES:
        return bytes(range(256)) * (number + 1)
    if kind is Kind.BOOLEAN:
        return number % 2 == 0
    if kind is Kind.FLOAT:
        return 0.1 * number
    return {Kind.SMALLINT: 1, Kind.INTEGER: 70_000, Kind.BIGINT: 2**53 + 1}[kind] + number


async def fill(store: Store) -> None:
    """Rows in every table: all columns set, and as many empty as may be."""
    async with store.write() as session:
        for table in (await tables.tables(session)).values():
            if table.name == tables.HISTORY:
                continue
            kinds = dict(zip(table.columns, table.kinds, strict=True))
            full = [[value(kinds[c], n, is_key=c in table.key) for c in table.columns] for n in range(ROWS)]
            await tables.add(session, table, table.columns, full)
            required = [c for c in table.columns if c in table.key]
            lean = [[value(kinds[c], ROWS + n, is_key=True) for c in required] for n in range(2)]
            await session.execute(sql("SAVEPOINT lean"))
            try:
                await tables.add(session, table, required, lean)
            except (StoreError, asyncpg.NotNullViolationError, apsw.ConstraintError):  # a column may not be empty
                await session.execute(sql("ROLLBACK TO SAVEPOINT lean"))


async def everything(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    async with store.read() as session:
        return {
            table.name: [
                tuple(row[c] for c in sorted(table.columns))
                for row in await tables.page(session, table, after=(), limit=10_000)
            ]
            for table in (await tables.tables(session)).values()
            if table.name != tables.HISTORY
        }


class Places:
    """Databases of accounts on each engine, empty or migrated."""

    def __init__(self, folder: Path, server: PostgresServer | None) -> None:
        self.folder = folder
        self.servers = Servers()
        self._server = server
        self._number = 0
        self.opened: list[Store] = []

    async def new(self, engine: str) -> Store:
        self._number += 1
        if engine == "sqlite":
            store = await Store.open(f"sqlite:///{self.folder}/{self._number}.db")
        else:
            assert self._server
            schema = f"account_{self._number}"
            store = await open_directly(self._server.url(), schema=schema, servers=self.servers, connections=3)
        self.opened.append(store)
        return store

    async def close(self) -> None:
        for store in self.opened:
            await store.close()
            if self._server and store.schema:
                self._server.execute(self._server.url(), f"DROP SCHEMA IF EXISTS {store.schema} CASCADE")
        await self.servers.close()


@pytest.fixture
async def places(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Places]:
    with_server = request.node.get_closest_marker("postgres")
    found = Places(tmp_path, request.getfixturevalue("postgres") if with_server else None)
    yield found
    await found.close()


@pytest.mark.postgres
async def test_a_moved_account_has_the_same_rows(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From one engine to the other, to another server's, and back."""
    monkeypatch.setattr(export, "MOST_ROWS", 3)  # several pages of each table
    store = await places.new("sqlite")
    await store.migrate()
    await fill(store)
    before = await everything(store)
    assert min(map(len, before.values())) >= ROWS
    for number, engine in enumerate(("postgres", "postgres", "sqlite", "sqlite")):
        there, file, done, loaded = store.dialect, tmp_path / f"{number}.zip", list[int](), list[int]()
        made = await export_account(store=store, file=file, account="india", clock=CLOCK, on_rows=done.append)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert (made.account, made.dialect, made.exported_at, made.schema) == ("india", there, T0, migrate.own_schema())
        assert manifest_of(file) == made
        assert sum(done) == made.rows
        store = await places.new(engine)
        assert await import_account(store=store, file=file, on_rows=loaded.append) == made
        assert sum(loaded) == made.rows - made.counts[tables.HISTORY]
        assert await everything(store) == before
        assert await store.pending_migrations() == []


async def test_an_export_is_of_one_moment(store: Store, tmp_path: Path) -> None:
    ended = False

    async def write() -> None:
        number = 0
        while not ended:
            number += 1
            await add(store, f"R-{number}")
            await asyncio.sleep(0)

    writing = asyncio.create_task(write())
    while await count(store, "shipments") < 5:
        await asyncio.sleep(0.005)
    async with store.snapshot() as session:
        first = await tables.count(session, "shipments")
        while await count(store, "shipments") < first + 5:
            await asyncio.sleep(0.005)
        assert await tables.count(session, "shipments") == first
    ended = True
    await writing
    made = await export_account(store=store, file=tmp_path / "a.zip", account="a", clock=CLOCK)
    assert made.counts["shipments"] == await count(store, "shipments")


async def exported(folder: Path) -> tuple[Store, Path]:
    """An account on SQLite with one order, and its export."""
    store = await Store.open(await migrated_file(folder, "old.db"))
    await add(store, "R")
    file = folder / "old.zip"
    await export_account(store=store, file=file, account="a", clock=CLOCK)
    return store, file


_numbers = count_up()


def rewritten(file: Path, **entries: bytes | None) -> Path:
    """A copy of an export in which entries are others, or missing."""
    copy = file.with_name(f"{next(_numbers)}.zip")
    with ZipFile(file) as source, ZipFile(copy, "w", ZIP_DEFLATED) as target:
        for name in source.namelist():
            short = Path(name).stem
            content = entries.get(short, source.read(name))
            if content is not None:
                target.writestr(name, content)
    return copy


async def test_a_damaged_file_imports_nothing(tmp_path: Path) -> None:
    _, file = await exported(tmp_path)
    new = await Store.open(f"sqlite:///{tmp_path}/new.db")
    with ZipFile(file) as archive:
        line, manifest = archive.read("tables/shipments.jsonl"), json.loads(archive.read("manifest.json"))
    cut = tmp_path / "cut.zip"
    cut.write_bytes(file.read_bytes()[:-200])
    (tmp_path / "text.zip").write_bytes(b"no archive")
    wrong = [
        (cut, "not an export"),
        (tmp_path / "text.zip", "not an export"),
        (tmp_path / "none.zip", "there is no file"),
        (rewritten(file, manifest=None), "not an export"),
        (rewritten(file, manifest=b"{}"), "manifest.json is not that of an export"),
        (rewritten(file, manifest=json.dumps(manifest | {"format": 2}).encode()), "format 2; this version"),
        (rewritten(file, shipments=b""), "0 rows of 1"),
        (rewritten(file, shipments=line.replace(b'"R"', b'"S"')), "another checksum"),
        (rewritten(file, shipments=b"[1]\n"), "1 values for"),
        (rewritten(file, shipments=b"{\n"), "damaged"),
        (rewritten(file, shipments=None), "damaged"),
    ]
    for broken, message in wrong:
        with pytest.raises(TransferError, match=message):
            await import_account(store=new, file=broken)
        broken.unlink(missing_ok=True)
    assert not any(rows for rows in (await everything(new)).values())
    await import_account(store=new, file=file)
    assert await count(new, "shipments") == 1


async def test_an_account_with_data_is_not_written_to(tmp_path: Path) -> None:
    old, file = await exported(tmp_path)
    with pytest.raises(TransferError, match=r"has data already: \w+ has rows"):
        await import_account(store=old, file=file)
    with pytest.raises(TransferError, match=r"old\.zip exists"):
        await export_account(store=old, file=file, account="a", clock=CLOCK)
    empty = await Store.open(f"sqlite:///{tmp_path}/empty.db")
    with pytest.raises(TransferError, match="has no tables"):
        await export_account(store=empty, file=tmp_path / "b.zip", account="b", clock=CLOCK)
    assert not (tmp_path / "b.zip").exists()


async def test_what_running_processes_note_does_not_stand_in_the_way(tmp_path: Path) -> None:
    _, file = await exported(tmp_path)
    new = await Store.open(await migrated_file(tmp_path, "new.db"))
    async with new.write() as session:
        await session.execute(sql("INSERT INTO clock_marks (id, latest_at) VALUES (1, $1)"), T0)
    await import_account(store=new, file=file)
    assert (await count(new, "shipments"), await count(new, "clock_marks")) == (1, 0)


@pytest.mark.postgres
async def test_an_export_of_an_older_version_is_migrated_after_it_was_imported(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = migrate.migrations()
    old, new = await places.new("sqlite"), await places.new("postgres")
    older = every[:-1]
    monkeypatch.setattr(migrate, "migrations", lambda: older)
    await old.migrate()
    await export_account(store=old, file=tmp_path / "a.zip", account="a", clock=CLOCK)
    monkeypatch.setattr(migrate, "migrations", lambda: every)
    await new.migrate()  # created by this version, and empty
    made = await import_account(store=new, file=tmp_path / "a.zip")
    assert made.schema == older[-1].number
    assert await new.pending_migrations() == []
    monkeypatch.setattr(migrate, "migrations", lambda: older)
    await export_account(store=new, file=tmp_path / "b.zip", account="a", clock=CLOCK)
    empty = await places.new("sqlite")
    with pytest.raises(TransferError, match=rf"does not know its migration {every[-1].name}\. Install"):
        await import_account(store=empty, file=tmp_path / "b.zip")
    assert await empty.pending_migrations() == [m.name for m in older], "nothing was made"


async def test_an_account_on_sqlite_is_created_and_dropped_with_its_files(tmp_path: Path) -> None:
    home = await migrated_file(tmp_path)
    url = f"sqlite:///{tmp_path}/awbridge-accounts/india.db"
    assert await create_data(url) == [m.name for m in migrate.migrations()]
    assert await create_data(url) == []
    folder = tmp_path / "awbridge-accounts"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    store = await Store.open(url)
    with pytest.raises(BackupError, match="in use"):
        await drop_data(url, home_url=home)
    await add(store, "R")
    await store.close()
    assert await drop_data(url, home_url=home) == 1
    assert not folder.exists()
    assert await drop_data(url, home_url=home) == 0
    with pytest.raises(SettingsError, match="database of the home"):
        await drop_data(home, home_url=home)
    assert (tmp_path / "awbridge.db").exists()


@pytest.mark.postgres
async def test_an_account_on_postgres_is_created_and_dropped_and_no_other(postgres: PostgresServer) -> None:
    url, servers = await postgres.new_database(), Servers()
    for schema in ("account_a", "account_b"):
        assert len(await create_data(url, schema=schema, servers=servers)) == len(migrate.migrations())
    store = await open_directly(url, schema="account_b", servers=servers)
    await add(store, "R")
    postgres.execute(url, "CREATE VIEW account_a.own AS SELECT 1")
    done: list[int] = []
    dropped = await drop_data(url, home_url=url, schema="account_a", servers=servers, on_done=done.append)
    assert dropped == len(done) > 50
    left = await fetch(store, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'account%'")
    assert [row["nspname"] for row in left] == ["account_b"]
    assert await count(store, "shipments") == 1
    assert await drop_data(url, home_url=url, schema="account_a", servers=servers) == 0
    for home in ("", "public"):
        with pytest.raises(SettingsError, match="not the home"):
            await drop_data(url, home_url=url, schema=home, servers=servers)
    await servers.close()
    led = f"{url}?search_path=account_b"
    with pytest.raises(SettingsError, match="schema of the home"):
        await drop_data(led, home_url=led, schema="account_b")


@pytest.mark.postgres
async def test_a_role_that_may_make_no_schema_is_told_what_it_needs(postgres: PostgresServer) -> None:
    url = await postgres.new_database()
    postgres.execute(url, "DROP ROLE IF EXISTS poor; CREATE ROLE poor LOGIN")
    with pytest.raises(StoreError, match=r"permission denied for database.*GRANT CREATE ON DATABASE"):
        await create_data(url.replace("awbridge@", "poor@"), schema="account_a")
    postgres.execute(url, "DROP ROLE poor")


@pytest.mark.postgres
async def test_a_table_that_is_in_use_is_not_dropped_and_the_drop_can_go_on(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, servers = await postgres.new_database(), Servers()
    await create_data(url, schema="account_a", servers=servers, connections=4)
    monkeypatch.setattr(tables._sql, "wait_briefly", sql("SELECT set_config('lock_timeout', '20ms', true)"))  # pyright: ignore
    store = await open_directly(url, schema="account_a", servers=servers)
    async with store.write() as writing:
        await writing.execute(sql("SELECT 1 FROM shipments"))
        with pytest.raises(StoreBusy, match="LockNotAvailable"):
            await drop_data(url, home_url="", schema="account_a", servers=servers)
    assert await drop_data(url, home_url="", schema="account_a", servers=servers) > 0
    await servers.close()


@postgres_only
async def test_a_snapshot_writes_nothing(store: Store) -> None:
    with pytest.raises(StoreError):
        async with store.snapshot() as session:
            await session.execute(sql("DELETE FROM shipments"))
