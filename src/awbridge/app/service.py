"""Settings -> live objects: the only wiring. Starts web and steps, stops them cleanly."""

from __future__ import annotations

import asyncio
import gc
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

import stamina
import structlog
import uvicorn
from starlette.types import ASGIApp

from awbridge.app import evidence
from awbridge.app.settings import Settings
from awbridge.clickpost.client.async_client import AsyncClickPost
from awbridge.clickpost.client.connection import OnCall
from awbridge.clickpost.client.heard import hear
from awbridge.domain.call import Call, longest_call
from awbridge.domain.couriers.account_throttle import AccountThrottlePolicy
from awbridge.domain.errors import SchemaTooNew, SettingsError, StoreBusy, StoreError
from awbridge.domain.notify.notices import Channel, Rules, Sends, read_channels, read_milestones, read_quiet_hours
from awbridge.domain.orders.attention import RefusedLimit
from awbridge.domain.tracking.asking import PollingRules
from awbridge.domain.tracking.overdue import StuckAfter
from awbridge.sinks.addresses import read_networks
from awbridge.sinks.mail import LONGEST as LONGEST_MAIL
from awbridge.sinks.mail import Mail
from awbridge.sinks.messages import Messages, longest_send
from awbridge.sinks.outgoing import Outgoing, longest_post
from awbridge.sinks.templates import Templates
from awbridge.steps.audit.keep_calls import CallRecorder
from awbridge.steps.couriers.sync_couriers import watch_couriers
from awbridge.steps.notify.alarm import Digest, Operator, send_alarms
from awbridge.steps.notify.deliver_events import DeliverPolicy, deliver_due
from awbridge.steps.notify.health_monitor import HealthMonitor, Machine
from awbridge.steps.notify.lateness import Lateness, LatenessPolicy
from awbridge.steps.notify.notify import NotifyPolicy, notify_due
from awbridge.steps.orders.act import ActPolicy, act_due
from awbridge.steps.polling.catch_up import POLLING, CatchUpPolicy, ask_for_silent, cover_next_window
from awbridge.steps.polling.watch import Watch, WatchPolicy, WebhookRefusals
from awbridge.steps.reconciliation.differences import look_again
from awbridge.steps.reconciliation.reconcile import ReconcilePolicy, reconcile_due
from awbridge.steps.reconciliation.report_files import take_from_folder
from awbridge.steps.records.unrecorded import Unrecorded
from awbridge.steps.registration.allocate import AllocatePolicy, allocate_due
from awbridge.steps.registration.cancel import CancelPolicy, cancel_due
from awbridge.steps.registration.fallback import FallbackPolicy, fall_back_due
from awbridge.steps.registration.push import Push
from awbridge.steps.registration.release import release_due
from awbridge.steps.registration.verdict import PushPolicy
from awbridge.steps.runtime.clock import Clock, utc_now
from awbridge.steps.runtime.loop import Loop
from awbridge.steps.runtime.pace import Pace
from awbridge.steps.runtime.schema import LOOK_SECONDS, watch_schema
from awbridge.steps.runtime.set_clocks import ClockPolicy, SetClocks
from awbridge.steps.runtime.throttle import ApplyThrottle
from awbridge.steps.tracking.apply import ApplyPolicy, apply_due
from awbridge.steps.tracking.ingest import Ingest
from awbridge.store import Store
from awbridge.store.engine.shared_time import SHARED_TIME
from awbridge.web.app import build_app
from awbridge.web.http.limits import Connections, Limits, connections_within_files
from awbridge.web.http.server import server_config
from awbridge.web.webhook.endpoint import KeyRing, WebhookEndpoint

log = structlog.get_logger()

START_PATIENCE = 60.0  # seconds that a starting service waits for its database
# SQLite's thread waits for Python's lock after every statement, for up to this many seconds while webhooks are
# answered. Python's own 5 ms would be most of a commit.
QUICK_HANDOVER = 0.0005
# Deliveries that apply takes up in one transaction on SQLite: nothing else can be written meanwhile.
SQLITE_APPLY_BATCH = 30
CLOCK_EVERY = 10.0  # seconds between looks at the time
DRAIN_SECONDS = 20.0  # what a stopping process gives the calls in flight
_LOCAL_PROXIES = ("127.0.0.1", "::1")  # what they say of who called is believed
_OPERATORS_TIMEOUT = 10.0  # seconds that a way to the operators has to answer: one alarm waits for the other


