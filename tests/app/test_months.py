"""Months at start and in the doctor: made for large tables, and it is said why they are not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest

from awbridge.app import policies
from awbridge.app.database import make_months_ahead
from awbridge.app.doctor import postgres as doctor
from awbridge.app.doctor.diagnosis import OK, WARNING, CheckContext, Diagnosis
from awbridge.app.settings import Settings
from awbridge.store import Store
from awbridge.store.audit import figures
from awbridge.store.engine.clocks.shared_time import SHARED_TIME
from awbridge.store.engine.partitions import KEYS, Month
from tests.support.months import add_month, forget_months, parts
from tests.support.rows import T0
from tests.support.stores import open_directly, postgres_only

pytestmark = [pytest.mark.heavy, postgres_only]


@pytest.fixture(name="store")
async def store_of_large_tables(store: Store, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Store]:
    """An empty store whose tables count as large; its partitions are dropped after the test."""
    monkeypatch.setattr(doctor, "WORTH_MONTHS", 0)
    own = policies.retain_policy
    monkeypatch.setattr(policies, "retain_policy", lambda settings: replace(own(settings), worth_months=0))
    yield store
    await forget_months(store)


async def diagnosed(store: Store) -> list[Diagnosis]:
    return await doctor.check_months(
        CheckContext(settings=Settings(), store=store, clickpost=None, clock=SHARED_TIME.now, url="")
    )


async def test_a_service_that_starts_makes_the_months_of_large_tables(store: Store) -> None:
    [missing] = await diagnosed(store)
    assert (missing.level, missing.do) == (WARNING, "awbridge migrate makes it; the log says why retain has not")
    assert "no partition of the next month yet, and many rows: attempts, events, event_deliveries" in missing.found
    await make_months_ahead(store, Settings())
    assert [one.level for one in await diagnosed(store)] == [OK]
    this = Month.of(SHARED_TIME.now())
    for table in KEYS:
        assert await parts(store, table) == [f"_{this.name}", f"_{this.next.name}", "_default"]


async def test_the_doctor_says_what_a_role_lacks_that_may_make_no_months(store: Store, store_url: str) -> None:
    name = f"service_{id(store)}"
    owner = await asyncpg.connect(store_url)
    await owner.execute(f"CREATE ROLE {name} LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    service = await open_directly(store_url.replace("awbridge@", f"{name}@"))
    try:
        [lacking] = await diagnosed(service)
        assert lacking.level == WARNING
        assert lacking.found.startswith(
            f"{name} may not make the monthly partitions of attempts, events, event_deliver"
        )
        await make_months_ahead(service, Settings())
        assert await parts(store, "attempts") == ["_default"]
        await owner.execute(lacking.do)
        await make_months_ahead(service, Settings())
        assert [one.level for one in await diagnosed(service)] == [OK]
        owners = await owner.fetch("SELECT DISTINCT relowner::regrole::text FROM pg_class WHERE relname ~ '^attempts'")
        assert [row[0] for row in owners] == ["awbridge"], "who migrates must own every partition"
    finally:
        await service.close()
        await owner.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")
        await owner.close()


async def test_the_size_of_a_table_is_that_of_its_partitions(store: Store) -> None:
    await make_months_ahead(store, Settings())
    for at in (SHARED_TIME.now(), Month.of(SHARED_TIME.now()).ends_at, T0.replace(year=2020)):
        await add_month(store, at, 5)
    async with store.write() as session:
        await session.script("ANALYZE")
    async with store.read() as session:
        sizes = await figures.sizes(session)
    assert {table: sizes[table] for table in KEYS} == dict.fromkeys(KEYS, 15)
