"""Which loops run, and what each is given. A loop is named after the module of its step; metrics use the same name."""

from __future__ import annotations

import shutil
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from awbridge.app.backups import backup_within
from awbridge.app.connections import (
    archive_objects,
    call_recorder,
    customer_channels,
    event_sender,
    label_files,
    operators,
    recording,
    report_objects,
    templates,
    unrecorded_calls,
    vendor,
)
from awbridge.app.database import open_store
from awbridge.app.due import look_for
from awbridge.app.jobs import jobs
from awbridge.app.policies import (
    act_policy,
    allocate_policy,
    apply_policy,
    archive_policy,
    cancel_policy,
    catch_up_policy,
    clock_policy,
    deliver_policy,
    fallback_policy,
    fetch_labels_policy,
    notify_policy,
    push_policy,
    reconcile_policy,
    refused_limit,
    watch_policy,
)
from awbridge.app.settings import Settings
from awbridge.app.watching.telemetry import tracing
from awbridge.clickpost.client.async_client import AsyncClickPost
from awbridge.sinks.objects import Objects
from awbridge.sinks.outgoing import EventSender
from awbridge.steps.audit.archive import archive_due, tidy_up
from awbridge.steps.audit.keep_calls import CallRecorder
from awbridge.steps.couriers.measure import MeasureCouriers
from awbridge.steps.couriers.sync_couriers import sync_due
from awbridge.steps.customer_page.follow_answers import follow_answers
from awbridge.steps.customer_page.link_shipments import link_shipments
from awbridge.steps.handover.fetch_labels import LabelFetcher
from awbridge.steps.notify.alarm import Digest, send_alarms
from awbridge.steps.notify.deliver_events import deliver_due
from awbridge.steps.notify.health_monitor import HealthMonitor, Machine
from awbridge.steps.notify.lateness import Lateness, LatenessPolicy
from awbridge.steps.notify.notify import notify_due
from awbridge.steps.notify.sample_figures import SampleFigures
from awbridge.steps.orders.act import act_due
from awbridge.steps.orders.index_orders import index_unread
from awbridge.steps.polling.track_order import poll_due
from awbridge.steps.polling.updated_order import cover_next_window
from awbridge.steps.polling.watch import Watch, WebhookRefusals
from awbridge.steps.privacy.erase import erase_due
from awbridge.steps.reconciliation.differences import recheck
from awbridge.steps.reconciliation.reconcile import reconcile_due
from awbridge.steps.reconciliation.report_files import take_from_folder
from awbridge.steps.records.unrecorded import Unrecorded
from awbridge.steps.registration.allocate import allocate_due
from awbridge.steps.registration.cancel import cancel_due
from awbridge.steps.registration.fallback import fallback_due
from awbridge.steps.registration.push import Push
from awbridge.steps.registration.release import release_due
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.runtime.loop import LONGEST_WAIT, Loop, long_loop
from awbridge.steps.runtime.schedule import run_due
from awbridge.steps.runtime.set_clocks import SetClocks
from awbridge.steps.tracking.apply_rounds import ApplyRounds
from awbridge.steps.tracking.mark_stuck import MarkStuck
from awbridge.store import Store
from awbridge.store.engine.connections.servers import Servers

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

CLOCK_EVERY = 10.0  # seconds between checks of the clock
START_PATIENCE = 60.0  # seconds to wait for the database at start
LEAST_IDLE = 5.0  # seconds that loops without urgent work sleep
REST = 9.0  # seconds of rest for each second of work after an upgrade: a tenth of the time is left to it

FALLBACK_EVERY = 120.0  # seconds; a lease on a failed shipment that runs out is in no index

