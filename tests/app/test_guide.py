"""Every demand of ClickPost's guidelines is judged by this deployment's evidence, and each can turn red."""

from __future__ import annotations

import ast
import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from click.testing import CliRunner
from tools import guide_table as guide_page

from awbridge.app import running as running_steps
from awbridge.app.doctor.guide.table import guide_table
from awbridge.app.load_settings import load_settings
from awbridge.app.serve import assembled
from awbridge.app.settings import PREFIX, Settings
from awbridge.cli import main
from awbridge.domain.guide.demands import DEMANDS
from awbridge.domain.guide.rows import DemandState, GuideRow
from awbridge.domain.reconciliation.differences import DayCounts, DifferenceTable
from awbridge.steps.runtime.clock import utc_now
from awbridge.steps.runtime.report_process import AnsweredWebhooks, ReportProcess
from awbridge.steps.tracking.apply import ApplyPolicy, apply_due
from awbridge.store import Store
from awbridge.store.audit import archive, processes, reports
from awbridge.store.audit.reports import Report
from awbridge.store.couriers import couriers
from awbridge.store.couriers.couriers import CourierAccount
from awbridge.store.engine.ids import first_id
from awbridge.store.polling import webhook_keys
from awbridge.store.reconciliation import reconciliations
from awbridge.store.reconciliation.reconciliations import NewRun, Outcome, Stage
from awbridge.store.tracking import inbox
from tests.support.evidence_rows import call, good_call, keep
from tests.support.rows import MINUTE, T0, add, decided, delivery, place, sql
from tests.support.stores import migrated_file, postgres_only
from tests.support.world import INDIA, SetClock, as_body, webhook

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).resolve().parents[2]
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
HEALTHY: dict[str, Any] = {
    "clickpost_username": "u",
    "clickpost_key": "k",
    "archive_url": "s3://bucket/prefix",
    "smtp_url": "smtp://127.0.0.1:25",
    "mail_from": "awbridge <bridge@shop.example>",
    "report_clickpost_to": "help@clickpost.example",
    "notice_mail": True,
    "notice_mail_from": "Acme <orders@acme.example>",
}


@dataclass
class Deployment:
    """A store, its settings and its clock, to be broken in one place."""

    store: Store
    clock: SetClock = field(default_factory=SetClock)
    settings: dict[str, Any] = field(default_factory=lambda: dict(HEALTHY))

    async def run(self, text: str, *args: object) -> None:
        async with self.store.write() as session:
            await session.execute(sql(text), *args)

    async def rows(self) -> dict[int, GuideRow]:
        found = await guide_table(load_settings(**self.settings), self.store, self.clock)
        return {row.demand.number: row for row in found}


async def make_healthy(store: Store) -> None:
    """What a deployment holds that meets every demand at T0."""
    at = Deployment(store)
    await _couriers_and_orders(at)
    await _records(at)
    await _reconciliations(store)
    await _tracking(at)
    counts = AnsweredWebhooks(stored=5, p99=0.012)
    for _ in range(2):
        await ReportProcess(store=store, clock=at.clock, kind="serve", webhooks=lambda: counts).check()


async def _couriers_and_orders(at: Deployment) -> None:
    async with at.store.write() as session:
        await couriers.put(
            session, [CourierAccount(transporter="fast", courier_partner_id=4, account_code="main")], now=T0
        )
        await couriers.begin_comparison(session, now=T0, until=T0 + DAY)
        await couriers.end_comparison(session, next_at=T0 + DAY, now=T0 - HOUR, problem=None)
        await webhook_keys.add(session, "secret", webhook_url="https://ship.example.com/webhooks/clickpost", now=T0)
    await add(at.store, "R", now=T0 - HOUR)
    await place(at.store, "R", "AWB1", now=T0 - HOUR)
    await keep(at.store, good_call(), outcome="placed", at=T0 - HOUR)
    await keep(at.store, call(), at=T0 - HOUR)


async def _records(at: Deployment) -> None:
    report = Report(
        id="failures-2026-11-01-clickpost", kind="failures", day="2026-11-01", destination="clickpost", shipments=1,
        calls=2, created_at=T0 - HOUR,
    )  # fmt: skip
    async with at.store.write() as session:
        file, calls = archive.next_file_id(), await archive.unfiled(session, limit=9)
        await archive.cut(session, file, "calls/1.jsonl.gz", calls, now=T0 - HOUR)
        await archive.archived(session, file, calls=len(calls), size=9, sha256="0", now=T0 - HOUR)
        await reports.put(session, report)
        await reports.mailed(session, report.id, to=1, now=T0 - HOUR)
    await at.run(
        "INSERT INTO runs (job, due_at, tries, started_at, finished_at) VALUES ('backup', $1, 1, $1, $1)", T0 - HOUR
    )


