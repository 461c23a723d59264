"""Behind PgBouncer: its mode is found, what cannot be safe is refused, and answers are never mixed up."""

from __future__ import annotations

import asyncio
import re
from contextlib import nullcontext
from pathlib import Path

import asyncpg
import pytest

import awbridge
from awbridge.app.doctor.diagnosis import CheckContext
from awbridge.app.doctor.postgres import check_pooler
from awbridge.app.settings import Settings
from awbridge.domain.errors import SettingsError, StoreError
from awbridge.steps.runtime.clock import utc_now
from awbridge.store import Store
from awbridge.store.engine.detect import pooler
from awbridge.store.engine.detect.pooler import Pooling, declared
from awbridge.store.engine.detect.primary import Primary
from awbridge.store.engine.postgres import PostgresDatabase
from awbridge.store.orders import shipments
from awbridge.store.tracking import inbox
from tests.support.pgbouncer import pgbouncer
from tests.support.postgres import PostgresServer
from tests.support.rows import T0, add, count, delivery
from tests.support.stores import migrate

pytestmark = pytest.mark.postgres

URL = "postgresql://u:p%40w@one:5432,two/db"


def test_the_url_may_say_what_stands_before_the_server() -> None:
    assert declared(URL) == (URL, None)
    assert declared(f"{URL}?sslmode=require&pooler=transaction") == (f"{URL}?sslmode=require", Pooling.TRANSACTION)
    assert declared(f"{URL}?pooler=none") == (URL, Pooling.NONE)
    with pytest.raises(SettingsError, match=r"pooler=transaction, session or none, not 'statement'"):
        declared(f"{URL}?pooler=statement")


async def pooling(url: str) -> Pooling:
    database = await PostgresDatabase.connect(url)
    await database.close()
    return database.pooling


async def test_a_pooler_is_found_without_being_named(postgres: PostgresServer) -> None:
    url = postgres.url()
    assert await pooling(url) is Pooling.NONE
    assert await pooling(f"{url}?search_path=public") is Pooling.NONE
    with pgbouncer(url, pool_mode="transaction") as via:
        assert await pooling(via) is Pooling.TRANSACTION
    with pgbouncer(url, pool_mode="session") as via:
        assert await pooling(via) is Pooling.TRANSACTION, "always right, and its mode may change"
        assert await pooling(f"{via}?pooler=session") is Pooling.SESSION


async def test_what_would_mix_up_answers_does_not_start(postgres: PostgresServer) -> None:
    with pgbouncer(postgres.url(), pool_mode="transaction") as via:
        for mode in ("none", "session"):
            with pytest.raises(StoreError, match=f"pooler={mode}, but the pooler there gives each transaction another"):
                await pooling(f"{via}?pooler={mode}")


async def test_statement_mode_is_refused_whatever_the_url_says(postgres: PostgresServer) -> None:
    with pgbouncer(postgres.url(), pool_mode="statement") as via:
        for query in ("", "?pooler=transaction", "?pooler=session", "?pooler=none"):
            with pytest.raises(StoreError, match="needs transaction or session"):
                await pooling(f"{via}{query}")


