"""GET /metrics, the pages, the guidelines and /v1/coverage read no large table completely: old rows cost nothing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast

import httpx2
import pytest

from awbridge.app.accounts.counting import count_account
from awbridge.app.doctor.guide.table import guide_table
from awbridge.app.load_settings import load_settings
from awbridge.steps.polling.watch import coverage
from awbridge.steps.runtime.loop import Loop
from awbridge.store import Store
from awbridge.store.accounts import account_figures, wakes
from awbridge.store.accounts.account_figures import AccountFigures
from awbridge.store.engine.database import Row, Session
from awbridge.store.engine.queries import Statement
from awbridge.web.access.access_list import AccessList
from awbridge.web.contexts import ApiContext, ProcessContext
from awbridge.web.http.limits import Connections
from awbridge.web.monitoring.metrics import metrics_text
from awbridge.web.monitoring.ready import Readiness
from awbridge.web.pages.pages_app import build_pages
from awbridge.web.webhook.endpoint import WebhookEndpoint
from tests.support.plans import PARTITION
from tests.support.rows import T0, fetch, sql
from tests.support.world import SetClock

LARGE = {
    *("actions", "archive_files", "attempts", "catch_up_windows", "event_deliveries", "events", "inbox", "milestones"),
    *("notices", "scans", "shipments", "update_sources", "waybills"),
}
APPLIED = sql("SELECT COUNT(*) AS n FROM inbox WHERE applied_at IS NOT NULL")


@dataclass
class RecordingStore:
    """A store that records the statements of reads."""

    replica = None
    store: Store
    statements: list[tuple[Statement, tuple[object, ...]]] = field(default_factory=list)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Session]:
        async with self.store.read() as session:
            yield cast("Session", _RecordingSession(session, self.statements, is_sqlite=self.store.dialect == "sqlite"))


@dataclass
class _RecordingSession:
    session: Session
    statements: list[tuple[Statement, tuple[object, ...]]]
    is_sqlite: bool

    async def fetch(self, statement: Statement, *args: object) -> list[Row]:
        self.statements.append((statement, args))
        return await self.session.fetch(statement, *args)

    async def fetch_rows(self, statement: Statement, rows: Sequence[Sequence[object]]) -> list[Row]:
        args = tuple(rows[0]) if self.is_sqlite else tuple(map(list, zip(*rows, strict=True)))
        self.statements.append((statement, args))
        return await self.session.fetch_rows(statement, rows)


async def scrape(store: Store, *loops: Loop) -> str:
    class Endpoint:
        counts: dict[int, int] = {}  # noqa: RUF012

    api = ApiContext(store=store, clock=SetClock())
    process = ProcessContext(
        webhook=cast("WebhookEndpoint", Endpoint()),
        loops=loops,
        connections=Connections(),
        access=AccessList(store, api.clock),
        readiness=Readiness(store, api.clock),
    )
    return (await metrics_text(api, process)).decode()


async def test_the_calls_that_push_may_make_at_once_are_shown(store: Store) -> None:
    async def work() -> int:
        return 0

    push = Loop("push", work, idle_seconds=1, concurrency=lambda: 40)
    text = await scrape(store, push, Loop("cancel", work, idle_seconds=1))
    shown = [line for line in text.splitlines() if line.startswith("awbridge_step_concurrency{")]
    assert shown == ['awbridge_step_concurrency{step="push"} 40.0']


async def test_each_account_shows_what_it_had_to_do_when_it_was_last_counted(store: Store) -> None:
    one = AccountFigures(
        account="gulf",
        orders=4,
        failed=3,
        deliveries=2,
        alarms=1,
        due_at=T0 - timedelta(seconds=90),
        last_webhook_at=None,
        counted_at=T0 - timedelta(minutes=2),
    )
    async with store.write() as session:
        await account_figures.save(session, [one, replace(one, account="india", due_at=T0 + timedelta(seconds=5))])
        await wakes.add(session, "india", due_at=T0 - timedelta(seconds=30))
    shown = dict(line.rsplit(" ", 1) for line in (await scrape(store)).splitlines() if line.startswith("awbridge_acc"))
    assert {
        name.removeprefix("awbridge_account_"): float(value) for name, value in shown.items() if "gulf" in name
    } == {
        'orders_waiting{account="gulf"}': 4,
        'orders_failed{account="gulf"}': 3,
        'deliveries_waiting{account="gulf"}': 2,
        'oldest_due_seconds{account="gulf"}': 90,
        'alarms{account="gulf"}': 1,
        'figures_age_seconds{account="gulf"}': 120,
    }
    assert shown['awbridge_account_oldest_due_seconds{account="india"}'] == "30.0", "no process has opened it"


async def read_account(store: Store) -> None:
    await count_account("gulf", store, T0)


async def read_pages(store: Store) -> None:
    app = build_pages(ApiContext(store=store, clock=SetClock(), clickpost=None))
    transport = httpx2.ASGITransport(app=app, client=("127.0.0.1", 1))  # pyright: ignore
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as http:
        for path in ("/", "/endpoints", "/alarms"):
            assert (await http.get(path)).status_code == 200


async def read_coverage(store: Store) -> None:
    await coverage(store=store, clock=SetClock())


async def read_guide(store: Store) -> None:
    await guide_table(load_settings(), store, SetClock())


Monitor = Callable[[Store], Coroutine[Any, Any, None]]


@pytest.mark.parametrize("monitor", [scrape, read_account, read_pages, read_coverage, read_guide])
async def test_monitoring_reads_no_large_table_completely(filled: Store, monitor: Monitor) -> None:
    recording = RecordingStore(filled)
    await monitor(cast("Store", recording))
    assert recording.statements
    complete_reads = {
        s.name: found for s, args in recording.statements if (found := await whole_reads(filled, s, args))
    }
    assert not complete_reads


async def test_a_complete_read_of_a_table_would_be_noticed(filled: Store) -> None:
    assert await whole_reads(filled, APPLIED, ())
    by_state = sql("SELECT state, COUNT(*) AS n FROM shipments GROUP BY state")
    assert await whole_reads(filled, by_state, ())


async def whole_reads(store: Store, statement: Statement, args: tuple[object, ...]) -> list[str]:
    """The parts of the plan that read a large table completely: without an index, or through one with every row."""
    if store.dialect == "postgres":
        explained = Statement("plan", f"EXPLAIN (FORMAT JSON) {statement.postgres}", "")
        async with store.read() as session:
            [row] = await session.fetch(explained, *args)
        nodes = _nodes(json.loads(dict(row)["QUERY PLAN"])[0]["Plan"])
        partial = await _partial(store, "SELECT indexname AS name FROM pg_indexes WHERE indexdef LIKE '% WHERE %'")
        return [str(node) for node in nodes if _reads_all(node, partial)]
    explained = Statement("plan", "", f"EXPLAIN QUERY PLAN {statement.sqlite}")
    async with store.read() as session:
        steps = [str(dict(row)["detail"]) for row in await session.fetch(explained, *args)]
    partial = await _partial(store, "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql LIKE '% WHERE %'")
    return [step for step in steps if _scans_all(step.split(), partial)]


async def _partial(store: Store, text: str) -> set[str]:
    return {row["name"] for row in await fetch(store, text)}


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    below = [node for child in plan.get("Plans", []) for node in _nodes(child)]
    return [{name: value for name, value in plan.items() if name != "Plans"}, *below]


def _reads_all(node: dict[str, Any], partial: set[str]) -> bool:
    if node["Node Type"] == "Seq Scan":
        return _table(node) in LARGE
    is_whole = "Index Name" in node and "Index Cond" not in node and node["Index Name"] not in partial
    return is_whole and _table(node) in LARGE


def _table(node: dict[str, Any]) -> str:
    """The table that a node reads, also where it reads a partition."""
    return PARTITION.sub("", node.get("Relation Name", ""))


def _scans_all(words: list[str], partial: set[str]) -> bool:
    return words[0] == "SCAN" and words[1] in LARGE and not partial & set(words)
