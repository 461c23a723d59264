"""Run the steps until the process is told to stop, with calls in flight finished."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext

import structlog

from awbridge.app.accounts.file import AccountsFile
from awbridge.app.accounts.hosting import account_loops, worked_accounts
from awbridge.app.database import shared_servers
from awbridge.app.loops import World, opened_world, step_loops
from awbridge.app.parts import check_parts
from awbridge.app.running import report_loop, running, schema_loop
from awbridge.app.settings import Settings
from awbridge.app.starting import RECEIVED, started
from awbridge.domain.errors import SchemaTooNew
from awbridge.steps.runtime.clock import Clock, utc_now
from awbridge.steps.runtime.loop import Loop

log = structlog.get_logger()

# Seconds between switches of Python's threads. SQLite's thread waits this long for Python's lock after every statement
# while webhooks are answered; Python's default of 5 ms would take most of a commit.
QUICK_HANDOVER = 0.0005

# Objects that are made between two looks for garbage. The pause of a look grows with them, and requests wait for it:
# with 50,000 it was 12 to 37 ms.
YOUNG = 10_000


async def work(settings: Settings, *, clock: Clock = utc_now) -> None:
    """Run the steps without the web server until SIGTERM or SIGINT.

    `clock` is the machine's; the drill passes one that is wrong. Raises SchemaTooNew once the database is migrated to
    a schema that this version cannot work with; MissingPart as `serve` does.
    """
    check_parts(settings)
    stop = asyncio.Event()
    on_signal(stop.set)
    async with shared_servers() as servers, started(opened_world(settings, clock, servers), stop) as world:
        loops = step_loops(world)
        too_new: list[SchemaTooNew] = []

        def end(error: SchemaTooNew) -> None:
            too_new.append(error)
            stop.set()

        loops["schema"] = schema_loop(world.store, end)
        file = AccountsFile(settings.accounts)
        loops["report_process"] = report_loop(world.store, clock, "work", problem=lambda: file.problem)
        async with AsyncExitStack() as stack:
            if not settings.account:
                hosted = worked_accounts(settings, world.store, servers, clock, file)
                accounts = await stack.enter_async_context(hosted)
                loops |= account_loops(accounts, settings.steps_idle_seconds)
            await stack.enter_async_context(_monitored(world, loops))
            await stack.enter_async_context(running(loops))
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
    gc.set_threshold(YOUNG, 20, 20)
    sys.setswitchinterval(QUICK_HANDOVER)


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
