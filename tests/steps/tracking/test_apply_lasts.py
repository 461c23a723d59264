"""What apply commits without waiting for the disk is applied again after a crash, or lasts with what followed it."""

from __future__ import annotations

import asyncio

import pytest

from awbridge.steps.tracking import apply as step
from awbridge.store import Store
from tests.steps.tracking.test_apply import a_placed, apply, deliver
from tests.support.postgres import postgres_server
from tests.support.rows import MINUTE, T0, fetch, sql
from tests.support.stores import postgres_only
from tests.support.world import webhook

NUMBER = 20
SETTING = sql("SELECT current_setting('synchronous_commit') AS setting")


@postgres_only
async def test_apply_alone_does_not_wait_for_the_disk(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    await a_placed(store, "R", "AWB1")
    await deliver(store, webhook("AWB1", 5, T0))
    seen: list[str] = []
    locking = step.lock_of

    async def watched(session: step.Session, readable: list[step.ReadDelivery]) -> object:
        if readable:
            seen.append((await session.fetch(SETTING))[0]["setting"])
        return await locking(session, readable)

    monkeypatch.setattr(step, "lock_of", watched)
    assert await apply(store) == 1
    async with store.write() as session:
        seen.append((await session.fetch(SETTING))[0]["setting"])
    assert seen == ["off", "on"]


async def _before(url: str, name: str, *, claimed: bool) -> None:
    store = await Store.open(url)
    try:
        await store.migrate()
        for n in range(NUMBER):
            await a_placed(store, f"{name}{n}", f"AWB-{name}{n}")
        await deliver(store, *(webhook(f"AWB-{name}{n}", 5, T0, order_status_id=n + 1) for n in range(NUMBER)))
        assert await apply(store) == NUMBER
        if claimed:
            async with store.write() as session:
                await session.execute(sql("UPDATE milestones SET due_at = $1"), T0 + MINUTE)
    finally:
        await store.close()


async def _after(url: str, name: str) -> int:
    """Apply what the crash left to do; how many scans it left."""
    store = await Store.open(url)
    try:
        scans = f"SELECT status_code FROM scans WHERE reference_number LIKE '{name}%'"
        kept = len(await fetch(store, scans))
        await apply(store)
        for table in ("scans", "milestones"):
            assert len(await fetch(store, scans.replace("scans", table))) == NUMBER
        assert not await fetch(store, "SELECT * FROM inbox_batches")
        rows = await fetch(store, "SELECT DISTINCT status_code, status_at FROM shipments")
        assert rows == [{"status_code": 5, "status_at": T0.replace(microsecond=0)}]
        return kept
    finally:
        await store.close()


@pytest.mark.slow
@pytest.mark.postgres
def test_after_a_crash_every_delivery_is_applied_once() -> None:
    """The log is written late, so that the crash loses what no commit waited for."""
    with postgres_server(settings=["wal_writer_delay=10s"]) as server:
        for name, claimed in (("LOST", False), ("CLAIMED", True)):
            asyncio.run(_before(server.url(), name, claimed=claimed))
            server.kill()
            server.start()
            kept = asyncio.run(_after(server.url(), name))
            assert kept in ((NUMBER,) if claimed else (0, NUMBER)), "all or none; what was claimed lasts"