Round = Callable[[], Awaitable[int]]
OwnTimes = dict[str, Callable[[], float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What the steps work with."""

    settings: Settings
    store: Store
    clickpost: AsyncClickPost
    outgoing: EventSender
    clock: Clock
    unrecorded: Unrecorded
    recorder: CallRecorder
    labels: LabelFetcher


@asynccontextmanager
async def opened_world(settings: Settings, clock: Clock, servers: Servers | None = None) -> AsyncGenerator[World]:
    """The database, ClickPost and the subscribers, closed when the block ends. Raises SettingsError, StoreBusy."""
    with tracing(settings) as provider:
        async with _opened_world(settings, clock, provider, servers) as world:
            yield world


@asynccontextmanager
async def _opened_world(
    settings: Settings, clock: Clock, provider: TracerProvider | None, servers: Servers | None
) -> AsyncGenerator[World]:
    unrecorded = unrecorded_calls(settings, clock)
    recorder = call_recorder(settings, clock, unrecorded)
    async with (
        open_store(settings, migrate=settings.migrate_on_start, patience=START_PATIENCE, servers=servers) as store,
        recording(recorder, store),
        vendor(settings, on_call=recorder, tracer_provider=provider) as clickpost,
        event_sender(settings) as outgoing,
        label_files(settings) as files,
    ):
        policy = fetch_labels_policy(settings)
        yield World(
            settings=settings,
            store=store,
            clickpost=clickpost,
            outgoing=outgoing,
            clock=clock,
            unrecorded=unrecorded,
            recorder=recorder,
            labels=LabelFetcher(store=store, files=files, clickpost=clickpost, clock=clock, policy=policy),
        )


def _nobody_waits() -> bool:
    return False


def _none_arrived() -> int:
    """The deliveries that a process without the web server receives."""
    return 0


def step_loops(
    world: World,
    *,
    refusals: WebhookRefusals | None = None,
    arrived: Callable[[], int] = _none_arrived,
    crowded: Callable[[], bool] | None = None,
) -> dict[str, Loop]:
    """Every step as a loop, by name.

    `arrived` counts the deliveries received so far; apply gives way to them, and while `crowded` says that many wait
    for the customer's page. Raises SettingsError.
    """

    def beat(name: str) -> None:
        loops[name].beat()  # filled below

    settings, store, clock = world.settings, world.store, world.clock
    idle = settings.steps_idle_seconds
    push = Push(
        store=store,
        clickpost=world.clickpost,
        clock=clock,
        policy=push_policy(settings),
        unrecorded=world.unrecorded,
    )
    clocks = SetClocks(store=store, clock=clock, policy=clock_policy(settings), measures=not settings.account)
    own_times: OwnTimes = {"fallback": lambda: FALLBACK_EVERY}
    least = max(idle, LEAST_IDLE)
    loops: dict[str, Loop] = {
        "push": Loop(
            "push",
            push.round,
            idle_seconds=idle,
            stop=push.stop,
            finish=push.drain,
            concurrency=lambda: push.limit.now,
            own_time=lambda: idle if push.is_busy else LONGEST_WAIT,
        ),
        "set_clocks": Loop("set_clocks", clocks.check, idle_seconds=CLOCK_EVERY),
    }
    rounds = {
        **_vendor_steps(world),
        "apply": ApplyRounds(store, world.clock, apply_policy(world.settings), arrived, crowded or _nobody_waits).apply,
        **_polling(world, beat, refusals or WebhookRefusals(), own_times),
        **_notifications(world, clocks, lambda: list(loops.values()), own_times),
    }
    loops |= {
        name: Loop(name, work, idle_seconds=idle, own_time=own_times.get(name, lambda: LONGEST_WAIT))
        for name, work in rounds.items()
    }
    loops |= {name: Loop(name, work, idle_seconds=least) for name, work in _counting(world).items()}
    loops |= {name: Loop(name, work, idle_seconds=least) for name, work in _beside(world).items()}
    loops |= _after_upgrades(world) | _audit(world)
    if refusals:
        refusals.on_first = loops["watch"].wake
    look_for(loops, settings, store, clock)
    return loops


def _beside(world: World) -> dict[str, Round]:
    """What no parcel waits for: label files, ClickPost's report files, and what became of customers' answers."""
    settings, store, clock = world.settings, world.store, world.clock
    rounds: dict[str, Round] = {"fetch_labels": world.labels.round}
    if settings.reconcile_dir:
        rounds["report_files"] = partial(
            take_from_folder, store=store, clock=clock, folder=Path(settings.reconcile_dir)
        )
    rounds["follow_answers"] = partial(follow_answers, store=store, clock=clock, zone=settings.zone)
    return rounds


def _after_upgrades(world: World) -> dict[str, Loop]:
    """What completes the rows that an older version stored: a small share of the time, as nobody waits for it.

    Stuck parcels too: after an upgrade all open parcels are looked at.
    """
    rounds: dict[str, Round] = {
        "index_orders": partial(index_unread, store=world.store),
        "mark_stuck": MarkStuck(store=world.store, clock=world.clock, limits=world.settings.stuck_after).round,
        "link_shipments": partial(link_shipments, store=world.store, clock=world.clock),
    }
    idle = world.settings.steps_idle_seconds
    return {name: Loop(name, work, idle_seconds=idle, rest=REST) for name, work in rounds.items()}


def _vendor_steps(world: World) -> dict[str, Round]:
    """The steps that call ClickPost, apart from push and polling, and the release of shipments that wait."""
    settings, store, clickpost, clock = world.settings, world.store, world.clickpost, world.clock
    steps = {
        "act": partial(act_due, policy=act_policy(settings)),
        "allocate": partial(allocate_due, policy=allocate_policy(settings)),
        "cancel": partial(cancel_due, policy=cancel_policy(settings)),
        "fallback": partial(fallback_due, policy=fallback_policy(settings)),
        "reconcile": partial(reconcile_due, policy=reconcile_policy(settings)),
        "differences": recheck,
    }
    rounds: dict[str, Round] = {
        name: partial(step, store=store, clickpost=clickpost, clock=clock, unrecorded=world.unrecorded)
        for name, step in steps.items()
    }
    rounds["release"] = partial(release_due, store=store, clock=clock)
    if settings.courier_comparison_seconds:
        every = timedelta(seconds=settings.courier_comparison_seconds)
        rounds["sync_couriers"] = partial(sync_due, store=store, clickpost=clickpost, clock=clock, every=every)
    return rounds


def _polling(
    world: World, beat: Callable[[str], None], refusals: WebhookRefusals, own_times: OwnTimes
) -> dict[str, Round]:
    settings, store, clickpost, clock = world.settings, world.store, world.clickpost, world.clock
    steps = {"updated_order": cover_next_window, "track_order": poll_due}
    rounds: dict[str, Round] = {
        name: partial(
            step,
            store=store,
            clickpost=clickpost,
            clock=clock,
            policy=catch_up_policy(settings, beat=partial(beat, name), unrecorded=world.unrecorded),
        )
        for name, step in steps.items()
    }
    watch = Watch(store, clock, watch_policy(settings), refusals)
    own_times["watch"] = lambda: watch.due_in
    return {**rounds, "watch": watch.check}


def _notifications(
    world: World, clocks: SetClocks, loops: Callable[[], list[Loop]], own_times: OwnTimes
) -> dict[str, Round]:
    """The steps that notify customers, webhook subscribers and operators."""
    settings, store, clock = world.settings, world.store, world.clock
    recipients, stuck = operators(settings), settings.stuck_after
    digest = Digest(
        store=store,
        operators=recipients,
        clock=clock,
        zone=settings.zone,
        hour=settings.alarm_digest_hour,
        stuck_after=stuck,
    )
    machine = Machine(
        name=socket.gethostname(),
        free_share=lambda: free_share(settings),
        least_free=settings.alarm_disk_free,
        clock_problem=lambda: clocks.problem,
    )
    monitor = HealthMonitor(
        store=store,
        clock=clock,
        loops=loops,
        machine=machine,
        refused=refused_limit(settings),
        backup_within=backup_within(settings),
    )

    own_times["alarm"] = lambda: min(monitor.due_in, digest.due_in)

    async def alarm() -> int:
        await monitor.check()
        return await send_alarms(store=store, operators=recipients, clock=clock) + await digest.send_due()

    return {
        "notify": partial(
            notify_due,
            store=store,
            channels=customer_channels(settings),
            templates=templates(settings),
            clock=clock,
            policy=notify_policy(settings),
        ),
        "deliver_events": partial(
            deliver_due, store=store, outgoing=world.outgoing, clock=clock, policy=deliver_policy(settings)
        ),
        "alarm": alarm,
    }


def _counting(world: World) -> dict[str, Round]:
    """The steps that read what there is every so often."""
    store, clock, stuck = world.store, world.clock, world.settings.stuck_after
    return {
        "measure_couriers": MeasureCouriers(store=store, clock=clock).check,
        "sample_figures": SampleFigures(store=store, clock=clock, stuck_after=stuck).check,
        "lateness": Lateness(store=store, clock=clock, policy=LatenessPolicy(stuck_after=stuck)).check,
    }


def free_share(settings: Settings) -> float:
    """The free share, 0 to 1, of the fullest disk that holds the database or this machine's files."""
    url = urlsplit(settings.database_url)
    folders = [Path(settings.data_dir).absolute()]
    if url.scheme == "sqlite":
        folders.append(Path(unquote(url.path.removeprefix("/"))).absolute().parent)
    used = [shutil.disk_usage(next(f for f in (folder, *folder.parents) if f.exists())) for folder in folders]
    return min((disk.free / disk.total for disk in used if disk.total), default=1.0)  # of /proc the total is 0


def _audit(world: World) -> dict[str, Loop]:
    """The loops that record and archive calls, run scheduled jobs and erase."""
    settings, store, clock, recorder = world.settings, world.store, world.clock, world.recorder
    archive, reports_in = archive_objects(settings), report_objects(settings)
    idle = max(settings.steps_idle_seconds, LEAST_IDLE)

    async def record() -> int:
        return await recorder.flush(store) + await world.unrecorded.record(store)

    keep_calls = Loop("keep_calls", record, idle_seconds=idle)
    recorder.on_waiting = keep_calls.wake
    rounds: dict[str, Round] = {
        "schedule": partial(run_due, store=store, clock=clock, zone=settings.zone, jobs=jobs(settings, store, clock)),
        "erase": partial(erase_due, store=store, objects=archive, reports_in=reports_in, clock=clock),
    }
    if archive:
        rounds["archive"] = _archive(settings, store, archive, clock)
    return {
        "keep_calls": keep_calls,
        **{name: long_loop(name, work, idle_seconds=idle) for name, work in rounds.items()},
    }


def _archive(settings: Settings, store: Store, archive: Objects, clock: Clock) -> Round:
    policy = archive_policy(settings)
    tidied = False

    async def one_round() -> int:
        nonlocal tidied
        if not tidied:
            await tidy_up(store=store, policy=policy)
            tidied = True
        return await archive_due(store=store, objects=archive, clock=clock, policy=policy)

    return one_round
