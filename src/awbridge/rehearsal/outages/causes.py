"""What causes each outage, once. Every function returns when what it stopped runs again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from awbridge.domain.errors import AwbridgeError
from awbridge.rehearsal.outages.plan import CLOCKS_APART, STOPPED_FOR, VENDOR_DOWN
from awbridge.rehearsal.outages.rig import BAD_DAY, Rig
from awbridge.store.engine import faults
from awbridge.store.engine.detect import standbys

KILLS = 3
DOWN_FOR = (0.2, 1.5)  # seconds until a killed replica is started again
LIVES_FOR = 4.0  # seconds with clocks apart
FULL_FOR = 3.0  # seconds after the first write that was refused
BITES_WITHIN = 40.0  # seconds until a write needs new space
STORM_FOR = 5.0  # seconds
CUT_EVERY = 0.15  # seconds
CUTS = 24  # connections cut one by one
STREAMS_WITHIN = 60.0  # seconds


async def kill(rig: Rig) -> None:
    for _ in range(KILLS):
        victim = rig.dice.choice(rig.replicas)
        victim.kill()
        rig.occurred["replicas killed"] += 1
        await asyncio.sleep(rig.dice.uniform(*DOWN_FOR))
        victim.start()
        await victim.ready()


async def postgres_restart(rig: Rig) -> None:
    await asyncio.to_thread(rig.primary.crash)
    await asyncio.to_thread(rig.primary.start)
    rig.occurred["PostgreSQL crashed and started at once"] += 1


async def postgres_stop(rig: Rig) -> None:
    await asyncio.to_thread(rig.primary.stop)
    await asyncio.sleep(STOPPED_FOR)
    await asyncio.to_thread(rig.primary.start)
    rig.occurred[f"PostgreSQL stopped for {STOPPED_FOR:g} s"] += 1


async def failover(rig: Rig) -> None:
    old, new = rig.primary, rig.standby
    assert new
    await _streams_synchronously(rig)
    await asyncio.to_thread(old.crash)
    await asyncio.to_thread(new.promote)
    if rig.pooler:
        rig.pooler.point_to(new)
    rig.primary, rig.standby = new, old
    rig.occurred["primary crashed, replica promoted"] += 1
    await asyncio.to_thread(old.create_from, new)
    await asyncio.to_thread(new.wait_for_standby, True)


async def _streams_synchronously(rig: Rig) -> None:
    """Return once commits wait for the replica. Raises AwbridgeError where that takes too long."""
    for _ in range(int(STREAMS_WITHIN / 0.2)):
        if (await rig.read(standbys.durability)).synchronous:
            return
        await asyncio.sleep(0.2)
    raise AwbridgeError(f"the replica did not stream within {STREAMS_WITHIN:g} s; see the logs of PostgreSQL")


async def pooler(rig: Rig) -> None:
    for _ in range(CUTS):
        rig.occurred["connections to PostgreSQL cut"] += await rig.read(faults.drop_oldest_connection)
        await asyncio.sleep(CUT_EVERY)


async def upgrade(rig: Rig) -> None:
    """Those of the older version that are left, one by one, each stopped as an orchestrator does."""
    for replica in [one for one in rig.replicas if one.code]:
        await asyncio.sleep(1.0)
        await replica.stop()
        replica.code = None
        replica.start()
        await replica.ready()
        rig.occurred["replicas upgraded from the older version"] += 1


async def clocks(rig: Rig) -> None:
    misled = rig.replicas[2:]
    for seconds in (CLOCKS_APART, 0.0):
        for replica in misled:
            await replica.stop()
            replica.clock = seconds
            replica.start()
            await replica.ready()
        await asyncio.sleep(LIVES_FOR if seconds else 0)
    rig.occurred[f"replicas with a clock {CLOCKS_APART:g} s ahead"] += len(misled)


async def disk_full(rig: Rig) -> None:
    """Until PostgreSQL was refused space, and some seconds more."""
    assert rig.disk
    server = rig.on_small_disk()
    before = server.times_out_of_space()
    await asyncio.to_thread(rig.disk.fill)
    try:
        for _ in range(int(BITES_WITHIN / 0.2)):
            if server.times_out_of_space() > before:
                break
            await asyncio.sleep(0.2)
        await asyncio.sleep(FULL_FOR)
    finally:
        await asyncio.to_thread(rig.disk.free)
    rig.occurred["writes refused for lack of space"] += server.times_out_of_space() - before
    await asyncio.sleep(0.5)
    if not server.running or not await asyncio.to_thread(server.answers):
        rig.occurred["PostgreSQL ended because its disk was full"] += 1
        await asyncio.to_thread(server.crash)
        await asyncio.to_thread(server.start)


async def vendor_down(rig: Rig) -> None:
    await rig.faults({"http_503": 1.0, "poll_http_500": 1.0, "other_http_500": 1.0})
    try:
        await asyncio.sleep(VENDOR_DOWN)
    finally:
        await rig.faults(BAD_DAY)
    rig.occurred["hours without ClickPost"] += 1


async def storm(rig: Rig) -> None:
    before = len(rig.load.storm_acknowledged)
    rig.occurred["webhooks sent once more in storms"] += (await rig.post("redeliver"))["queued"]
    await rig.load.storm(STORM_FOR)
    rig.occurred["new webhooks acknowledged in storms"] += len(rig.load.storm_acknowledged) - before


CAUSES: dict[str, Callable[[Rig], Awaitable[None]]] = {
    "upgrade": upgrade,
    "kill": kill,
    "postgres-restart": postgres_restart,
    "postgres-stop": postgres_stop,
    "failover": failover,
    "pooler": pooler,
    "clocks": clocks,
    "disk-full": disk_full,
    "vendor-down": vendor_down,
    "storm": storm,
}
