"""All that a drill of outages runs on: PostgreSQL and its replica, PgBouncer, the sandbox, a balancer, the replicas."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, TypeVar

import httpx2
import stamina

from awbridge.domain.errors import AwbridgeError, StoreBusy
from awbridge.rehearsal import demo_company
from awbridge.rehearsal.demo_company import Company, company
from awbridge.rehearsal.demo_orders import ACCOUNTS
from awbridge.rehearsal.outages.balancer import balancer
from awbridge.rehearsal.outages.cluster import Cluster
from awbridge.rehearsal.outages.load import WEBHOOK_KEY, Load
from awbridge.rehearsal.outages.older import unpacked
from awbridge.rehearsal.outages.pgbouncer import PgBouncer
from awbridge.rehearsal.outages.plan import OutagePlan
from awbridge.rehearsal.outages.replicas import Replica, environment
from awbridge.rehearsal.outages.servers import ServerPlace, SmallDisk, find_pgbouncer, find_postgres, free_port
from awbridge.rehearsal.processes import sandbox_process
from awbridge.store import Store
from awbridge.store.engine.database import Session

T = TypeVar("T")

SPEED = 15_000.0  # courier seconds per second: a journey of five days takes half a minute
DAY = 86_400.0
SETTLES_WITHIN = 120.0  # seconds more than the drill itself for which couriers must have time left
# A bad day at ClickPost besides the outages, as shares of all calls.
BAD_DAY: dict[str, Any] = {
    "cut_after_placing": 0.04,
    "cut_before_placing": 0.02,
    "http_500": 0.02,
    "rate_limited": 0.02,
    "retry_after_seconds": 0.2,
    "async_orders": 0.05,
    "duplicate_webhooks": 0.1,
    "shuffled_webhooks": 0.1,
    "poll_http_500": 0.05,
}


@dataclass(slots=True)
class Rig:
    """What outages are made with. `occurred` counts what happened, by what is printed; `caused` by the outage."""

    plan: OutagePlan
    folder: Path
    primary: Cluster
    standby: Cluster | None
    disk: SmallDisk | None
    pooler: PgBouncer | None
    replicas: list[Replica]
    store: Store  # of the drill itself
    load: Load
    sandbox_url: str
    systems: Company
    dice: random.Random
    occurred: Counter[str] = field(default_factory=Counter[str])
    caused: Counter[str] = field(default_factory=Counter[str])

    def on_small_disk(self) -> Cluster:
        """The server whose disk can be full: the one that was the primary at the start."""
        return next(one for one in (self.primary, self.standby) if one and one.name == "one")

    async def read(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """What `work` reads, once the database lets it: only the replicas are drilled, not the drill itself."""
        async for attempt in stamina.retry_context(on=StoreBusy, attempts=60, timeout=120.0):
            with attempt:
                async with self.store.read() as session:
                    return await work(session)
        raise AssertionError("a retry ends with its work or its error")

    async def faults(self, faults: dict[str, Any]) -> None:
        """Let ClickPost fail in this way, and in no other."""
        async with httpx2.AsyncClient(timeout=30.0) as http:
            (await http.put(f"{self.sandbox_url}/_sandbox/faults", json=faults)).raise_for_status()

    async def post(self, path: str) -> dict[str, Any]:
        """Call the sandbox's control API."""
        async with httpx2.AsyncClient(timeout=120.0) as http:
            return (await http.post(f"{self.sandbox_url}/_sandbox/{path}")).raise_for_status().json()