def settle_down() -> None:
    """All that lives as long as the process is there now: tune the interpreter for work under load."""
    # What stays need not be looked at by the garbage collector again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    sys.setswitchinterval(QUICK_HANDOVER)


def vendor(settings: Settings, *, on_call: OnCall | None = None) -> AsyncClickPost:
    """The client for the account in the settings. Raises SettingsError where the account is not set."""
    settings.check_vendor()
    return AsyncClickPost(
        username=settings.clickpost_username,
        key=settings.clickpost_key.get_secret_value(),
        url=settings.clickpost_url,
        tracking_url=settings.clickpost_tracking_url,
        serviceability_url=settings.clickpost_serviceability_url,
        edd_url=settings.clickpost_edd_url,
        timeout=settings.clickpost_timeout,
        connections=settings.clickpost_connections,
        on_call=_heard_by(on_call),
    )


def _heard_by(on_call: OnCall | None) -> OnCall:
    """One hook for both: whoever listens for its own calls, and the one that was given."""
    if on_call is None:
        return hear

    def both(call: Call) -> None:
        hear(call)
        on_call(call)

    return both


def push_policy(settings: Settings) -> PushPolicy:
    """How push tries and waits, by the settings."""
    return PushPolicy(
        batch=settings.push_batch,
        concurrency=settings.push_concurrency,
        lease=timedelta(seconds=settings.push_lease_seconds),
        longest_call=timedelta(seconds=settings.longest_try),
        retry_delays=settings.retry_delays,
        waiting=timedelta(seconds=settings.waiting_seconds),
        waiting_deadline=timedelta(seconds=settings.waiting_deadline_seconds),
        polling=polling_rules(settings),
        rate_per_second=settings.push_rate or None,
        throttle=AccountThrottlePolicy(
            failures=settings.breaker_failures,
            rate=settings.breaker_rate,
            window=timedelta(seconds=settings.breaker_window_seconds),
            probe=timedelta(seconds=settings.probe_seconds),
            hold=timedelta(seconds=settings.hold_seconds),
            ramp_until=settings.ramp_until,
            patience=timedelta(seconds=settings.push_lease_seconds),
        ),
    )


def cancel_policy(settings: Settings) -> CancelPolicy:
    """How cancellations are tried, by the settings. The lease outlives the longest call."""
    return CancelPolicy(
        retry_delays=settings.retry_delays,
        deadline=timedelta(seconds=settings.cancel_deadline_seconds),
        update_status=settings.cancel_updates_status,
        lease=_lease(settings),
        longest_call=_longest_call(settings),
    )


def _longest_call(settings: Settings) -> timedelta:
    return timedelta(seconds=longest_call(settings.clickpost_timeout))


def _lease(settings: Settings) -> timedelta:
    """A lease for one or two calls, and what comes before and after them."""
    return timedelta(seconds=60) + 2 * _longest_call(settings)


def act_policy(settings: Settings) -> ActPolicy:
    """How actions are tried, by the settings. The lease outlives the longest call."""
    return ActPolicy(
        lease=_lease(settings),
        longest_call=_longest_call(settings),
        retry_delays=settings.retry_delays,
        hold=timedelta(seconds=settings.hold_seconds),
    )


def polling_rules(settings: Settings) -> PollingRules:
    """When track-order is asked for a shipment, by the settings."""
    return PollingRules(
        mode=settings.polling,
        ask_after=timedelta(seconds=settings.ask_after_seconds),
        ask_again=timedelta(seconds=settings.ask_again_seconds),
    )


def apply_policy(settings: Settings) -> ApplyPolicy:
    """How deliveries are read, by the settings."""
    policy = ApplyPolicy(
        zone=settings.zone,
        z_means_utc=settings.webhook_z_means_utc,
        polling=polling_rules(settings),
    )
    return replace(policy, batch=SQLITE_APPLY_BATCH) if settings.database_url.startswith("sqlite") else policy


