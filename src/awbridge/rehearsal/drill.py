"""`awbridge drill`: orders pushed through a bad day, by workers that are killed, checked against the sandbox's ledger.

The sandbox and every worker are processes of their own. Workers are killed with SIGKILL at random moments and started
again, their clocks jump, and their database stumbles. At the end the bridge's shipments are compared with the sandbox's
ledger: each order is placed once.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeVar

import httpx2
import stamina

from awbridge.domain.errors import AwbridgeError, StoreBusy
from awbridge.domain.orders.shipment import State
from awbridge.rehearsal.demo_orders import ACCOUNTS, demo_order
from awbridge.rehearsal.processes import Process, sandbox_process
from awbridge.rehearsal.verdict import Verdict
from awbridge.steps.orders.intake import take_in
from awbridge.steps.runtime.clock import utc_now
from awbridge.store import Store
from awbridge.store.couriers import couriers
from awbridge.store.engine import faults
from awbridge.store.orders import lists, shipments

T = TypeVar("T")

BATCH = 500  # orders stored in one transaction
LOOK_EVERY = 0.2  # seconds
PATIENCE = 60.0  # seconds
MORE_PATIENCE = 0.1  # seconds more for each order
LOCKED_FOR = 1.0  # seconds for which SQLite is locked
TIMEOUT = 2.0  # seconds that a worker waits for a response

ENDS = (State.PLACED, State.REJECTED, State.GAVE_UP, State.CANCELLED)

# Kinds of failing calls on a bad day, as shares of all failing calls. The most important is a response cut after
# placing: the order exists, and the caller does not know.
_WEIGHTS = {
    "cut_after_placing": 0.30,
    "cut_before_placing": 0.15,
    "http_500": 0.15,
    "http_503": 0.10,
    "html_body": 0.08,
    "empty_body": 0.04,
    "rate_limited": 0.13,
    "slow": 0.05,  # placed, but only after the worker's timeout
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to drill. `faults` is the share of create-order calls that fail, 0 to 0.5.

    `jumps`: by how many seconds a worker's clock may be off. `stumbles`: how often the database drops its connections
    (PostgreSQL) or is locked (SQLite).
    """

    orders: int = 1000
    workers: int = 2
    kills: int = 4
    stumbles: int = 4
    jumps: float = 20.0
    faults: float = 0.2
    seed: int = 1
    database_url: str


async def run_drill(plan: Plan, folder: Path) -> Verdict:
    """Drill on an empty database; `folder` takes logs. Raises AwbridgeError where the database holds shipments."""
    store = await Store.open(plan.database_url)
    try:
        await _steady(store.migrate)
        await _steady(partial(_refuse_unless_empty, store))
        with (folder / "drill.log").open("ab") as log, sandbox_process(_day(plan), folder, log) as sandbox:
            await sandbox.ready()
            return await _drive(store, plan, folder, log, sandbox.url)
    finally:
        await store.close()


async def _refuse_unless_empty(store: Store) -> None:
    async with store.read() as session:
        if await lists.count_by_state(session):
            raise AwbridgeError("the database holds shipments already; a drill needs an empty one (--database)")


def _day(plan: Plan) -> list[str]:
    """The sandbox's arguments for a bad day."""
    arguments = ["--seed", str(plan.seed), "--fault", "async_orders=0.05"]
    for name, part in _WEIGHTS.items():
        arguments += ["--fault", f"{name}={part * plan.faults:g}"]
    return [*arguments, "--fault", "retry_after_seconds=0.2", "--fault", f"slow_seconds={1.5 * TIMEOUT:g}"]


async def _drive(store: Store, plan: Plan, folder: Path, log: IO[bytes], sandbox_url: str) -> Verdict:
    await _give_orders(store, plan)
    env = _worker_environment(plan.database_url, sandbox_url)
    modules = [["awbridge.rehearsal.drill_worker", f"{plan.jumps:g}", f"{plan.seed}/{n}"] for n in range(plan.workers)]
    workers = [Process(module, env, folder, log) for module in modules]
    started = time.monotonic()
    try:
        for worker in workers:
            worker.start()
        result = await _watch(store, plan, workers)
    finally:
        for worker in workers:
            worker.stop()
    result.numbers["seconds"] = round(time.monotonic() - started, 1)
    async with httpx2.AsyncClient(timeout=120.0) as http:
        ledger = (await http.get(f"{sandbox_url}/_sandbox/ledger", params={"scans": "0"})).json()
    await _compare(store, plan, ledger, result)
    return result


async def _steady(work: Callable[[], Awaitable[T]]) -> T:
    """Retry the drill's own reads and writes while the database stumbles: only the workers are tested."""
    async for attempt in stamina.retry_context(on=StoreBusy, attempts=20, timeout=30.0):
        with attempt:
            return await work()
    raise AssertionError("a retry ends with its work or its error")


