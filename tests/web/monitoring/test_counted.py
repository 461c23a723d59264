"""What a process counts, and how /metrics shows it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from awbridge.domain.call import Call
from awbridge.steps.orders.intake import BatchRefused, take_in
from awbridge.steps.records.counted_calls import code_label, count_call
from awbridge.steps.runtime.meters import DURATIONS, METERS, WEBHOOK_SECONDS, Durations, Meter
from awbridge.steps.tracking.ingest import Ingest
from awbridge.store import Store
from awbridge.store.audit import figures
from awbridge.web.monitoring.counted import Counted
from tests.support.app import Web
from tests.support.journey import bridge_on
from tests.support.rows import T0, add, delivery, sql
from tests.support.stores import sqlite_only
from tests.support.world import SetClock, get

OPEN_FILE = sql(
    "INSERT INTO archive_files (id, object_key, calls, tries, next_try_at, created_at) VALUES (1, 'k', 1, 0, $1, $1)"
)

Samples = dict[tuple[str, ...], float]


def samples(text: str) -> Samples:
    """The samples of a scrape: (name, value of each label) -> value."""
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name, *(sample.labels[label] for label in sorted(sample.labels))] = sample.value
    return found


def counted() -> Samples:
    registry = CollectorRegistry()
    registry.register(Counted())
    return samples(generate_latest(registry).decode())


def since(before: Samples) -> Samples:
    """What was counted since then, without histogram buckets and sums."""
    now = counted()
    changed = {name: value - before.get(name, 0.0) for name, value in now.items() if value != before.get(name, 0.0)}
    return {name: value for name, value in changed.items() if not name[0].endswith(("_bucket", "_sum"))}


@sqlite_only
async def test_an_order_and_a_webhook_are_counted_at_every_step(store: Store) -> None:
    before = counted()
    async with bridge_on(store) as bridge:
        bridge.answers = [{"meta": {"status": 307, "message": "bad order type"}}, {"meta": {"status": 98765}}]
        await bridge.order("A", "B", "C")
        await bridge.order("C")
        bridge.clock.forward(seconds=2)
        await bridge.push()
        (placed,) = [r for r in "ABC" if (await get(store, r)).success]
        await bridge.hear(f"AWB-{placed}", 6)
        await bridge.tell()
    assert since(before) == {
        ("awbridge_orders_received_total", "new"): 3,
        ("awbridge_orders_received_total", "known"): 1,
        ("awbridge_orders_total", "307", "rejected"): 1,
        ("awbridge_orders_total", "other", "try_later"): 1,
        ("awbridge_orders_total", "200", "placed"): 1,
        ("awbridge_order_placed_seconds_count",): 1,
        ("awbridge_vendor_calls_total", "create-order", "permanent"): 1,
        ("awbridge_vendor_calls_total", "create-order", "unclear"): 1,
        ("awbridge_vendor_calls_total", "create-order", "success"): 1,
        ("awbridge_vendor_call_seconds_count", "create-order"): 3,
        ("awbridge_webhook_seconds_count",): 1,
        ("awbridge_deliveries_applied_total", "webhook"): 1,
        ("awbridge_apply_lag_seconds_count",): 1,
        ("awbridge_messages_total", "sms", "sent"): 1,
        ("awbridge_messages_total", "sms", "suppressed"): 1,
    }
    lag = ("awbridge_apply_lag_seconds_sum",)
    assert counted()[lag] - before[lag] == pytest.approx(3.0)
    waited = ("awbridge_order_placed_seconds_sum",)
    assert counted()[waited] - before[waited] == pytest.approx(2.0)


@sqlite_only
async def test_refused_orders_are_counted_although_nothing_is_stored(store: Store) -> None:
    before = counted()
    with pytest.raises(BatchRefused):
        await take_in(store=store, clock=SetClock(), orders=[{}, []])
    assert since(before) == {("awbridge_orders_received_total", "refused"): 2}


def test_a_code_that_no_table_has_makes_no_label_of_its_own() -> None:
    def call(**answer: Any) -> Call:
        return Call(api="create-order", method="POST", url="u", **answer)

    assert code_label(call(http_status=200, business_status=319)) == "319"
    assert code_label(call(http_status=502)) == "502"
    assert code_label(call(http_status=200, business_status=123456)) == "other"
    assert code_label(call(error="ConnectError")) == "no_answer"
    before = counted()
    count_call(call(error="ConnectError", ms=1500))
    assert since(before)[("awbridge_vendor_calls_total", "create-order", "no_answer")] == 1


def test_a_histogram_is_cumulative_and_includes_its_bounds() -> None:
    durations = Durations("awbridge_x_seconds", "X.", (0.1, 1.0))
    durations.observe([0.1, 0.5, 2.0, -3.0])
    registry = CollectorRegistry()
    registry.register(Counted([], [durations]))
    shown = samples(generate_latest(registry).decode())
    assert [shown["awbridge_x_seconds_bucket", bound] for bound in ("0.1", "1.0", "+Inf")] == [2, 3, 4]
    assert shown["awbridge_x_seconds_count",] == 4
    assert shown["awbridge_x_seconds_sum",] == 0.0


def test_every_meter_is_rendered_and_has_few_labels() -> None:
    from awbridge.steps.runtime import meters

    declared = {id(value) for value in vars(meters).values() if isinstance(value, Meter | Durations)}
    assert declared == {id(meter) for meter in (*METERS, *DURATIONS)}
    assert max(len(meter.labels) for meter in (*METERS, *DURATIONS)) == 2


@sqlite_only
async def test_webhooks_are_counted_by_the_batch(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the path of every webhook, even a microsecond counts."""
    batches: list[int] = []
    monkeypatch.setattr(WEBHOOK_SECONDS, "observe", lambda took: batches.append(len(took)))
    ingest = Ingest(store)
    running = asyncio.create_task(ingest.run())
    await asyncio.gather(*(ingest.accept(delivery(f"d{n}")) for n in range(200)))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert sum(batches) == 200
    assert len(batches) < 20