async def _reconciliations(store: Store) -> None:
    day = NewRun(
        identity="day", source="schedule", kind=DifferenceTable.REGISTERED, name="2026-11-01", day=date(2026, 11, 1),
        state=Stage.COUNTING,
    )  # fmt: skip
    file = NewRun(
        identity="file", source="folder", kind=DifferenceTable.FAILURES, name="failures.csv", day=None,
        state=Stage.MATCHING,
    )  # fmt: skip
    for new in (day, file):
        async with store.write() as session:
            begun = await reconciliations.begin(session, reconciliations.new_id(), new, now=T0 - HOUR)
            run = await reconciliations.claim(session, owner="me", now=T0, until=T0 + HOUR, only=begun.id)
            assert run
            await reconciliations.keep_counts(session, run, DayCounts(ours=1, placed=1, tracked=1))
            assert await reconciliations.finish(session, run, Outcome(line_count=3), now=T0 - HOUR)


async def _tracking(at: Deployment) -> None:
    body = as_body(webhook("AWB1", 5, T0 - 30 * MINUTE))
    async with at.store.write() as session:
        await inbox.add(session, [delivery("one", received_at=T0 - 20 * MINUTE, body=body)])
    assert await apply_due(store=at.store, clock=at.clock, policy=ApplyPolicy(zone=INDIA)) == 1
    await a_notice(at, "sent")
    await at.run(
        "INSERT INTO catch_up_windows (from_at, to_at, done_at, items) VALUES ($1, $2, $2, 0)", T0 - DAY, T0 - MINUTE
    )


async def a_notice(at: Deployment, state: str) -> None:
    names = "shard, id, reference_number, milestone, channel, state, why, tries, language, created_at"
    statement = f"INSERT INTO notices ({names}) VALUES (1, $1, 'R', $2, 'mail', $2, '', 1, 'en', $3)"
    await at.run(statement, first_id(T0 - HOUR) + len(state), state, T0)


_healthy: list[bytes] = []


@pytest.fixture
async def healthy(tmp_path: Path) -> Any:
    """A deployment that meets every demand, in a file of its own."""
    path = tmp_path / "guide.db"
    if not _healthy:
        store = await Store.open(await migrated_file(tmp_path, path.name))
        await make_healthy(store)
        await store.close()
        _healthy.append(path.read_bytes())
    path.write_bytes(_healthy[0])
    store = await Store.open(f"sqlite:///{path}")
    yield Deployment(store, settings={**HEALTHY, "database_url": f"sqlite:///{path}"})
    await store.close()


async def test_a_deployment_can_meet_every_demand(healthy: Deployment) -> None:
    rows = await healthy.rows()
    assert {n: row.evidence for n, row in rows.items() if row.evidence.verdict is not DemandState.OK} == {}
    assert list(rows) == list(range(1, 34))
    found = {n: row.evidence.found for n, row in rows.items()}
    assert "1 by 200; by any other: 0" in found[6]
    assert found[8].startswith("last file archived at 2026-11-02 11:00 IST, with 2 calls")
    assert "report of 2026-11-01: 1 shipment, 2 calls, mailed at 2026-11-02 11:00 IST" in found[11]
    assert found[12] == "2026-11-01: 1 registered here, 1 at ClickPost; found: 0 differences"
    assert (
        "within 12 ms, ClickPost waits 2,000 ms (slowest of 2 processes); last hour: 10 answered with 200, 0 with 503"
        in found[19]
    )
    assert "0 of 10 answers with 200 of the last hour came before the commit" in found[20]
    assert "last day: 1 webhook, 1 new scan" in found[22]
    assert found[32].startswith("answering webhooks: 2 processes on ")


async def test_a_new_deployment_says_what_will_show_each_demand(tmp_path: Path) -> None:
    store = await Store.open(await migrated_file(tmp_path))
    try:
        rows = await Deployment(store, settings={"clickpost_username": "u", "clickpost_key": "k"}).rows()
    finally:
        await store.close()
    assert {n for n, row in rows.items() if row.evidence.verdict is DemandState.RED} == {1, 8, 11, 17, 32, 33}
    assert all(row.evidence.do for row in rows.values() if row.evidence.verdict is not DemandState.OK)


def settings(**changes: Any) -> Callable[[Deployment], Awaitable[None]]:
    async def change(at: Deployment) -> None:
        at.settings |= changes

    return change


def later(span: timedelta) -> Callable[[Deployment], Awaitable[None]]:
    async def wait(at: Deployment) -> None:
        at.clock.now += span

    return wait


