"""Orders that join the caller's own transaction, through every library that a caller may hold a connection of."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, cast

import asyncpg
import django
import psycopg
import pytest
import sqlalchemy as sa
from psycopg.rows import dict_row
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session as OrmSession
from sqlalchemy.orm import scoped_session, sessionmaker

from awbridge.domain.errors import MigrationError, NoTransaction, PayloadRefused, ReferenceTaken, SchemaTooNew
from awbridge.enqueue import BatchRefused, IntakeResult, enqueue, enqueue_async, enqueue_many, enqueue_many_async
from awbridge.steps.orders import intake
from awbridge.steps.runtime.clock import utc_now
from awbridge.store import Store
from awbridge.store.couriers import couriers
from awbridge.store.couriers.couriers import CourierAccount
from awbridge.store.engine.migrate import own_schema
from awbridge.store.tracking import inbox
from tests.support.postgres import PostgresServer
from tests.support.rows import T0, count, delivery, fetch
from tests.support.rows import sql as rows_sql
from tests.support.world import an_order

pytestmark = [pytest.mark.postgres, pytest.mark.parametrize("store_url", ["postgres"], indirect=True)]

PAGE = (Path(__file__).resolve().parent.parent / "docs/how-to/orders/enqueue.md").read_text(encoding="utf-8")


class Caller:
    """An application's connection with a transaction open on it."""

    def __init__(self, connection: Any, run: Callable[[str], Any], commit: Callable[[], Any]) -> None:
        self.connection = connection
        self._run = run
        self._commit = commit

    async def run(self, sql: str) -> None:
        await settled(self._run(sql))

    async def commit(self) -> None:
        """Without this, the transaction is rolled back when the caller goes."""
        await settled(self._commit())

    async def enqueue(self, order: Any, **how: Any) -> IntakeResult:
        made = enqueue_async if self.is_async else enqueue
        return await settled(cast("Any", made)(self.connection, order, **how))

    async def enqueue_many(self, orders: list[Any]) -> list[IntakeResult]:
        made = enqueue_many_async if self.is_async else enqueue_many
        return await settled(cast("Any", made)(self.connection, orders))

    @property
    def is_async(self) -> bool:
        return "async" in type(self.connection).__name__.lower() or "asyncpg" in type(self.connection).__module__


