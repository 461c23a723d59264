"""The wiring of the audit: which calls the hook leaves to the steps, and which loops run."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import io
import re
import stat
import time
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

import httpx2
import pytest

from awbridge.app import connections, jobs, loops, policies
from awbridge.app.accounts.file import AccountsFile
from awbridge.app.accounts.hosting import account_loops, worked_accounts
from awbridge.app.load_settings import load_settings
from awbridge.app.running import report_loop, schema_loop
from awbridge.clickpost.client.async_client import AsyncClickPost
from awbridge.clickpost.client.call_recorder import recorded_calls
from awbridge.clickpost.reports.reports import VendorReport
from awbridge.clickpost.wire.endpoints import Endpoints
from awbridge.domain.attempt import SUCCEEDED
from awbridge.domain.call import Call
from awbridge.domain.errors import VendorError
from awbridge.domain.orders.shipment import Region
from awbridge.steps.audit.archive import archive_due
from awbridge.steps.runtime.clock import utc_now
from awbridge.steps.runtime.look import BY_ROWS, BY_TIME
from awbridge.steps.runtime.loop import long_loop
from awbridge.store import Store
from awbridge.store.engine.connections.servers import Servers
from awbridge.store.reconciliation import reconciliations
from awbridge.web.monitoring.metric_list import STEPS
from tests.support.evidence_rows import call, keep
from tests.support.stores import migrated_file


async def test_the_calls_left_to_the_steps_are_named_as_the_client_names_them() -> None:
    endpoints = Endpoints(username="u", key="k", url="u", tracking_url="t", serviceability_url="s", edd_url="e")
    now = datetime(2026, 11, 2, tzinfo=UTC)
    with_orders = (
        endpoints.create_order({}, Region.INDIA),
        endpoints.cancel_order("A", 4, "main", False),
        endpoints.track_order(["A"], 4),
        endpoints.updated_order(now, now.replace(minute=5)),
    )
    assert {request.api for request in with_orders} | await of_actions() == connections.KEPT_WHEN_FAILED


async def of_actions() -> set[str]:
    """The names of the calls of act, allocate, fallback and reconcile."""
    seen: list[Call] = []
    answers = httpx2.MockTransport(lambda _: httpx2.Response(500))
    async with AsyncClickPost(username="shop", key="key", transport=answers, on_call=seen.append) as clickpost:
        for calling in (
            clickpost.find_order("R"),
            clickpost.recommend([{"pickup_pincode": "110001"}]),
            clickpost.edit_order("A", 4, {}),
            clickpost.fetch_label("A", 4),
            clickpost.fetch_security_key("A", 4),
            clickpost.create_pickup({}),
            clickpost.update_ndr("RTO", "A", 4, "main"),
            clickpost.set_whatsapp("A", True),
            clickpost.register_waybill({}),
            clickpost.proof_of_delivery("A", 4),
            *of_reconciling(clickpost),
        ):
            with contextlib.suppress(VendorError):
                await calling
    return {call.api for call in seen}


def of_reconciling(clickpost: AsyncClickPost) -> list[Coroutine[Any, Any, Any]]:
    """The calls of reconcile."""
    day = datetime(2026, 11, 2, tzinfo=UTC)
    ready = VendorReport(
        reference="1", name="", status="COMPLETED", created_at="", link="https://files.example/r.csv", raw={}
    )
    return [
        clickpost.fetch_shipment_count(day.date(), day.date()),
        clickpost.request_report(day, day.replace(hour=5)),
        clickpost.fetch_report("1"),
        clickpost.download_report_into(ready, io.BytesIO().write),
    ]


def test_successful_outcomes_have_the_same_names_in_sql_and_in_python() -> None:
    text = resources.files("awbridge.store.audit").joinpath("attempts.sql").read_text()
    (names,) = re.findall(r"outcome NOT IN \(([^)]+)\)", text)
    assert set(re.findall(r"'(\w+)'", names)) == SUCCEEDED


async def test_the_clients_hooks_are_both_called() -> None:
    calls: list[Call] = []
    settings = load_settings(
        clickpost_username="shop", clickpost_key="key", clickpost_url="http://127.0.0.1:9", clickpost_timeout=1
    )
    async with connections.vendor(settings, on_call=calls.append) as clickpost:
        with recorded_calls() as recorded:
            await clickpost.find_order("R")
    assert [call.api for call in calls] == ["fetch-order"]
    assert recorded == calls


async def test_the_archives_loop_runs_only_where_there_is_an_archive(tmp_path: Path) -> None:
    account = {"clickpost_username": "u", "clickpost_key": "k", "database_url": f"sqlite:///{tmp_path}/loops.db"}
    for archive, runs in (("none", False), (f"file://{tmp_path}/archive", True), ("", True)):
        settings = load_settings(**account, archive_url=archive, data_dir=str(tmp_path / "data"))
        async with loops.opened_world(settings, utc_now) as world:
            names = set(loops.step_loops(world))
        assert {"keep_calls", "schedule", "erase"} <= names <= set(STEPS)
        assert ("archive" in names) is runs
    assert not (tmp_path / "data").exists()  # no folder is created before it is needed


async def test_every_step_is_a_value_of_the_label_of_the_metrics(tmp_path: Path) -> None:
    settings = load_settings(
        clickpost_username="u",
        clickpost_key="k",
        database_url=f"sqlite:///{tmp_path}/loops.db",
        data_dir=str(tmp_path / "data"),
        reconcile_dir=str(tmp_path),
    )
    async with loops.opened_world(settings, utc_now) as world:
        names = {*loops.step_loops(world), schema_loop(world.store, print).name}
        names.add(report_loop(world.store, utc_now, "work").name)
        async with worked_accounts(settings, world.store, Servers(), utc_now, AccountsFile(None)) as accounts:
            names |= set(account_loops(accounts, 1.0))
    assert names == set(STEPS)
    by_nothing = names - {*BY_ROWS, *BY_TIME}
    assert not by_nothing, "name them in steps/runtime/look.py: what says when they have something to do?"


async def test_failed_calls_have_files_before_any_storage_is_set(store: Store, tmp_path: Path) -> None:
    settings = load_settings(data_dir=str(tmp_path / "data"), archive_seconds=1)
    await keep(store, call("R1"), call("R2"), reference=None, at=utc_now() - timedelta(minutes=1))
    objects = connections.archive_objects(settings)
    assert objects
    policy = policies.archive_policy(settings)
    while await archive_due(store=store, objects=objects, clock=utc_now, policy=policy):
        pass
    [file] = (tmp_path / "data" / "calls").rglob("*.jsonl.gz")
    assert len(gzip.decompress(file.read_bytes()).splitlines()) == 2
    assert not list((tmp_path / "data" / "archive").iterdir())  # no file waits for upload
    for folder in (tmp_path / "data", tmp_path / "data" / "calls", tmp_path / "data" / "reports"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert policies.retain_policy(settings).archive_configured


@pytest.mark.parametrize(("more", "sent"), [({}, True), ({"report_empty_days": False}, False)])
def test_a_day_without_failures_sends_a_report_unless_it_is_turned_off(more: dict[str, Any], sent: bool) -> None:
    settings = load_settings(
        smtp_url="smtp://127.0.0.1:9", mail_from="a@shop.example", report_to="b@shop.example", **more
    )
    policy = policies.report_policy(settings)
    assert policy.mail
    assert policy.empty_mail is sent


async def test_the_day_before_is_reconciled_by_schedule(tmp_path: Path) -> None:
    store = await Store.open(await migrated_file(tmp_path))
    try:
        settings = load_settings(data_dir=str(tmp_path / "data"), reconcile_cron="45 4 * * *")
        (job,) = [job for job in jobs.jobs(settings, store, utc_now) if job.name == "reconcile"]
        assert (job.cron, job.catch_up) == ("45 4 * * *", 7)
        ran = await job.work(datetime(2025, 11, 2, 23, 15, tzinfo=UTC))  # 04:45 on the 3rd in India
        assert ran.result == "reconciliation of 2025-11-02 begun"
        async with store.read() as session:
            (run,) = await reconciliations.newest(session)
        assert (str(run.day), run.source) == ("2025-11-02", "schedule")
    finally:
        await store.close()


async def test_a_long_round_counts_as_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    sleep = asyncio.sleep

    async def short(_seconds: float) -> None:
        await sleep(0.01)

    going_on = asyncio.Event()

    async def long_work() -> int:
        await going_on.wait()
        return 0

    loop: Any = long_loop("long", long_work, idle_seconds=1.0)
    monkeypatch.setattr("awbridge.steps.runtime.loop.asyncio.sleep", short)
    loop.beat_at = time.monotonic() - 1000
    task = asyncio.create_task(loop.run())
    await sleep(0.2)
    assert loop.silent_for < 5
    going_on.set()
    loop.stop()
    await task