def catch_up_policy(
    settings: Settings, *, beat: Callable[[], None] | None = None, unrecorded: Unrecorded | None = None
) -> CatchUpPolicy:
    """How far and how often to ask, by the settings. `beat` is called while a turn to ask is waited for."""
    return CatchUpPolicy(
        window=timedelta(seconds=settings.catch_up_window_seconds),
        lag=timedelta(seconds=settings.catch_up_lag_seconds),
        polling=polling_rules(settings),
        silent_for=timedelta(days=settings.ask_silent_days),
        pace=Pace(POLLING, settings.polling_calls_per_second, beat=beat),
        unrecorded=unrecorded,
        lease=_lease(settings),
        longest_call=_longest_call(settings),
    )


def reconcile_policy(settings: Settings) -> ReconcilePolicy:
    """In which zone a day lies, and how often a report is asked for, by the settings."""
    return ReconcilePolicy(zone=settings.zone, ask_every=timedelta(seconds=settings.reconcile_ask_seconds))


def customer_channels(settings: Settings) -> dict[Channel, Sends]:
    """The ways to customers and to the company's own team. Raises SettingsError for what cannot work."""
    found: dict[Channel, Sends] = {}
    if settings.notice_mail:
        found[Channel.MAIL] = _mail(settings, "AWBRIDGE_NOTICE_MAIL")
    services = {
        Channel.SMS: [settings.notice_sms_url],
        Channel.WHATSAPP: [settings.notice_whatsapp_url],
        Channel.CHAT: list(settings.notice_chat_urls),
    }
    for channel, secrets in services.items():
        if urls := [s.get_secret_value() for s in secrets if s.get_secret_value()]:
            if channel.reaches_customer and not any(place in urls[0] for place in ("{to}", "{to_digits}")):
                raise SettingsError(f"AWBRIDGE_NOTICE_{channel.upper()}_URL holds no {{to}}: whom should it reach?")
            found[channel] = Messages(*urls, timeout=settings.notice_timeout)
    return found


def operators(settings: Settings) -> list[Operator]:
    """The ways to the operators. Raises SettingsError for what cannot work."""
    longest = longest_send(1, _OPERATORS_TIMEOUT)
    found = [
        Operator(channel=Messages(url.get_secret_value(), timeout=_OPERATORS_TIMEOUT), longest=longest)
        for url in settings.alarm_urls
    ]
    if settings.alarm_mail_to:
        mail = _mail(settings, "AWBRIDGE_ALARM_MAIL_TO")
        found += [Operator(channel=mail, to=address, longest=LONGEST_MAIL) for address in settings.alarm_mail_to]
    return found


def _mail(settings: Settings, wanted_by: str) -> Mail:
    url = settings.smtp_url.get_secret_value()
    if not url:
        raise SettingsError(f"AWBRIDGE_SMTP_URL is not set, but {wanted_by} is.")
    return Mail(url, sender=settings.notice_mail_from)


def templates(settings: Settings) -> Templates:
    """The words of messages, with those of the settings' folder in place of the shipped ones."""
    folder = Path(settings.templates_dir) if settings.templates_dir else None
    if folder and not folder.is_dir():
        raise SettingsError(f"AWBRIDGE_TEMPLATES_DIR: {folder} is not a folder")
    return Templates(folder, default_language=settings.notice_language)


def notify_policy(settings: Settings) -> NotifyPolicy:
    """When and how customers are told, by the settings. The lease outlives the longest sending."""
    longest = max(LONGEST_MAIL, longest_send(max(1, len(settings.notice_chat_urls)), settings.notice_timeout))
    return NotifyPolicy(
        rules=Rules(
            fresh_for=timedelta(seconds=settings.notice_fresh_seconds),
            milestones=read_milestones(settings.notice_milestones),
            consent=read_channels(settings.notice_consent),
            quiet=read_quiet_hours(settings.notice_quiet_hours),
            zone=settings.zone,
        ),
        language=settings.notice_language,
        country=settings.notice_country,
        brand=settings.notice_brand,
        retry_delays=settings.notice_retry_delays,
        lease=timedelta(seconds=60 + 2 * longest),
        longest_send=timedelta(seconds=longest),
    )


