"""Run the steps until the process is told to stop, with calls in flight finished."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import partial

import structlog

from awbridge.app.loops import World, opened_world, step_loops
from awbridge.app.settings import Settings
from awbridge.app.starting import RECEIVED, started
from awbridge.domain.errors import SchemaTooNew
from awbridge.steps.runtime.clock import Clock, utc_now
from awbridge.steps.runtime.loop import Loop
from awbridge.steps.runtime.report_process import AnsweredWebhooks, ReportProcess
from awbridge.steps.runtime.schema import LONGEST_SECONDS, LOOK_SECONDS, watch_schema
from awbridge.store import Store

log = structlog.get_logger()

# Seconds between switches of Python's threads. SQLite's thread waits this long for Python's lock after every statement
# while webhooks are answered; Python's default of 5 ms would take most of a commit.
QUICK_HANDOVER = 0.0005
REPORT_IDLE = 5.0  # seconds between looks whether this process is to report itself
DRAIN_SECONDS = 20.0  # given to calls in flight when the process stops


async def work(settings: Settings, *, clock: Clock = utc_now) -> None:
    """Run the steps without the web server until SIGTERM or SIGINT.

    `clock` is the machine's; the drill passes one that is wrong. Raises SchemaTooNew once the database is migrated to
    a schema that this version cannot work with.
    """
    stop = asyncio.Event()
    on_signal(stop.set)
    async with started(opened_world(settings, clock), stop) as world:
        loops = step_loops(world)
        too_new: list[SchemaTooNew] = []

        def end(error: SchemaTooNew) -> None:
            too_new.append(error)
            stop.set()

        loops["schema"] = schema_loop(world.store, end)
        loops["report_process"] = report_loop(world.store, clock, "work")
        async with _monitored(world, loops), running(loops):
            settle_down()
            log.info("steps.started")
            await stop.wait()
        if too_new:
            raise too_new[0]


def _monitored(world: World, loops: dict[str, Loop]) -> AbstractAsyncContextManager[None]:
    """Health and metrics over HTTP, where a port is set. Without one, no web framework is imported."""
    if not world.settings.metrics_port:
        return nullcontext()
    from awbridge.app.watching.monitor import monitored

    return monitored(world, list(loops.values()))


def settle_down() -> None:
    """Tune the interpreter for load, once all long-lived objects exist."""
    # Exempt what exists now from garbage collection.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    sys.setswitchinterval(QUICK_HANDOVER)


def schema_loop(store: Store, end: Callable[[SchemaTooNew], None]) -> Loop:
    """The loop that calls `end` once the database has a schema that this version cannot work with."""
    work = partial(watch_schema, store=store, end=end)
    return Loop("schema", work, idle_seconds=LOOK_SECONDS, own_time=lambda: LONGEST_SECONDS)


def report_loop(
    store: Store, clock: Clock, kind: str, webhooks: Callable[[], AnsweredWebhooks] = AnsweredWebhooks
) -> Loop:
    """The loop that reports this process (serve or work) to the others."""
    reporter = ReportProcess(store=store, clock=clock, kind=kind, webhooks=webhooks)
    return Loop("report_process", reporter.check, idle_seconds=REPORT_IDLE, finish=reporter.end)


@asynccontextmanager
async def running(loops: dict[str, Loop]) -> AsyncGenerator[None]:
    """Run the loops while the block lasts, then let calls in flight finish. Leases cover those that do not."""
    tasks = [asyncio.create_task(loop.run(), name=name) for name, loop in loops.items()]
    try:
        yield
    finally:
        stop_all(loops)
        _, left = await asyncio.wait(tasks, timeout=DRAIN_SECONDS)
        for task in left:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def stop_all(loops: Mapping[str, Loop]) -> None:
    """Let every loop end after its current work."""
    for loop in loops.values():
        loop.stop()


def on_signal(stop: Callable[[], None], at_once: Callable[[], None] = lambda: None) -> None:
    """Call `stop` on SIGTERM and SIGINT, which only the main thread can handle.

    `at_once` is called too on SIGINT, and on every signal after the first.
    """

    def handle(number: int) -> None:
        if RECEIVED or number == signal.SIGINT:
            at_once()
        RECEIVED.append(number)
        stop()

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, handle, number)
