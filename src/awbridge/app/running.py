"""The steps of an account that run: their loops, started and stopped together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from awbridge.app.loops import opened_world, step_loops
from awbridge.app.settings import Settings
from awbridge.domain.errors import SchemaTooNew
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.runtime.loop import Loop
from awbridge.steps.runtime.report_process import AnsweredWebhooks, ReportProcess
from awbridge.steps.runtime.schema import LONGEST_SECONDS, LOOK_SECONDS, watch_schema
from awbridge.store import Store
from awbridge.store.engine.connections.servers import Servers

REPORT_IDLE = 5.0  # seconds between looks whether this process is to report itself
DRAIN_SECONDS = 20.0  # given to calls in flight when the process stops


@dataclass(slots=True, kw_only=True, eq=False)
class RunningSteps:
    """The steps of an account that is awake. `loops` is empty where none run."""

    store: Store
    loops: Mapping[str, Loop]

    @property
    def worked_at(self) -> float:
        """When a step last did something, by `time.monotonic`."""
        return max((loop.worked_at for loop in self.loops.values()), default=0.0)

    @property
    def in_use(self) -> bool:
        """Whether requests are being answered."""
        return False

    def wake(self) -> None:
        """Let every step look for work now."""
        for loop in self.loops.values():
            loop.wake()


@asynccontextmanager
async def running_steps(settings: Settings, clock: Clock, servers: Servers) -> AsyncGenerator[RunningSteps]:
    """The steps of an account while the block lasts, without a web server."""
    async with opened_world(settings, clock, servers) as world:
        loops = step_loops(world)
        loops["schema"] = schema_loop(world.store, lambda _: stop_all(loops))
        loops["report_process"] = report_loop(world.store, clock, "work")
        async with running(loops):
            yield RunningSteps(store=world.store, loops=loops)


def schema_loop(store: Store, end: Callable[[SchemaTooNew], None]) -> Loop:
    """The loop that calls `end` once the database has a schema that this version cannot work with."""
    work = partial(watch_schema, store=store, end=end)
    return Loop("schema", work, idle_seconds=LOOK_SECONDS, own_time=lambda: LONGEST_SECONDS)


def report_loop(
    store: Store,
    clock: Clock,
    kind: str,
    webhooks: Callable[[], AnsweredWebhooks] = AnsweredWebhooks,
    problem: Callable[[], str] = str,
) -> Loop:
    """The loop that reports this process (serve or work) to the others. `problem`: with the file of settings."""
    reporter = ReportProcess(store=store, clock=clock, kind=kind, webhooks=webhooks, problem=problem)
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
