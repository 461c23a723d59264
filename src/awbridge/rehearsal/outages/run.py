"""`awbridge drill NAME ...`: outages one after another under a mixed load, then the verdict from both ledgers."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx2

from awbridge.domain.errors import AwbridgeError
from awbridge.domain.orders.shipment import State
from awbridge.rehearsal import demo_company
from awbridge.rehearsal.outages.causes import CAUSES
from awbridge.rehearsal.outages.ledgers import compare
from awbridge.rehearsal.outages.load import sending
from awbridge.rehearsal.outages.plan import NAMES, OutagePlan
from awbridge.rehearsal.outages.rig import Rig, rig
from awbridge.rehearsal.processes import Process
from awbridge.rehearsal.verdict import Verdict
from awbridge.store.orders import lists
from awbridge.store.tracking import inbox

BETWEEN = 1.0  # seconds of load between two outages
SETTLES_WITHIN = 120.0  # seconds without progress
LONGEST_LEASE = 240.0  # seconds after which a message that a killed replica held is decided again
LONG = 3.0  # minutes from which the drill waits for those
OPEN = tuple(state.value for state in State if state not in (State.PLACED, State.CANCELLED))


async def run_outages(plan: OutagePlan, folder: Path, say: Callable[[str], None] = lambda _: None) -> Verdict:
    """Drill every outage of the plan; `folder` takes data and logs, `say` is told what happens.

    Raises AwbridgeError where something that the drill itself needs does not start.
    """
    # Replicas of the older version must be replaced before anything else starts them.
    ordered = replace(plan, names=tuple(name for name in NAMES if name in plan.names))
    started = time.monotonic()
    async with _ended_by_sigterm(), rig(ordered, folder) as made:
        say("started: two serve, two work")
        async with sending(made.load), _looked_after(made):
            await _rounds(made, say)
        say("the load has ended; waiting until everything is placed, applied and caught up")
        late = await _settle(made)
        promises, figures = await compare(made)
        late += [f"{name} did not occur" for name in ordered.names if not made.caused[name]]
    verdict = Verdict(promises=promises, numbers=figures, faults=late)
    verdict.numbers["seconds"] = round(time.monotonic() - started, 1)
    return verdict


@asynccontextmanager
async def _ended_by_sigterm() -> AsyncGenerator[None]:
    """SIGTERM ends the block like Ctrl-C: no server and no replica is left running."""
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    if task is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    loop.add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


async def _rounds(made: Rig, say: Callable[[str], None]) -> None:
    """Each outage in turn, again and again until the time is over."""
    over = time.monotonic() + made.plan.minutes * 60
    names = list(made.plan.names)
    await asyncio.sleep(BETWEEN)
    while names:
        for name in names:
            say(name)
            before = made.occurred.total()
            await CAUSES[name](made)
            made.caused[name] += made.occurred.total() - before
            await asyncio.sleep(BETWEEN)
            if time.monotonic() > over and name == made.plan.names[-1]:
                break
        if time.monotonic() > over:
            return
        names = [name for name in names if name != "upgrade"]  # nothing older is left
    await asyncio.sleep(max(over - time.monotonic(), 0))


@asynccontextmanager
async def _looked_after(made: Rig) -> AsyncGenerator[None]:
    """Replicas that end by themselves are counted and started again."""

    async def look() -> None:
        while True:
            for replica in made.replicas:
                replica.look_after()
            await asyncio.sleep(0.5)

    task = asyncio.create_task(look())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _settle(made: Rig) -> list[str]:
    """Let everything end: calls, journeys, webhooks, catching up, messages. What did not end in time."""
    await made.faults({})
    late: list[str] = []
    if not await _until(lambda: _open_orders(made), SETTLES_WITHIN):
        late.append("some orders were never pushed to their end")
    await made.post("finish")
    if not await _until(lambda: _on_their_way(made), SETTLES_WITHIN):
        late.append("some webhooks were still on their way")
    await _catch_up(made)
    if not await _until(lambda: _not_applied(made), SETTLES_WITHIN):
        late.append("some deliveries were not applied")
    if made.plan.minutes >= LONG and not await _until(lambda: _unsent(made), LONGEST_LEASE):
        late.append("some events or messages were not sent")
    return late


async def _until(count: Callable[[], Awaitable[int]], seconds: float) -> bool:
    """Whether a count comes down to zero. False when it has not changed for so many seconds."""
    before, deadline = -1, 0.0
    while left := await count():
        if left != before:
            before, deadline = left, time.monotonic() + seconds
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.3)
    return True


async def _open_orders(made: Rig) -> int:
    found = await made.read(lists.count_by_state)
    return sum(found.get(state, 0) for state in OPEN)


async def _not_applied(made: Rig) -> int:
    return (await made.read(inbox.counts))["due"]


async def _on_their_way(made: Rig) -> int:
    async with httpx2.AsyncClient(timeout=30.0) as http:
        state = (await http.get(f"{made.sandbox_url}/_sandbox/state")).json()
    return state["open_journeys"] + state["queued_webhooks"] + state["in_flight_webhooks"]


async def _unsent(made: Rig) -> int:
    async with httpx2.AsyncClient(timeout=30.0) as http:
        return await demo_company.unsent(http, made.load.url)


async def _catch_up(made: Rig) -> None:
    """What an operator does after an outage. The webhooks that ClickPost gave up on come in by it."""
    replica = made.replicas[0]
    with (made.folder / "drill.log").open("ab") as log:
        command = Process(["awbridge", "catch-up", "--everything"], replica.env, made.folder, log)
        command.start()
        try:
            if not await _until(lambda: _runs(command), SETTLES_WITHIN * 5):
                raise AwbridgeError("awbridge catch-up --everything did not end; see the log")
        finally:
            command.stop()


async def _runs(command: Process) -> int:
    return int(not command.ended())