def changed(text: str, *args: object) -> Callable[[Deployment], Awaitable[None]]:
    async def change(at: Deployment) -> None:
        await at.run(text, *args)

    return change


def an_order(age: timedelta, change: str = "") -> Callable[[Deployment], Awaitable[None]]:
    async def arrive(at: Deployment) -> None:
        await add(at.store, "NEW", now=T0 - age)
        if change:
            await at.run(f"UPDATE shipments SET {change} WHERE reference_number = 'NEW'")

    return arrive


async def orders_of_a_held_account(at: Deployment) -> None:
    await add(at.store, "HELD", now=T0)
    await at.run(
        "UPDATE account_states SET incident = 'account', problem = 'wrong credentials', probe_at = $1", T0 + DAY
    )


async def a_refused_order(at: Deployment) -> None:
    await decided(at.store, placed=0, refused=1, clock=at.clock)


async def placed_by_another_code(at: Deployment) -> None:
    await keep(at.store, good_call(http_status=202), outcome="placed", at=T0)


async def a_difference(at: Deployment) -> None:
    await at.run(
        "INSERT INTO differences (shard, reconciliation_id, kind, item, id, state, checks, next_check_at, found_at) "
        "VALUES (1, 1, 'missing_there', 'R', 1, 'open', 1, $1, $2)",
        T0 + HOUR,
        T0 - 2 * HOUR,
    )


def a_delivery(**values: Any) -> Callable[[Deployment], Awaitable[None]]:
    async def arrive(at: Deployment) -> None:
        async with at.store.write() as session:
            await inbox.add(session, [delivery("new", **values)])

    return arrive


async def an_ambiguous_delivery(at: Deployment) -> None:
    await a_delivery()(at)
    await at.run("UPDATE inbox SET waiting_for = 'o:1', problem = 'two shipments' WHERE identity = 'new'")


async def no_flushes(at: Deployment) -> None:
    async with at.store.read() as one, at.store.read() as other:
        for session in (one, other):
            await session.fetch(sql("PRAGMA synchronous = OFF"))


async def no_unique_key(at: Deployment) -> None:
    await at.run("ALTER TABLE inbox RENAME TO of_old")
    await at.run("CREATE TABLE inbox AS SELECT * FROM of_old")


async def a_scan_stored_twice(at: Deployment) -> None:
    names = "shard, reference_number, fingerprint, waybill, status_code, status, remark, location, scanned_at, "
    names += "received_at, source"
    await at.run(f"INSERT INTO scans (id, {names}) SELECT id + 1, {names} FROM scans")


async def refused_webhooks(at: Deployment) -> None:
    async with at.store.write() as session:
        await webhook_keys.refuse(session, webhook_keys.NO_KEY, 7, last_at=T0 - HOUR)


async def a_failed_message(at: Deployment) -> None:
    await a_notice(at, "failed")


BREAKS: Mapping[int, Callable[[Deployment], Awaitable[None]]] = {
    1: changed("UPDATE courier_accounts SET active = FALSE"),
    2: changed("UPDATE courier_accounts SET account_code = NULL"),
    3: an_order(2 * HOUR, "state = 'allocating', next_try_at = NULL"),
    4: a_refused_order,
    5: orders_of_a_held_account,
    6: placed_by_another_code,
    7: settings(archive_url="none"),
    8: settings(archive_url=""),
    9: an_order(HOUR, "state = 'gave_up', next_try_at = NULL, no_of_retries = 2"),
    10: an_order(HOUR, "state = 'gave_up', next_try_at = NULL, no_of_retries = 7"),
    11: settings(report_clickpost_to=""),
    12: later(3 * DAY),
    13: a_difference,
    14: later(4 * DAY),
    15: an_order(2 * DAY, "state = 'retrying', next_try_at = '2026-11-03T00:00:00.000000Z'"),
    16: an_order(10 * MINUTE),
    17: changed("DELETE FROM webhook_keys"),
    18: a_delivery(problem="not_json: of a test"),
    19: changed("UPDATE processes SET p99_ms = 1500"),
    20: no_flushes,
    21: a_delivery(received_at=T0 - 10 * MINUTE),
    22: no_unique_key,
    23: a_scan_stored_twice,
    24: changed("UPDATE scans SET scanned_at = $1", T0 + HOUR),
    25: an_ambiguous_delivery,
    26: a_failed_message,
    27: settings(notice_fresh_seconds=200_000),
    28: refused_webhooks,
    29: settings(polling="economical"),
    30: later(HOUR),
    31: settings(poll_again_seconds=60),
    32: changed("DELETE FROM processes WHERE id = (SELECT MIN(id) FROM processes)"),
    33: changed("UPDATE runs SET problem = 'the disk is full' WHERE job = 'backup'"),
}


