"""/healthz, /readyz and /metrics."""

from __future__ import annotations

import asyncpg
import pytest

from awbridge.steps.notify.sample_figures import SampleFigures
from awbridge.steps.runtime.loop import Loop
from awbridge.store import Store
from awbridge.store.audit import samples
from awbridge.store.engine.migrate import own_schema
from awbridge.web.monitoring import ready
from awbridge.web.monitoring.health import HANGS_AFTER
from tests.support import newer
from tests.support.app import Web, problem, web_on
from tests.support.rows import add, fetch, sql
from tests.support.stores import postgres_only, sqlite_only


@sqlite_only
async def test_health_shows_a_step_that_hangs(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> int:
        return 0

    loop = Loop("push", work, idle_seconds=1.0)
    async with web_on(store, loops=[loop]) as web:
        assert (await web.http.get("/healthz")).json() == {"ok": True, "hanging": [], "database": None}
        loop.beat_at -= HANGS_AFTER + 1
        answer = await web.http.get("/healthz")
        assert (answer.status_code, answer.json()["hanging"]) == (503, ["push"])


@postgres_only
async def test_a_read_only_database_is_not_ready(store: Store, store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ready, "PROOF_LASTS", 0.0)
    name = store_url.rpartition("/")[2]
    admin = await asyncpg.connect(store_url)
    async with web_on(store) as web:
        assert (await web.http.get("/readyz")).status_code == 200
        await admin.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        try:
            await admin.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = $1 AND pid <> pg_backend_pid()",
                name,
            )
            assert problem(await web.http.get("/readyz"), 503)["title"] == "The database is not ready"
        finally:
            await admin.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        assert (await web.http.get("/readyz")).status_code == 200
    await admin.close()


async def test_concurrent_readiness_checks_share_one_write(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ready, "PROOF_LASTS", -1.0)  # the app may have been asked before
    proof = "SELECT next_turn FROM paces WHERE name = 'readyz'"
    async with web_on(store) as web:
        answers = [(await web.http.get("/readyz")).status_code]
        first = await fetch(store, proof)
        monkeypatch.setattr(ready, "PROOF_LASTS", 3600.0)
        web.clock.forward(minutes=1)
        answers += [(await web.http.get("/readyz")).status_code for _ in range(3)]
        assert await fetch(store, proof) == first
        monkeypatch.setattr(ready, "PROOF_LASTS", -1.0)
        answers += [(await web.http.get("/readyz")).status_code]
    assert set(answers) == {200}
    assert (await fetch(store, proof))[0]["next_turn"] == first[0]["next_turn"] + 60


async def test_readiness_depends_on_the_schema(database_url: str) -> None:
    store = await Store.open(database_url)
    async with web_on(store) as web:
        assert "0001_first_orders" in problem(await web.http.get("/readyz"), 503)["detail"]
        await store.migrate()
        assert (await web.http.get("/readyz")).json() == {"ok": True}
        async with store.write() as session:
            await session.execute(sql("UPDATE schema_migrations SET checksum = 'other'"))
        assert "changed" in problem(await web.http.get("/readyz"), 503)["detail"]
    await store.close()


async def test_a_newer_schema_is_ready_only_if_compatible(database_url: str) -> None:
    store = await Store.open(database_url)
    await store.migrate()
    async with web_on(store) as web:
        await newer.migrate_as_newer(store, newer.added(9001, "SELECT 1", compatible_from=own_schema()))
        assert (await web.http.get("/readyz")).json() == {"ok": True}
        await newer.migrate_as_newer(store, newer.added(9002, "SELECT 1", compatible_from=9001))
        refused = problem(await web.http.get("/readyz"), 503)
        assert refused["title"] == "The schema is too new"
        assert f"it needs schema 9001, this version's is {own_schema():04}. Install the version" in refused["detail"]
    await store.close()


async def test_metrics_count_rows_and_responses(web: Web) -> None:
    await add(web.store, "A", "B")
    await web.http.post("/webhooks/clickpost", content=b"<", headers={"webhook_key": "right"})
    text = (await web.http.get("/metrics")).text
    assert 'awbridge_shipments{state="ready"} 2.0' in text
    assert 'awbridge_inbox{stage="not_json"} 1.0' in text
    assert 'awbridge_webhooks_total{status="400"} 1.0' in text


async def test_a_large_backlog_is_shown_as_it_was_last_counted(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "LARGE", 0)
    await add(web.store, "A")
    text = (await web.http.get("/metrics")).text
    assert "awbridge_figures_age_seconds 0.0" in text
    await SampleFigures(store=web.store, clock=web.clock).check()
    web.clock.forward(seconds=20)
    await add(web.store, "B")
    text = (await web.http.get("/metrics")).text
    assert 'awbridge_shipments{state="ready"} 1.0' in text
    assert "awbridge_figures_age_seconds 20.0" in text
    page = (await web.http.get("/")).text
    assert "Counted" in page