async def settled(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


@asynccontextmanager
async def with_asyncpg(url: str) -> AsyncGenerator[Caller]:
    connection = await asyncpg.connect(url)
    transaction = connection.transaction()
    await transaction.start()
    yield Caller(connection, connection.execute, transaction.commit)
    await connection.close()


@asynccontextmanager
async def with_asyncpg_pool(url: str) -> AsyncGenerator[Caller]:
    async with asyncpg.create_pool(url, min_size=1, max_size=1) as pool, pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        yield Caller(connection, connection.execute, transaction.commit)
        if connection.is_in_transaction():
            await transaction.rollback()


@asynccontextmanager
async def with_psycopg(url: str) -> AsyncGenerator[Caller]:
    connection = psycopg.connect(url, row_factory=dict_row)
    yield Caller(connection, connection.execute, connection.commit)
    connection.close()


@asynccontextmanager
async def with_psycopg_cursor(url: str) -> AsyncGenerator[Caller]:
    connection = psycopg.connect(url)
    cursor = connection.cursor()
    yield Caller(cursor, cursor.execute, connection.commit)
    connection.close()


@asynccontextmanager
async def with_psycopg_client_cursor(url: str) -> AsyncGenerator[Caller]:
    connection = psycopg.connect(url, cursor_factory=psycopg.ClientCursor)
    yield Caller(connection, connection.execute, connection.commit)
    connection.close()


@asynccontextmanager
async def with_psycopg_async(url: str) -> AsyncGenerator[Caller]:
    connection = await psycopg.AsyncConnection.connect(url)
    yield Caller(connection, connection.execute, connection.commit)
    await connection.close()


@asynccontextmanager
async def with_psycopg_async_cursor(url: str) -> AsyncGenerator[Caller]:
    connection = await psycopg.AsyncConnection.connect(url)
    cursor = connection.cursor()
    yield Caller(cursor, cursor.execute, connection.commit)
    await connection.close()


def for_sqlalchemy(url: str, driver: str) -> str:
    return url.replace("postgresql://", f"postgresql+{driver}://")


@asynccontextmanager
async def with_sqlalchemy(url: str) -> AsyncGenerator[Caller]:
    engine = sa.create_engine(for_sqlalchemy(url, "psycopg"), poolclass=sa.NullPool)
    with engine.connect() as connection:
        yield Caller(connection, lambda sql: connection.execute(sa.text(sql)) and None, connection.commit)
    engine.dispose()


@asynccontextmanager
async def with_sqlalchemy_session(url: str) -> AsyncGenerator[Caller]:
    engine = sa.create_engine(for_sqlalchemy(url, "psycopg"), poolclass=sa.NullPool)
    with OrmSession(engine) as session:
        yield Caller(session, lambda sql: session.execute(sa.text(sql)) and None, session.commit)
    engine.dispose()


@asynccontextmanager
async def with_scoped_session(url: str) -> AsyncGenerator[Caller]:
    engine = sa.create_engine(for_sqlalchemy(url, "psycopg"), poolclass=sa.NullPool)
    session = scoped_session(sessionmaker(engine))
    yield Caller(session, lambda sql: session.execute(sa.text(sql)) and None, session.commit)
    session.remove()
    engine.dispose()


@asynccontextmanager
async def with_sqlalchemy_async(url: str, driver: str) -> AsyncGenerator[Caller]:
    engine = create_async_engine(for_sqlalchemy(url, driver), poolclass=sa.NullPool)
    async with engine.connect() as connection:
        yield Caller(connection, lambda sql: connection.execute(sa.text(sql)), connection.commit)
    await engine.dispose()


@asynccontextmanager
async def with_sqlalchemy_async_session(url: str) -> AsyncGenerator[Caller]:
    engine = create_async_engine(for_sqlalchemy(url, "asyncpg"), poolclass=sa.NullPool)
    async with AsyncSession(engine) as session:
        yield Caller(session, lambda sql: session.execute(sa.text(sql)), session.commit)
    await engine.dispose()


@asynccontextmanager
async def with_django(url: str, *, use_tz: bool = True) -> AsyncGenerator[Caller]:
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # the tests run in an event loop; an application's views do not
    from django.conf import settings
    from django.db import connection, transaction

    parts = sa.make_url(url)
    database = {"ENGINE": "django.db.backends.postgresql", "NAME": parts.database, "USER": parts.username}
    if not settings.configured:
        settings.configure(DATABASES={"default": {**database, "HOST": parts.host, "PORT": parts.port}})
        django.setup(set_prefix=False)
    assert connection.settings_dict["NAME"] == parts.database
    settings.USE_TZ = use_tz
    connection.connect()
    atomic = transaction.atomic()
    atomic.__enter__()

    def run(sql: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql)

    yield Caller(connection, run, lambda: atomic.__exit__(None, None, None))
    if connection.in_atomic_block:
        transaction.set_rollback(True)
        atomic.__exit__(None, None, None)
    connection.close()


CALLERS: dict[str, Callable[[str], Any]] = {
    "asyncpg": with_asyncpg,
    "asyncpg, out of a pool": with_asyncpg_pool,
    "psycopg": with_psycopg,
    "psycopg cursor": with_psycopg_cursor,
    "psycopg, parameters bound by the client": with_psycopg_client_cursor,
    "psycopg async": with_psycopg_async,
    "psycopg async cursor": with_psycopg_async_cursor,
    "SQLAlchemy": with_sqlalchemy,
    "SQLAlchemy session": with_sqlalchemy_session,
    "SQLAlchemy scoped session": with_scoped_session,
    "SQLAlchemy async, asyncpg": lambda url: with_sqlalchemy_async(url, "asyncpg"),
    "SQLAlchemy async, psycopg": lambda url: with_sqlalchemy_async(url, "psycopg"),
    "SQLAlchemy async session": with_sqlalchemy_async_session,
    "Django": with_django,
    "Django without time zones": lambda url: with_django(url, use_tz=False),
}


@pytest.fixture(params=CALLERS)
async def caller(request: pytest.FixtureRequest, store: Store, store_url: str) -> AsyncIterator[Caller]:
    """An application with a transaction open, and one of its own rows in it."""
    connection = await asyncpg.connect(store_url)
    await connection.execute("CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY); DELETE FROM orders")
    await connection.close()
    async with store.write() as session:
        account = CourierAccount(transporter="delhi-air", courier_partner_id=25, account_code="air")
        await couriers.put(session, [account], now=T0)
    async with CALLERS[request.param](store_url) as calling:
        await calling.run("INSERT INTO orders VALUES (1)")
        yield calling


async def stored(store: Store) -> tuple[int, int]:
    """(the application's orders, our shipments) that others see."""
    return await count(store, "orders"), await count(store, "shipments")


async def test_the_order_and_its_shipment_commit_together(store: Store, caller: Caller) -> None:
    taken = await caller.enqueue(an_order("R"))
    assert (taken.created, taken.shipment.reference_number, taken.shipment.state) == (True, "R", "ready")
    assert await stored(store) == (0, 0)
    await caller.commit()
    assert await stored(store) == (1, 1)


async def test_they_roll_back_together(store: Store, caller: Caller) -> None:
    await caller.enqueue(an_order("R"))
    await caller.run("ROLLBACK")
    assert await stored(store) == (0, 0)


async def test_the_rows_are_those_that_intake_makes(store: Store, caller: Caller) -> None:
    order = {**an_order("R"), "transporter": "delhi-air"}
    taken = await caller.enqueue(order)
    await caller.commit()
    [row] = await fetch(store, "SELECT * FROM shipments")
    async with store.write() as session:
        await session.execute(rows_sql("DELETE FROM shipments"))
    await intake.take_in(store=store, clock=utc_now, orders=[order])
    [same] = await fetch(store, "SELECT * FROM shipments")
    times = ("created_at", "updated_at", "next_try_at")
    assert {**row, **dict.fromkeys(times)} == {**same, **dict.fromkeys(times)}
    assert all(same[name] - row[name] < timedelta(minutes=1) for name in times)
    assert (row["transporter"], row["courier_partner_id"], row["account_code"]) == ("delhi-air", 25, "air")
    assert (taken.shipment.created_at, taken.shipment.created_at.tzinfo) == (row["created_at"], UTC)


class Payment(Enum):
    """As an application may have it."""

    COD = "COD"


@pytest.mark.parametrize("caller", ["psycopg", "SQLAlchemy async session"], indirect=True)
async def test_what_an_applications_models_hold_is_stored_as_json(store: Store, caller: Caller) -> None:
    order = an_order("R", cod_value=Decimal("1499.50"), order_type=Payment.COD, invoice_date=date(2026, 11, 1))
    order["shipment_details"]["items"] = (
        {"sku": "A", "description": "Tea", "quantity": 1, "price": Decimal("1.4995E3")},
    )
    taken = await caller.enqueue(order)
    details = taken.shipment.payload["shipment_details"]
    assert (details["cod_value"], details["order_type"], details["invoice_date"]) == ("1499.50", "COD", "2026-11-01")
    assert details["items"][0]["price"] == "1499.5"
    with pytest.raises(PayloadRefused, match=r"cod_value: must be plain JSON .* not Decimal"):
        await caller.enqueue(an_order("S", cod_value=Decimal("NaN")))
    endless: dict[str, Any] = an_order("T")
    endless["additional"] = endless
    with pytest.raises(PayloadRefused, match="nests deeper than 32 levels"):
        await caller.enqueue(endless)
    await caller.commit()
    assert await stored(store) == (1, 1)


async def test_a_refused_payload_leaves_the_transaction_usable(store: Store, caller: Caller) -> None:
    with pytest.raises(PayloadRefused, match=r"shipment_details\.weight"):
        await caller.enqueue(an_order("R", weight=-1))
    with pytest.raises(PayloadRefused, match="'nobody' is not known"):
        await caller.enqueue({**an_order("R"), "transporter": "nobody"})
    await caller.run("INSERT INTO orders VALUES (2)")
    await caller.commit()
    assert await stored(store) == (2, 0)


async def test_a_batch_with_a_taken_reference_stores_nothing(store: Store, caller: Caller) -> None:
    await caller.enqueue(an_order("B"))
    with pytest.raises(BatchRefused) as error:
        await caller.enqueue_many([an_order("A"), an_order("B", weight=9), an_order("C")])
    [taken] = error.value.errors.values()
    assert isinstance(taken, ReferenceTaken)
    assert taken.differences == ["shipment_details.weight"]
    await caller.commit()
    assert await fetch(store, "SELECT reference_number FROM shipments") == [{"reference_number": "B"}]


async def test_the_same_order_again_changes_nothing(store: Store, caller: Caller) -> None:
    await intake.take_in(store=store, clock=lambda: T0, orders=[an_order("R")])
    taken = await caller.enqueue_many([an_order("R"), an_order("S")])
    assert [(t.shipment.reference_number, t.created) for t in taken] == [("R", False), ("S", True)]
    with pytest.raises(ReferenceTaken):
        await caller.enqueue(an_order("R", weight=9))
    await caller.commit()
    assert await stored(store) == (1, 2)


async def test_a_savepoint_of_the_caller_takes_the_shipment_back(store: Store, caller: Caller) -> None:
    await caller.enqueue(an_order("KEPT"))
    await caller.run("SAVEPOINT mine")
    await caller.enqueue(an_order("DROPPED"))
    await caller.run("ROLLBACK TO SAVEPOINT mine")
    await caller.enqueue(an_order("AFTER"))
    await caller.commit()
    found = await fetch(store, "SELECT reference_number FROM shipments ORDER BY reference_number")
    assert [row["reference_number"] for row in found] == ["AFTER", "KEPT"]


async def test_deliveries_that_came_first_are_woken(store: Store, caller: Caller) -> None:
    async with store.write() as session:
        await inbox.add(session, [delivery("early")])
        [early] = await inbox.claim(session, now=T0, limit=1)
        await inbox.wait(session, early, key="r:R", until=utc_now() + timedelta(days=1))
    await caller.enqueue(an_order("R"))
    await caller.commit()
    async with store.write() as session:
        assert len(await inbox.claim(session, now=utc_now(), limit=1)) == 1


async def test_a_database_error_leaves_the_transaction_usable(store: Store, caller: Caller) -> None:
    await caller.run("SAVEPOINT mine")
    await caller.run("ALTER TABLE courier_accounts RENAME TO moved")
    with pytest.raises(Exception, match="courier_accounts"):
        await caller.enqueue(an_order("R"))
    await caller.run("ROLLBACK TO SAVEPOINT mine")
    await caller.enqueue(an_order("R"))
    await caller.commit()
    assert await stored(store) == (1, 1)


_MIGRATED = "INSERT INTO schema_migrations (number, name, checksum, applied_at, compatible_from) VALUES"
_BESIDE = f"{_MIGRATED} (9000, '9000_of_later', 'x', NOW(), {own_schema()})"
_REFUSED = {  # what was done to the schema, and what the caller reads
    "newer": (
        SchemaTooNew,
        f"{_MIGRATED} (9001, '9001_of_later', 'x', NOW(), 9001)",
        rf"9001_of_later.* needs schema 9001, this version's is {own_schema():04}.* Install",
    ),
    "newer, and does not say": (
        SchemaTooNew,
        f"{_MIGRATED} (9001, '9001_of_later', 'x', NOW(), NULL)",
        "9001_of_later.* Install",
    ),
    "older": (
        MigrationError,
        f"DELETE FROM schema_migrations WHERE number = {own_schema()}",
        rf"whose schema is {own_schema():04}: run awbridge migrate",
    ),
    "older, before it said what is compatible": (
        MigrationError,
        "ALTER TABLE schema_migrations DROP COLUMN compatible_from; DELETE FROM schema_migrations WHERE number >= 39",
        "run awbridge migrate",
    ),
    "none": (
        MigrationError,
        "SET LOCAL search_path TO nowhere",
        "sees no tables of awbridge: .*pass its name as schema",
    ),
}


@pytest.mark.parametrize("schema", _REFUSED)
async def test_an_unsupported_schema_is_named_and_nothing_is_stored(store: Store, store_url: str, schema: str) -> None:
    kind, change, words = _REFUSED[schema]
    connection = await asyncpg.connect(store_url)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(change)
    with pytest.raises(kind, match=words):
        await enqueue_async(connection, an_order("R"))
    assert await connection.fetchval("SELECT 1") == 1, "the transaction goes on"
    await transaction.rollback()
    await connection.close()
    assert await count(store, "shipments") == 0


async def test_every_library_reports_a_schema_that_is_too_new_and_accepts_a_compatible_one(
    store: Store, caller: Caller
) -> None:
    await caller.run("SAVEPOINT mine")
    await caller.run(_BESIDE)
    await caller.enqueue(an_order("BESIDE"))
    await caller.run(_REFUSED["newer"][1])
    with pytest.raises(SchemaTooNew, match=_REFUSED["newer"][2]):
        await caller.enqueue(an_order("R"))
    await caller.run("ROLLBACK TO SAVEPOINT mine")
    await caller.run("DELETE FROM schema_migrations")
    with pytest.raises(MigrationError, match="run awbridge migrate"):
        await caller.enqueue(an_order("R"))
    await caller.run("ROLLBACK TO SAVEPOINT mine")
    await caller.enqueue(an_order("R"))
    await caller.commit()
    assert await fetch(store, "SELECT reference_number FROM shipments") == [{"reference_number": "R"}]


async def test_checking_the_schema_costs_no_round_trip(store: Store, store_url: str) -> None:
    connection = await asyncpg.connect(store_url)
    asked: list[str] = []
    connection.add_query_logger(lambda query: asked.append(query.query))
    for reference in ("R", "S"):
        async with connection.transaction():
            await enqueue_async(connection, an_order(reference))
    await connection.close()
    both = [query for query in asked if "clock_timestamp" in query or "schema_migrations" in query]
    assert len(both) == 2, "one for each order, which is asked for what time it is in any case"
    assert await count(store, "shipments") == 2


async def test_the_documented_privileges_suffice(store: Store, store_url: str) -> None:
    read_only = re.search(r"`SELECT` on ([^;]+);", PAGE)
    assert read_only
    looked_at = re.findall(r"`(\w+)`", read_only[1])
    assert "schema_migrations" in looked_at
    connection = await asyncpg.connect(store_url)
    await connection.execute(
        "DROP ROLE IF EXISTS shop; CREATE ROLE shop;"
        "GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO shop;"
        + "".join(f"REVOKE INSERT, UPDATE ON {table} FROM shop;" for table in looked_at)
    )
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL ROLE shop")
            await enqueue_async(connection, an_order("R"))
    finally:
        await connection.execute("DROP OWNED BY shop; DROP ROLE shop")
        await connection.close()
    assert await count(store, "shipments") == 1


@pytest.mark.usefixtures("store_url")
async def test_a_separate_schema_is_found_by_the_search_path(postgres: PostgresServer) -> None:
    url = await postgres.new_database()
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE SCHEMA shipping")
    own = await Store.open(f"{url}?options=-c%20search_path%3Dshipping")
    await own.migrate()
    async with connection.transaction():
        await connection.execute("SET LOCAL search_path TO public, shipping")
        await enqueue_async(connection, an_order("R"))
    assert await count(own, "shipments") == 1
    assert await connection.fetchval("SELECT COUNT(*) FROM shipping.shipments") == 1
    await own.close()
    await connection.close()


_KINDS = ("asyncpg", "psycopg", "SQLAlchemy session", "SQLAlchemy async, asyncpg", "Django")


@pytest.mark.parametrize("caller", _KINDS, indirect=True)
async def test_a_schema_is_used_for_the_call_alone_although_the_caller_has_tables_of_the_same_names(
    store: Store, caller: Caller
) -> None:
    await caller.run('CREATE SCHEMA "The shop"')
    await caller.run('CREATE TABLE "The shop".shipments (id INTEGER)')
    await caller.run('SET LOCAL search_path TO "The shop"')
    with pytest.raises(MigrationError, match=r"no tables of awbridge in the schema 'nowhere': .*GRANT USAGE"):
        await caller.enqueue(an_order("R"), schema="nowhere")
    with pytest.raises(PayloadRefused):
        await caller.enqueue(an_order("R", weight=-1), schema="public")
    await caller.run("INSERT INTO shipments VALUES (1)")
    assert (await caller.enqueue(an_order("R"), schema="public")).created
    await caller.run("INSERT INTO shipments VALUES (2)")
    await caller.run('DROP SCHEMA "The shop" CASCADE')
    await caller.commit()
    assert await stored(store) == (1, 1)


@pytest.mark.usefixtures("store")
async def test_a_batch_in_a_schema_is_stored_there(store_url: str) -> None:
    connection = await asyncpg.connect(store_url)
    async with connection.transaction():
        await connection.execute("SET LOCAL search_path TO nowhere")
        taken = await enqueue_many_async(connection, [an_order("A"), an_order("B")], schema="public")
        assert [one.created for one in taken] == [True, True]
        assert await connection.fetchval("SHOW search_path") == "nowhere"
    assert await connection.fetchval("SHOW search_path") == '"$user", public', "it lasts as long as the transaction"
    await connection.close()
    with psycopg.connect(store_url) as waiting:
        waiting.execute("SET search_path TO nowhere")
        assert [one.created for one in enqueue_many(waiting, [an_order("C")], schema="public")] == [True]
        assert waiting.execute("SHOW search_path").fetchone() == ("nowhere",)


async def test_without_a_transaction_nothing_is_stored(store: Store, store_url: str) -> None:
    bare = await asyncpg.connect(store_url)
    with pytest.raises(NoTransaction, match="begin one first"):
        await enqueue_async(bare, an_order("R"))
    await bare.close()
    with psycopg.connect(store_url, autocommit=True) as connection, pytest.raises(NoTransaction):
        enqueue(connection, an_order("R"))
    engine = sa.create_engine(for_sqlalchemy(store_url, "psycopg"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection, pytest.raises(NoTransaction):
        enqueue(connection, an_order("R"))
    engine = create_async_engine(
        for_sqlalchemy(store_url, "asyncpg"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool
    )
    async with engine.connect() as waiting:
        with pytest.raises(NoTransaction):
            await enqueue_async(waiting, an_order("R"))
    assert await count(store, "shipments") == 0


async def test_each_kind_of_connection_has_its_function(store: Store, store_url: str) -> None:
    bare = await asyncpg.connect(store_url)
    with pytest.raises(TypeError, match="use enqueue_async"):
        enqueue(bare, an_order("R"))
    await bare.close()
    with psycopg.connect(store_url) as connection, pytest.raises(TypeError, match="use enqueue or"):
        await enqueue_async(connection, an_order("R"))


async def test_another_database_or_library_is_refused_by_name(store: Store) -> None:
    with pytest.raises(TypeError, match="object is not known; give an asyncpg connection"):
        enqueue(object(), an_order("R"))
    engine = sa.create_engine("sqlite://", poolclass=sa.NullPool)
    with engine.connect() as connection, pytest.raises(TypeError, match="SQLAlchemy speaks sqlite"):
        enqueue(connection, an_order("R"))


async def test_an_order_of_an_account_goes_into_its_schema_and_tells_the_service(store: Store, store_url: str) -> None:
    own = await Store.open(store_url, schema="account_gulf_2")
    await own.migrate()
    try:
        for open_caller in (with_asyncpg, with_psycopg):
            async with open_caller(store_url) as caller:
                await caller.enqueue(an_order(f"G-{open_caller.__name__}"), account="gulf-2")
                await caller.commit()
        assert await count(own, "shipments") == 2
        assert await count(store, "shipments") == 0
        woken = await fetch(store, "SELECT account, due_at, holder FROM account_wakes")
        assert [(row["account"], row["holder"]) for row in woken] == [("gulf-2", None)] * 2
        assert all(row["due_at"] <= utc_now() for row in woken)
    finally:
        await own.close()
        async with store.write() as session:
            await session.script("DROP SCHEMA account_gulf_2 CASCADE")


async def test_an_order_of_an_account_that_cannot_be_leaves_nothing_and_the_transaction_goes_on(
    store: Store, store_url: str
) -> None:
    async with with_asyncpg(store_url) as caller:
        with pytest.raises(ValueError, match="is not the name of an account"):
            await caller.enqueue(an_order("G-1"), account="Gulf!")
        with pytest.raises(MigrationError, match="account_nobody"):
            await caller.enqueue(an_order("G-1"), account="nobody")
        await caller.enqueue(an_order("G-2"))
        await caller.commit()
    assert await count(store, "shipments") == 1
    assert await count(store, "account_wakes") == 0