def free_share(settings: Settings) -> float:
    """How much of the fullest disk is free, 0 to 1: of those that the database and this machine's files lie on."""
    url = urlsplit(settings.database_url)
    folders = [Path(settings.data_dir).absolute()]
    if url.scheme == "sqlite":
        folders.append(Path(unquote(url.path.removeprefix("/"))).absolute().parent)
    used = [shutil.disk_usage(next(f for f in (folder, *folder.parents) if f.exists())) for folder in folders]
    return min(disk.free / disk.total for disk in used)


def allocate_policy(settings: Settings) -> AllocatePolicy:
    """How the recommendation is asked for, by the settings."""
    return AllocatePolicy(
        lease=_lease(settings),
        longest_call=2 * _longest_call(settings),
        retry_delays=settings.retry_delays,
        hold=timedelta(seconds=settings.hold_seconds),
        polling=polling_rules(settings),
    )


def fallback_policy(settings: Settings) -> FallbackPolicy:
    """When another courier is tried, by the settings."""
    return FallbackPolicy(
        lease=_lease(settings),
        longest_call=_longest_call(settings),
        failures=settings.fallback_failures,
        window=timedelta(seconds=settings.fallback_window_seconds),
        polling=polling_rules(settings),
    )


def deliver_policy(settings: Settings) -> DeliverPolicy:
    """How events are delivered, by the settings. The lease outlives the longest POST."""
    longest = timedelta(seconds=longest_post(settings.endpoint_timeout))
    return DeliverPolicy(
        retry_delays=settings.endpoint_retry_delays, lease=timedelta(seconds=60) + 4 * longest, longest_call=longest
    )


def clock_policy(settings: Settings) -> ClockPolicy:
    """Whose day it is, and the longest lease that a killed worker may leave behind, by the settings."""
    leases = (push_policy(settings).lease, notify_policy(settings).lease, deliver_policy(settings).lease)
    return ClockPolicy(zone=settings.zone, lease=max(*leases, _lease(settings)))


def watch_policy(settings: Settings) -> WatchPolicy:
    """When silence is an alarm, by the settings."""
    return WatchPolicy(silent_after=timedelta(seconds=settings.webhook_silent_seconds))


def refused_limit(settings: Settings) -> RefusedLimit:
    """How many refusals are an alarm, by the settings."""
    return RefusedLimit(share=settings.alarm_refused_share, least=settings.alarm_refused_least)


def stuck_after(settings: Settings) -> StuckAfter:
    """When a parcel counts as stuck, by the settings."""
    return StuckAfter(
        pickup=timedelta(hours=settings.stuck_pickup_hours),
        transit=timedelta(hours=settings.stuck_transit_hours),
        delivery=timedelta(hours=settings.stuck_delivery_hours),
        way_back=timedelta(hours=settings.stuck_return_hours),
    )


@asynccontextmanager
async def open_store(settings: Settings, *, migrate: bool, patience: float = 0.0) -> AsyncGenerator[Store]:
    """The database, closed when the block ends. `patience`: seconds to wait for one that does not answer yet.

    Raises SettingsError when its schema is old and may not be changed, StoreBusy when it stays away.
    """
    store = await _opened(settings, migrate, patience)
    try:
        yield store
    finally:
        await store.close()


async def _opened(settings: Settings, migrate: bool, patience: float) -> Store:
    async for attempt in stamina.retry_context(
        on=StoreBusy, attempts=None if patience else 1, timeout=patience or None
    ):
        with attempt:
            store = await Store.open(settings.database_url, connections=settings.database_connections)
            try:
                async with store.read() as session:
                    await SHARED_TIME.measure(session)
                await _check_schema(store, migrate)
            except BaseException:
                await store.close()
                raise
            return store
    raise AssertionError("a retry ends with its work or its error")


async def _check_schema(store: Store, migrate: bool) -> None:
    if migrate:
        for name in await store.migrate():
            log.info("migrated", migration=name)
    elif missing := await store.pending_migrations():
        raise SettingsError(f"the database's schema is old ({', '.join(missing)} missing): run awbridge migrate")