@pytest.mark.parametrize("number", [demand.number for demand in DEMANDS])
async def test_each_demand_turns_red_once(healthy: Deployment, number: int) -> None:
    await BREAKS[number](healthy)
    evidence = (await healthy.rows())[number].evidence
    assert evidence.verdict is DemandState.RED, evidence
    assert evidence.found
    assert evidence.do


async def test_a_backup_is_known_by_the_runs_of_its_job(healthy: Deployment) -> None:
    async def shown() -> tuple[str, str]:
        evidence = (await healthy.rows())[33].evidence
        return str(evidence.verdict), evidence.found

    assert await shown() == ("ok", "last backup taken at 2026-11-02 11:00 IST")
    healthy.clock.now += 2 * DAY
    assert await shown() == ("red", "last backup taken at 2026-11-02 11:00 IST, 2.0 days ago")
    await healthy.run("DELETE FROM runs")
    assert await shown() == ("red", "no backup is known")


@postgres_only
async def test_a_database_that_does_not_wait_for_the_disk_is_red(store: Store) -> None:
    """The tests' PostgreSQL runs with fsync = off."""
    rows = await Deployment(store).rows()
    assert rows[20].evidence.verdict is DemandState.RED
    assert "fsync = on" in rows[20].evidence.do
    assert rows[22].evidence.verdict is DemandState.OK


async def test_a_running_service_shows_how_quickly_it_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running_steps, "REPORT_IDLE", 0.02)
    monkeypatch.setattr(processes, "EVERY", timedelta(0))
    running = load_settings(
        database_url=await migrated_file(tmp_path), clickpost_username="u", clickpost_key="k", webhook_keys="secret",
        clickpost_url="http://127.0.0.1:9", clickpost_tracking_url="http://127.0.0.1:9", data_dir=str(tmp_path),
        courier_comparison_seconds=0,
    )  # fmt: skip
    async with assembled(running) as bridge:
        transport = httpx2.ASGITransport(app=bridge.app, client=("127.0.0.1", 1))  # pyright: ignore
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:8000") as http:
            body = as_body(webhook("AWB1", 5, utc_now()))
            answer = await http.post("/webhooks/clickpost", headers={"webhook_key": "secret"}, content=body)
            assert answer.status_code == 200
            page = await _page_with(http, "slowest of 1 process); last hour: 1 answered with 200, 0 with 503")
            assert re.search(r"committed within \d+ ms", page)
    store = await Store.open(running.database_url)
    async with store.read() as session:
        assert not await processes.alive(session, now=utc_now()), "a process that ended in good order is not shown"
    await store.close()


async def _page_with(http: httpx2.AsyncClient, text: str) -> str:
    for _ in range(500):
        page = (await http.get("/setup/guide")).text
        if text in page:
            return page
        await asyncio.sleep(0.02)
    raise AssertionError(f"{text!r} is not shown")


def test_the_command_prints_the_table_and_exits_with_3(
    healthy: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWBRIDGE_DATABASE_URL", healthy.settings["database_url"])
    result = CliRunner().invoke(main, ["doctor", "--guide", "--json"])
    assert result.exit_code == 3
    rows = json.loads(result.stdout)
    assert [row["number"] for row in rows] == list(range(1, 34))
    assert rows[16] | {"found": ""} == {
        "number": 17,
        "part": "webhooks",
        "demand": DEMANDS[16].text,
        "state": "ok",
        "found": "",
        "do": "",
        "feature": DEMANDS[16].feature,
        "red_when": DEMANDS[16].red,
        "settings": ["AWBRIDGE_WEBHOOK_KEYS"],
        "docs": "docs/how-to/deploy/webhooks.md",
        "test": DEMANDS[16].test,
    }
    result = CliRunner().invoke(main, ["doctor", "--guide"])
    assert result.exit_code == 3
    assert re.search(r"^ 1 red     One API serves every courier", result.stdout, re.MULTILINE)
    assert "-> set it, then start awbridge again" in result.stdout
    assert re.search(r"^\d+ ok, \d+ red, \d+ unknown of 33 demands$", result.stdout, re.MULTILINE)


def test_the_page_has_every_demand_of_the_code() -> None:
    """`python -m tools.guide_table` writes it."""
    assert guide_page.PAGE.read_text(encoding="utf-8") == guide_page.page()


@pytest.mark.parametrize("demand", DEMANDS, ids=lambda demand: demand.number)
def test_every_demand_names_a_test_settings_and_a_page_that_exist(demand: Any) -> None:
    file, _, name = demand.test.partition("::")
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert set(demand.settings) <= {PREFIX + field.upper() for field in Settings.fields}
    assert (ROOT / "docs" / demand.page).exists()
