"""The gap alarm: raised once when webhooks fall silent while polling finds scans, ended once when they are back."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
from structlog.testing import capture_logs

from awbridge.domain.errors import StoreBusy
from awbridge.domain.notify.alarm_causes import AlarmCause
from awbridge.domain.tracking.coverage import Span, spans
from awbridge.domain.tracking.scan import Source
from awbridge.steps.polling.watch import Coverage, Watch, WatchPolicy, WebhookRefusals, coverage
from awbridge.store import Store
from awbridge.store.polling import arrivals, windows
from awbridge.store.polling.arrivals import Arrival
from tests.support.rows import MINUTE, T0, sql
from tests.support.world import SetClock, TrippingStore

_WINDOW = sql("INSERT INTO catch_up_windows (from_at, to_at, done_at, items, problem) VALUES ($1, $2, $3, $4, $5)")
START = T0.replace(minute=0, second=0, microsecond=0)


async def came(store: Store, clock: SetClock, source: Source, *, courier: int = 4, scans: int = 1) -> None:
    async with store.write() as session:
        await arrivals.count(session, [Arrival(clock.now, courier, source, deliveries=1, scans=scans)])


async def events(*watches: Watch) -> list[str]:
    with capture_logs() as logs:
        for watch in watches:
            await watch.judge()
    return [entry["event"] for entry in logs]


async def covered_now(store: Store, clock: SetClock) -> Coverage:
    return await coverage(store=store, clock=clock)


async def test_silence_while_polling_finds_scans_is_logged_once_over_all_processes_and_so_is_its_end(
    store: Store,
) -> None:
    clock = SetClock(START)
    watches = [Watch(store, clock, WatchPolicy(), WebhookRefusals()) for _ in range(2)]
    await came(store, clock, Source.WEBHOOK)
    for _ in range(5):
        clock.forward(minutes=11)
        assert await events(*watches) == []
        await came(store, clock, Source.UPDATED_ORDER)
    clock.forward(minutes=5)
    assert await events(*watches) == ["webhooks.silent"]
    assert await events(*watches) == []
    assert (await covered_now(store, clock)).alarms == {AlarmCause.WEBHOOKS_SILENT: clock.now}
    clock.forward(minutes=20)
    await came(store, clock, Source.WEBHOOK)
    assert await events(*watches) == ["webhooks.resumed"]
    assert (await covered_now(store, clock)).alarms == {}


@pytest.mark.parametrize("found", [0, 2])
async def test_a_quiet_night_is_no_alarm(store: Store, found: int) -> None:
    clock = SetClock(START)
    watch = Watch(store, clock, WatchPolicy(), WebhookRefusals())
    clock.forward(hours=5)
    if found:
        await came(store, clock, Source.UPDATED_ORDER, scans=found)
    assert await events(watch) == []


async def test_an_outage_of_our_own_is_not_clickposts_silence(store: Store) -> None:
    clock = SetClock(START)
    await came(store, clock, Source.WEBHOOK)
    clock.forward(hours=9)
    watch = Watch(store, clock, WatchPolicy(), WebhookRefusals())
    await came(store, clock, Source.UPDATED_ORDER, scans=500)
    assert await events(watch) == []


async def test_webhooks_that_never_came_are_an_alarm_too(store: Store) -> None:
    clock = SetClock(START)
    watch = Watch(store, clock, WatchPolicy(), WebhookRefusals())
    clock.forward(minutes=50)
    await came(store, clock, Source.TRACK_ORDER, scans=9)
    clock.forward(minutes=10)
    assert await events(watch) == ["webhooks.silent"]


async def test_coverage_shows_by_courier_which_source_was_first_and_which_minutes_are_missing(store: Store) -> None:
    clock = SetClock(START)
    await came(store, clock, Source.WEBHOOK, scans=30)
    clock.forward(hours=3)
    await came(store, clock, Source.WEBHOOK, scans=1)
    await came(store, clock, Source.UPDATED_ORDER, scans=3)
    await came(store, clock, Source.TRACK_ORDER, courier=9, scans=2)
    async with store.write() as session:
        for place, done in enumerate((True, True, False, True)):
            window = await windows.claim(
                session,
                now=START,
                lease=60 * MINUTE,
                start=START,
                end=START + 600 * MINUTE,
                longest=10 * MINUTE,
                shortest=MINUTE,
            )
            assert window
            if done:
                await windows.done(session, window, items=place, now=clock.now)
            else:
                await windows.failed(session, window, problem="away", again_at=clock.now + timedelta(days=1))
    now = await covered_now(store, clock)
    assert {c: (t.by_webhook, t.by_polling, t.share) for c, t in now.day.items()} == {
        4: (31, 3, 31 / 34),
        9: (0, 2, 0.0),
    }
    assert now.hour[4].share == 0.25
    assert [(s.covered, s.to_at - s.from_at, s.problem) for s in now.spans] == [
        (True, 20 * MINUTE, None),
        (False, 10 * MINUTE, "away"),
        (True, 10 * MINUTE, None),
        (False, 140 * MINUTE, None),
    ]
    assert (now.covered_until, now.lag) == (START + 20 * MINUTE, 160 * MINUTE)
    assert now.webhook_silence == timedelta(0)


async def test_a_week_of_windows_is_read_as_its_spans(store: Store) -> None:
    """Windows that adjoin and are as covered come as one row, which says the same as the windows did one by one."""
    dice, at, given = Random(5), START - timedelta(days=7, minutes=3), list[Span]()
    async with store.write() as session:
        for _ in range(300):
            at += MINUTE if dice.random() < 0.02 else timedelta(0)
            to_at = at + dice.choice((0, 5, 30)) * MINUTE
            problem = dice.choice((None, "away", "busy")) if dice.random() < 0.1 else ""
            done_at = START if problem == "" else None
            if all(window.from_at != at for window in given):
                await session.execute(_WINDOW, at, to_at, done_at, len(given), problem or None)
                shown = problem or None if done_at is None else None
                given.append(Span(from_at=at, to_at=to_at, covered=bool(done_at), items=len(given), problem=shown))
            at = to_at
    now, back = at + 7 * MINUTE, START - timedelta(days=6)
    async with store.read() as session:
        found = await windows.since(session, back)
    expected = spans((window for window in given if window.to_at > back), start=back, now=now)
    assert spans(found, start=back, now=now) == expected
    assert len(found) <= len(expected) < 100


async def test_refused_webhooks_are_written_down_and_old_counts_go(store: Store) -> None:
    clock = SetClock(START)
    refusals = WebhookRefusals()
    await came(store, clock, Source.WEBHOOK)
    clock.forward(days=9)
    watch = Watch(store, clock, WatchPolicy(), refusals)
    for reason in ("no_key", "no_key", "wrong_key"):
        refusals.add(reason, clock.now)
    assert await watch.check() == 0
    refusals.add("no_key", clock.now)
    await Watch(store, clock, WatchPolicy(), refusals).check()
    now = await covered_now(store, clock)
    assert {name: r.refused for name, r in now.refusals.items()} == {"no_key": 3, "wrong_key": 1}
    assert now.last_webhook_at is None


async def test_refusals_are_stored_between_two_checks_for_a_caller_that_waits_for_them(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("awbridge.steps.polling.watch.WRITE_EVERY", 0.0)
    clock, refusals = SetClock(START), WebhookRefusals()
    watch = Watch(store, clock, WatchPolicy(), refusals)
    for _ in range(2):
        refusals.add("no_key", clock.now)
        await watch.check()
    assert (await covered_now(store, clock)).refusals["no_key"].refused == 2


async def test_refusals_that_could_not_be_written_down_are_not_forgotten(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("awbridge.steps.polling.watch.WRITE_EVERY", 0.0)
    clock, refusals = SetClock(START), WebhookRefusals()
    busy = TrippingStore(store, busy=lambda number: number == 1)
    watch = Watch(busy.as_store, clock, WatchPolicy(), refusals)
    refusals.add("no_key", clock.now)
    with pytest.raises(StoreBusy):
        await watch.check()
    refusals.add("no_key", clock.now)
    await watch.check()
    assert (await covered_now(store, clock)).refusals["no_key"].refused == 2