@asynccontextmanager
async def rig(plan: OutagePlan, folder: Path) -> AsyncGenerator[Rig]:
    """Everything started, the replicas ready. All processes end with the block."""
    with ExitStack() as stack:
        log = stack.enter_context((folder / "drill.log").open("ab"))
        disk = stack.enter_context(_small_disk(folder)) if "disk-full" in plan.names else None
        primary = stack.enter_context(_cluster(folder, "one", disk))
        await asyncio.to_thread(primary.create)
        standby = stack.enter_context(_cluster(folder, "two", None)) if "failover" in plan.names else None
        if standby:
            await asyncio.to_thread(standby.create_from, primary)
            await asyncio.to_thread(primary.wait_for_standby, True)
        pooler = stack.enter_context(_pgbouncer(folder, primary)) if "pooler" in plan.names else None
        code = unpacked(plan.older, folder) if plan.older and "upgrade" in plan.names else None
        ports = [free_port(), free_port()]
        async with company() as systems, balancer(ports) as url:
            sandbox = stack.enter_context(sandbox_process(_sandbox_arguments(plan, folder, url), folder, log))
            direct = f"postgresql://awbridge@{','.join(c.host for c in (primary, standby) if c)}/postgres"
            replicas = _replicas(folder, log, ports, direct, pooler, sandbox.url, systems)
            try:
                await sandbox.ready()
                await _start(replicas, code)
                store = await Store.open(direct, connections=3)
                try:
                    load = Load(url, plan.seed, plan.per_second)
                    made = Rig(
                        plan=plan,
                        folder=folder,
                        primary=primary,
                        standby=standby,
                        disk=disk,
                        pooler=pooler,
                        replicas=replicas,
                        store=store,
                        load=load,
                        sandbox_url=sandbox.url,
                        systems=systems,
                        dice=random.Random(plan.seed),  # noqa: S311 chance, not secrecy
                    )
                    await _set_up(url, systems)
                    yield made
                finally:
                    await store.close()
            finally:
                await asyncio.gather(*(replica.stop() for replica in replicas))


@contextmanager
def _small_disk(folder: Path) -> Generator[SmallDisk]:
    mount = folder / "one"
    mount.mkdir()
    mount.chmod(0o755)
    folder.chmod(0o755)
    disk = SmallDisk(mount)
    try:
        yield disk
    finally:
        disk.close()


@contextmanager
def _cluster(folder: Path, name: str, place: ServerPlace | None) -> Generator[Cluster]:
    binaries = find_postgres()
    if binaries is None:
        raise AwbridgeError("PostgreSQL's server is not installed (Debian: apt-get install postgresql)")
    folder.chmod(0o755)  # PostgreSQL may run as another user
    (folder / name).mkdir(exist_ok=True)
    cluster = Cluster(binaries, folder / name, place)
    try:
        yield cluster
    finally:
        cluster.delete()


@contextmanager
def _pgbouncer(folder: Path, primary: Cluster) -> Generator[PgBouncer]:
    (folder / "pgbouncer").mkdir()
    pooler = PgBouncer(find_pgbouncer() or "pgbouncer", folder / "pgbouncer")
    pooler.start(primary)
    try:
        yield pooler
    finally:
        pooler.stop()


def _sandbox_arguments(plan: OutagePlan, folder: Path, url: str) -> list[str]:
    """A bad day; couriers far enough in the past that they travel at full speed all the time."""
    config = {
        "seed": plan.seed,
        "speed": SPEED,
        "backdate_seconds": SPEED * (plan.minutes * 60 + 60 * len(plan.names) + SETTLES_WITHIN),
        "faults": BAD_DAY,
        "webhook_url": f"{url}/webhooks/clickpost",
        "webhook_key": WEBHOOK_KEY,
        "order_status_ids": 1.0,  # by which the ledgers are compared
        "webhook_variants": {"all_statuses": 4, "selected_events": 2, "selected_events_top": 1},
    }
    file = folder / "sandbox.json"
    file.write_text(json.dumps(config))
    return ["--config", str(file)]


def _replicas(
    folder: Path,
    log: IO[bytes],
    ports: list[int],
    direct: str,
    pooler: PgBouncer | None,
    sandbox_url: str,
    systems: Company,
) -> list[Replica]:
    """serve, work, serve, work; the first two through the pooler, if there is one."""
    found: list[Replica] = []
    for number, port in enumerate(ports):
        url = pooler.url if pooler and number == 0 else direct
        env = environment(url, sandbox_url, systems, folder)
        found.append(Replica("serve", env, folder, log, port=port))
        found.append(Replica("work", env, folder, log))
    return found


async def _start(replicas: list[Replica], code: Path | None) -> None:
    """Start them at once: one migrates, the others wait."""
    for replica in replicas:
        replica.code = code
        replica.start()
    await asyncio.gather(*(replica.ready() for replica in replicas))


async def _set_up(url: str, systems: Company) -> None:
    """What a user does once: map the transporters, subscribe to events."""
    async with httpx2.AsyncClient(timeout=30.0) as http:
        for account in ACCOUNTS:
            body = {"courier_partner_id": account.courier_partner_id, "account_code": account.account_code}
            async for attempt in stamina.retry_context(on=httpx2.HTTPError, attempts=5):
                with attempt:
                    answer = await http.put(f"{url}/v1/couriers/{account.transporter}", json=body)
                    answer.raise_for_status()
        await demo_company.listen(http, url, systems)