def _nobody() -> int:
    """Deliveries that have arrived in a process without web."""
    return 0


def step_loops(
    settings: Settings,
    store: Store,
    clickpost: AsyncClickPost,
    outgoing: Outgoing,
    clock: Clock,
    *,
    refusals: WebhookRefusals | None = None,
    arrived: Callable[[], int] = _nobody,
    unrecorded: Unrecorded | None = None,
) -> dict[str, Loop]:
    """Every step of the service as a loop, by name. Apply rests for the deliveries that have `arrived`."""

    def beat(name: str) -> None:
        loops[name].beat()  # they are made below

    applying, acting = apply_policy(settings), act_policy(settings)
    covering = catch_up_policy(settings, beat=partial(beat, "cover"), unrecorded=unrecorded)
    asking = catch_up_policy(settings, beat=partial(beat, "ask"), unrecorded=unrecorded)
    allocating, falling_back = allocate_policy(settings), fallback_policy(settings)
    cancelling, idle = cancel_policy(settings), settings.steps_idle_seconds
    push = Push(store=store, clickpost=clickpost, clock=clock, policy=push_policy(settings), unrecorded=unrecorded)
    watch = Watch(store, clock, watch_policy(settings), refusals or WebhookRefusals())
    reconciling = reconcile_policy(settings)
    apply_throttle = ApplyThrottle(arrived)

    async def apply_and_rest() -> int:
        started = time.monotonic()
        taken = await apply_due(store=store, clock=clock, policy=applying)
        await apply_throttle.give_way(time.monotonic() - started, taken, more=taken == applying.batch)
        return taken

    work: dict[str, Callable[[], Awaitable[int]]] = {
        "cancel": lambda: cancel_due(
            store=store, clickpost=clickpost, clock=clock, policy=cancelling, unrecorded=unrecorded
        ),
        "release": lambda: release_due(store=store, clock=clock),
        "act": lambda: act_due(store=store, clickpost=clickpost, clock=clock, policy=acting, unrecorded=unrecorded),
        "allocate": lambda: allocate_due(
            store=store, clickpost=clickpost, clock=clock, policy=allocating, unrecorded=unrecorded
        ),
        "fallback": lambda: fall_back_due(
            store=store, clickpost=clickpost, clock=clock, policy=falling_back, unrecorded=unrecorded
        ),
        "apply": apply_and_rest,
        "cover": lambda: cover_next_window(store=store, clickpost=clickpost, clock=clock, policy=covering),
        "ask": lambda: ask_for_silent(store=store, clickpost=clickpost, clock=clock, policy=asking),
        "watch": watch.look,
        "reconcile": lambda: reconcile_due(
            store=store, clickpost=clickpost, clock=clock, policy=reconciling, unrecorded=unrecorded
        ),
        "differences": lambda: look_again(store=store, clickpost=clickpost, clock=clock, unrecorded=unrecorded),
    }
    if settings.courier_comparison_seconds:
        every = timedelta(seconds=settings.courier_comparison_seconds)
        work["sync_couriers"] = lambda: watch_couriers(store=store, clickpost=clickpost, clock=clock, every=every)
    loops = {"push": Loop("push", push.round, idle_seconds=idle, stop=push.stop, finish=push.drain)}
    clocks = SetClocks(store=store, clock=clock, policy=clock_policy(settings))
    loops["set_clocks"] = Loop("set_clocks", clocks.check, idle_seconds=CLOCK_EVERY)
    work |= _telling(settings, store, outgoing, clock, clocks, lambda: list(loops.values()))
    loops |= {name: Loop(name, round_, idle_seconds=idle) for name, round_ in work.items()}
    if settings.reconcile_dir:
        folder = Path(settings.reconcile_dir)
        loops["report_files"] = Loop(
            "report_files",
            lambda: take_from_folder(store=store, clock=clock, folder=folder),
            idle_seconds=max(idle, 5.0),
        )
    return loops


