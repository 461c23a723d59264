"""Behind PgBouncer: its mode is found, what cannot be safe is refused, and answers are never mixed up."""

from __future__ import annotations

import asyncio

import pytest

from awbridge.domain.errors import SettingsError, StoreError
from awbridge.store import Store
from awbridge.store.engine.pooler import Pooling, declared
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
    with (
        pgbouncer(postgres.url(), pool_mode="statement") as via,
        pytest.raises(StoreError, match="needs transaction or session"),
    ):
        await pooling(via)


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