async def test_a_scrape_shows_how_long_due_work_has_waited(web: Web) -> None:
    text = (await web.http.get("/metrics")).text
    for step in ("push", "apply", "archive"):
        assert samples(text)["awbridge_oldest_due_seconds", step] == 0
    await add(web.store, "A")
    async with web.store.write() as session:
        await session.execute(OPEN_FILE, T0)
    web.clock.forward(seconds=90)
    await web.ingest.accept(delivery("d", received_at=web.clock.now))
    web.clock.forward(seconds=10)
    shown = samples((await web.http.get("/metrics")).text)
    waited = [shown["awbridge_oldest_due_seconds", step] for step in ("push", "apply", "archive")]
    assert waited == pytest.approx([100, 10, 100], abs=1)
    assert shown["awbridge_webhook_seconds_count",] >= 1
    assert shown["process_resident_memory_bytes",] > 1e6
    assert [name for name in shown if name[0] == "awbridge_build_info"]


async def test_orders_of_a_held_account_are_not_overdue(web: Web) -> None:
    """Their rows stay due, so that a million of them cost nothing; they wait for the account, and not for push."""
    await add(web.store, "A")
    incident = sql("UPDATE account_states SET incident = 'account', probe_at = $1, since_at = $1")
    async with web.store.write() as session:
        await session.execute(incident, T0 + timedelta(hours=1))
    web.clock.forward(seconds=90)
    shown = samples((await web.http.get("/metrics")).text)
    assert shown["awbridge_oldest_due_seconds", "push"] == 0
    assert shown["awbridge_accounts_held", "account"] == 1
    async with web.store.read() as session:
        assert await figures.longest_due_push(session, now=web.clock.now) is None
    await add(web.store, "B", account_code="other")
    web.clock.forward(seconds=30)
    shown = samples((await web.http.get("/metrics")).text)
    assert shown["awbridge_oldest_due_seconds", "push"] == pytest.approx(120, abs=1)