def _telling(
    settings: Settings,
    store: Store,
    outgoing: Outgoing,
    clock: Clock,
    clocks: SetClocks,
    loops: Callable[[], list[Loop]],
) -> dict[str, Callable[[], Awaitable[int]]]:
    """The steps that tell customers, own systems and operators."""
    notifying, channels, words = notify_policy(settings), customer_channels(settings), templates(settings)
    delivering = deliver_policy(settings)
    people = operators(settings)
    lateness = Lateness(
        store=store,
        clock=clock,
        policy=LatenessPolicy(stuck_after=stuck_after(settings)),
    )
    digest = Digest(
        store=store,
        operators=people,
        clock=clock,
        zone=settings.zone,
        hour=settings.alarm_digest_hour,
        stuck_after=stuck_after(settings),
    )
    health_monitor = HealthMonitor(
        store=store,
        clock=clock,
        loops=loops,
        machine=Machine(
            name=socket.gethostname(),
            free_share=lambda: free_share(settings),
            least_free=settings.alarm_disk_free,
            clock_problem=lambda: clocks.problem,
        ),
        refused=refused_limit(settings),
    )

    async def alarm() -> int:
        await health_monitor.check()
        return await send_alarms(store=store, operators=people, clock=clock) + await digest.send_due()

    return {
        "notify": lambda: notify_due(store=store, channels=channels, templates=words, clock=clock, policy=notifying),
        "lateness": lateness.check,
        "deliver_events": lambda: deliver_due(store=store, outgoing=outgoing, clock=clock, policy=delivering),
        "alarm": alarm,
    }


def outgoing_line(settings: Settings) -> Outgoing:
    """The line to own systems."""
    return Outgoing(allowed=read_networks(settings.endpoint_networks), timeout=settings.endpoint_timeout)