async def _give_orders(store: Store, plan: Plan) -> None:
    async def accounts() -> None:
        async with store.write() as session:
            await couriers.put(session, ACCOUNTS, now=utc_now())

    await _steady(accounts)
    for first in range(0, plan.orders, BATCH):
        batch = [demo_order(number, plan.seed) for number in range(first, min(first + BATCH, plan.orders))]
        await _steady(partial(take_in, store=store, clock=utc_now, orders=batch))


def _worker_environment(database_url: str, sandbox_url: str) -> dict[str, str]:
    """Short delays and many retries."""
    hosts = ("", "TRACKING_", "SERVICEABILITY_", "EDD_")
    return {
        **{f"AWBRIDGE_CLICKPOST_{host}URL": sandbox_url for host in hosts},
        "AWBRIDGE_DATABASE_URL": database_url,
        "AWBRIDGE_CLICKPOST_USERNAME": "sandbox",
        "AWBRIDGE_CLICKPOST_KEY": "sandbox-key",
        "AWBRIDGE_CLICKPOST_TIMEOUT": f"{TIMEOUT:g}",
        "AWBRIDGE_RETRY_DELAYS": ",".join(["0.2"] * 4 + ["0.5"] * 20),
        "AWBRIDGE_WAITING_SECONDS": "0.2",
        "AWBRIDGE_HOLD_SECONDS": "3",
        "AWBRIDGE_PROBE_SECONDS": "0.5",
        "AWBRIDGE_PUSH_LEASE_SECONDS": f"{4 * TIMEOUT + 1:g}",
        "AWBRIDGE_STEPS_IDLE_SECONDS": "0.05",
        "AWBRIDGE_LOG_LEVEL": "error",
    }


async def _watch(store: Store, plan: Plan, workers: Sequence[Process]) -> Verdict:
    """Inject faults at intervals until every order has ended."""
    dice = random.Random(plan.seed)  # noqa: S311 chance, not secrecy
    kills = sorted(dice.uniform(0.05, 0.9) * plan.orders for _ in range(plan.kills))
    stumbles = sorted(dice.uniform(0.05, 0.9) * plan.orders for _ in range(plan.stumbles))
    deadline = time.monotonic() + PATIENCE + MORE_PATIENCE * plan.orders
    result, killed, stumbled, dropped = Verdict(), 0, 0, 0
    while (done := await _done(store)) < plan.orders:
        if time.monotonic() > deadline:
            result.faults.append(f"after the time given, only {done} of {plan.orders} orders had ended")
            break
        if stumbled < len(stumbles) and done >= stumbles[stumbled]:
            dropped += await _steady(partial(faults.stumble, store, seconds=LOCKED_FOR))
            stumbled += 1
        if killed < len(kills) and done >= kills[killed]:
            victim = dice.choice(workers)
            victim.kill()
            victim.start()
            killed += 1
        for worker in workers:
            if worker.ended():
                worker.start()
                result.faults.append("a worker ended by itself; see drill.log")
        await asyncio.sleep(LOOK_EVERY)
    result.numbers |= {"orders given": plan.orders, "workers": plan.workers, "workers killed": killed}
    result.numbers |= {"clocks off by up to, s": plan.jumps, "database stumbled": stumbled}
    if store.dialect == "postgres":
        result.numbers["connections dropped"] = dropped
    return result


async def _done(store: Store) -> int:
    async def counts() -> dict[str, int]:
        async with store.read() as session:
            return await lists.count_by_state(session)

    found = await _steady(counts)
    return sum(found.get(state.value, 0) for state in ENDS)


async def _waybills(store: Store, plan: Plan) -> dict[str, str | None]:
    """Reference number -> our waybill, for every order."""
    ours: dict[str, str | None] = {}

    async def read(references: list[str]) -> None:
        async with store.read() as session:
            ours.update({s.reference_number: s.waybill for s in await shipments.get_many(session, references)})

    for first in range(0, plan.orders, BATCH):
        numbers = range(first, min(first + BATCH, plan.orders))
        references = [demo_order(n, plan.seed)["shipment_details"]["reference_number"] for n in numbers]
        await _steady(partial(read, references))
    return ours


async def _compare(store: Store, plan: Plan, ledger: dict[str, Any], result: Verdict) -> None:
    theirs = {order["reference_number"]: order["waybill"] for order in ledger["orders"]}
    ours = await _waybills(store, plan)
    result.numbers |= {
        "orders created at ClickPost": ledger["orders_created"],
        "calls to create-order": ledger["calls"].get("create_order", 0),
    }
    if ledger["orders_created"] != plan.orders:
        result.faults.append(f"{plan.orders} orders were given, ClickPost created {ledger['orders_created']}")
    for reference, waybill in ours.items():
        if theirs.get(reference) != waybill or waybill is None:
            result.faults.append(f"{reference}: we hold waybill {waybill}, ClickPost {theirs.get(reference)}")
    if unknown := set(theirs) - set(ours):
        result.faults.append(f"ClickPost holds {len(unknown)} orders that we do not know")