async def test_a_pooler_that_names_the_backend_it_uses_is_found_with_two_connections(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def names_the_backend(connection: object) -> bool:
        del connection
        return False

    monkeypatch.setattr(pooler, "is_pooled", names_the_backend)
    assert await pooling(postgres.url()) is Pooling.NONE
    for servers in (1, 2):
        with pgbouncer(postgres.url(), pool_mode="transaction", servers=servers) as via:
            assert await pooling(via) is Pooling.TRANSACTION, f"{servers} server connections"


async def test_a_setting_of_the_url_that_the_pooler_drops_is_refused(postgres: PostgresServer) -> None:
    """PgBouncer refuses most itself, unless its administrator has it ignore them: then orders go to other tables."""
    more = "ignore_startup_parameters = search_path,options,work_mem"
    with pgbouncer(postgres.url(), pool_mode="transaction", more=more) as via:
        for query in (
            "search_path=elsewhere",
            "options=-c%20search_path%3Delsewhere",
            "options=--search_path%3Delsewhere",
        ):
            with pytest.raises(StoreError, match="search_path=elsewhere, but the pooler before PostgreSQL drops that"):
                await pooling(f"{via}?{query}")
        assert await pooling(f"{via}?work_mem=4096kB") is Pooling.TRANSACTION, "what the server has anyway is no loss"
    with (
        pgbouncer(postgres.url(), pool_mode="transaction") as via,
        pytest.raises(StoreError, match="unsupported startup parameter: search_path"),
    ):
        await pooling(f"{via}?search_path=elsewhere")


async def test_a_pooler_that_appears_while_statements_are_kept_gets_no_statement(postgres: PostgresServer) -> None:
    url = await postgres.new_database()
    await migrate(url)
    database = await PostgresDatabase.connect(url)
    try:
        with pgbouncer(url, pool_mode="transaction") as via:
            database.server.primary = Primary(via)  # pyright: ignore
            with pytest.raises(StoreError, match="Restart awbridge"):
                await inbox.add_at_once(Store(database), [delivery("R-1", received_at=T0)])
    finally:
        await database.close()
    with pgbouncer(url, pool_mode="transaction") as via:
        connection = await asyncpg.connect(via)
        with pytest.raises(StoreError, match="Restart awbridge"):
            await pooler.refuse_pooler(connection)
        assert connection.is_closed()


def test_no_statement_leaves_anything_in_a_session() -> None:
    """It would be gone in the next transaction, or left to another client."""
    kept = re.compile(
        r"^\s*(SET(?! LOCAL)|LISTEN|UNLISTEN|PREPARE|DEALLOCATE|DISCARD|LOAD|DECLARE)\s"
        r"|\bpg_(try_)?advisory_lock(_shared)?\s*\(|\bCREATE\s+(GLOBAL |LOCAL )?TEMP|\bWITH HOLD\b"
        r"|\bset_config\((?!(?:[^()]|\([^()]*\))*, true\))",  # true: until the transaction ends
        re.IGNORECASE | re.MULTILINE,
    )
    assert all(
        kept.search(one) for one in ("SET x = 1", "  listen a", "SELECT pg_advisory_lock(1)", "CREATE TEMP TABLE t")
    )
    assert not kept.search("UPDATE t\nSET x = 1".replace("\n", " "))
    assert kept.search("SELECT set_config('search_path', quote_ident($1), false)")
    source = Path(awbridge.__file__).parent
    found = [
        f"{path.relative_to(source)}: {match[0]}"
        for path in source.rglob("*.sql")
        for statement in re.split(
            r"^-- name: ",
            re.sub(r"--(?! name:)[^\n]*|^DECLARE$", "", path.read_text(), flags=re.MULTILINE),
            flags=re.MULTILINE,
        )
        if not re.search(r"\bUPDATE\b", statement)
        for match in kept.finditer(statement)
    ]
    found += [
        str(path) for path in source.rglob("*.py") if re.search(r"\.add_listener\(|advisory_lock", path.read_text())
    ]
    assert found == []


@pytest.mark.parametrize(
    ("mode", "query", "says"),
    [
        ("", "", "no pooler (tried with two connections); prepared statements are kept"),
        ("", "?pooler=transaction", "no pooler answers"),
        ("session", "?pooler=session", "a pooler keeps each session (tried with two connections)"),
        ("session", "", "two connections kept their server sessions"),
        ("transaction", "", "another server session (tried with two connections)"),
    ],
)
async def test_the_doctor_tries_with_two_connections(
    postgres: PostgresServer, mode: str, query: str, says: str
) -> None:
    with pgbouncer(postgres.url(), pool_mode=mode) if mode else nullcontext(postgres.url()) as via:
        store = await Store.open(f"{via}{query}")
        try:
            [found] = await check_pooler(
                CheckContext(settings=Settings(), store=store, clickpost=None, clock=utc_now, url="")
            )
        finally:
            await store.close()
    assert says in found.found
    assert found.level == ("warning" if says == "no pooler answers" else "ok")


async def test_many_sessions_over_few_server_connections_get_their_own_answers(postgres: PostgresServer) -> None:
    with pgbouncer(await postgres.new_database(), pool_mode="transaction", servers=2) as via:
        await migrate(via)
        stores = [await Store.open(via, connections=4) for _ in range(3)]
        try:
            await asyncio.gather(*(_work(store, number) for number, store in enumerate(stores)))
            assert await count(stores[0], "shipments") == 3 * 15
            assert await count(stores[0], "inbox") == 3 * 15
        finally:
            for store in stores:
                await store.close()


async def _work(store: Store, number: int) -> None:
    """Different statements in turn, so that an answer to another one is seen."""

    async def one(turn: int) -> None:
        reference = f"R-{number}-{turn}"
        await add(store, reference)
        await inbox.add_at_once(store, [delivery(reference, received_at=T0)])
        async with store.read() as session:
            found = await shipments.get(session, reference)
            assert found is not None
            assert found.reference_number == reference
            assert (await inbox.counts(session))["total"] > 0

    await asyncio.gather(*(one(turn) for turn in range(15)))