async def serve(
    settings: Settings, *, on_ready: Callable[[str], None] | None = None, stop: asyncio.Event | None = None
) -> None:
    """Web and steps in this process, until SIGTERM or SIGINT.

    `on_ready` is given the address that is listened on. With `stop`, run until that is set: signals are the caller's.
    """
    if stop is None:
        stop = asyncio.Event()
        _on_signal(stop.set)
    async with assembled(settings) as bridge:
        server = _Server(
            server_config(
                bridge.app,
                bridge.webhook,
                bridge.connections,
                host=settings.host,
                port=settings.port,
                log_level="warning",
                lifespan="off",
                timeout_graceful_shutdown=5,
                forwarded_allow_ips=[*_LOCAL_PROXIES, *settings.trusted_proxies],
            )
        )
        server.on_ready = lambda: _announce(server.url, on_ready)
        stopping = asyncio.create_task(_stop_server(stop, server))
        try:
            await server.serve()
        finally:
            stopping.cancel()
            await asyncio.gather(stopping, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class Bridge:
    """What a server serves while the steps run beside it: the whole app, and of it the endpoint for webhooks."""

    app: ASGIApp
    webhook: WebhookEndpoint
    connections: Connections


@asynccontextmanager
async def assembled(settings: Settings) -> AsyncGenerator[Bridge]:
    """All live objects, with every step running for as long as the block lasts. Which server asks them is open."""
    unrecorded = evidence.unrecorded(settings, utc_now)
    hook = evidence.recorder(settings, utc_now, unrecorded)
    async with (
        open_store(settings, migrate=settings.migrate_on_start, patience=START_PATIENCE) as store,
        recorded(hook, store),
        vendor(settings, on_call=hook) as clickpost,
        outgoing_line(settings) as outgoing,
    ):
        refusals = WebhookRefusals()
        ingest = Ingest(store)
        loops = step_loops(
            settings,
            store,
            clickpost,
            outgoing,
            utc_now,
            refusals=refusals,
            arrived=lambda: ingest.arrived,
            unrecorded=unrecorded,
        )
        loops |= evidence.loops(settings, store, utc_now, hook, unrecorded)
        loops["schema"] = _schema_loop(store, lambda _: _stop(loops))
        ingest.on_stored = loops["apply"].wake
        keys = KeyRing(store, (k.get_secret_value() for k in settings.webhook_keys))
        endpoint = WebhookEndpoint(ingest, keys, utc_now, refusals)
        most = connections_within_files(settings.connections)
        connections = Connections(Limits(connections=most, idle=max(most // 2, 1)))
        app = build_app(
            store=store,
            clock=utc_now,
            webhook=endpoint,
            loops=list(loops.values()),
            clickpost=clickpost,
            allocation=settings.allocation,
            api_keys=[k.get_secret_value() for k in settings.api_keys],
            desk=evidence.desk(settings),
            hook=hook,
            networks=read_networks(settings.endpoint_networks),
            country=settings.notice_country,
            zone=settings.time_zone,
            ask_again=timedelta(seconds=settings.ask_again_seconds),
            stuck_after=stuck_after(settings),
            host=settings.host,
            connections=connections,
        )
        ingesting = asyncio.create_task(ingest.run(), name="ingest")
        try:
            async with _running(loops):
                yield Bridge(app, endpoint, connections)
        finally:
            ingesting.cancel()
            await asyncio.gather(ingesting, return_exceptions=True)


async def work(settings: Settings, *, clock: Clock = utc_now) -> None:
    """Steps only, without web, until SIGTERM or SIGINT: more hands on the same database.

    `clock` is the machine's; the drill hands in one that is wrong. Raises SchemaTooNew once the database is migrated to
    what this version cannot go on beside.
    """
    unrecorded = evidence.unrecorded(settings, clock)
    hook = evidence.recorder(settings, clock, unrecorded)
    async with (
        open_store(settings, migrate=settings.migrate_on_start, patience=START_PATIENCE) as store,
        recorded(hook, store),
        vendor(settings, on_call=hook) as clickpost,
        outgoing_line(settings) as outgoing,
    ):
        stop = asyncio.Event()
        _on_signal(stop.set)
        loops = step_loops(settings, store, clickpost, outgoing, clock, unrecorded=unrecorded)
        loops |= evidence.loops(settings, store, clock, hook, unrecorded)
        too_new: list[SchemaTooNew] = []

        def end(error: SchemaTooNew) -> None:
            too_new.append(error)
            stop.set()

        loops["schema"] = _schema_loop(store, end)
        async with _running(loops):
            settle_down()
            log.info("working")
            await stop.wait()
        if too_new:
            raise too_new[0]


@asynccontextmanager
async def recorded(hook: CallRecorder, store: Store) -> AsyncGenerator[None]:
    """What the hook has taken by the end of the block is written down; a database that is away then is told."""
    try:
        yield
    finally:
        try:
            while await hook.flush(store):
                pass
        except StoreError as error:
            if not hook.put_aside():
                log.error("calls.not_recorded", problem=str(error))


def _on_signal(stop: Callable[[], None]) -> None:
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop)


async def _stop_server(stop: asyncio.Event, server: uvicorn.Server) -> None:
    await stop.wait()
    server.should_exit = True


def _announce(url: str, on_ready: Callable[[str], None] | None) -> None:
    log.info("serving", url=url)
    if on_ready:
        on_ready(url)


def _schema_loop(store: Store, end: Callable[[SchemaTooNew], None]) -> Loop:
    return Loop("schema", lambda: watch_schema(store=store, end=end), idle_seconds=LOOK_SECONDS)


def _stop(loops: dict[str, Loop]) -> None:
    for loop in loops.values():
        loop.stop()


@asynccontextmanager
async def _running(loops: dict[str, Loop]) -> AsyncGenerator[None]:
    """The loops run while the block does. Then what is in flight may end; leases cover what does not."""
    tasks = [asyncio.create_task(loop.run(), name=name) for name, loop in loops.items()]
    try:
        yield
    finally:
        _stop(loops)
        _, left = await asyncio.wait(tasks, timeout=DRAIN_SECONDS)
        for task in left:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Server(uvicorn.Server):
    """uvicorn, but signals are ours: it would end the process before the steps have drained."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals alone."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say where."""
        await super().startup(sockets)
        if not self.should_exit:
            settle_down()
            self.on_ready()

    def on_ready(self) -> None:
        """Called once the server listens."""

    @property
    def url(self) -> str:
        """The address that is listened on."""
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"
