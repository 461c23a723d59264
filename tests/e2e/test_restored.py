"""A database is restored to an older point in the middle of a load: nothing is placed, lost or told twice for it."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.e2e.test_killed import give_orders, in_state
from tests.support.cluster import archiving_server
from tests.support.fork_server import Forked
from tests.support.ports import free_port
from tests.support.processes import Running, bridge_environment, environment, running
from tests.support.receivers import Receiver, http_server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]  # they wait for parcels

BEFORE, MEANWHILE, AFTER = 15, 15, 5  # orders before the point, after it, and after the restore
MILESTONES = ("awb_generated", "shipped", "out_for_delivery", "delivered")
FAULTS = ("cut_after_placing=0.1", "http_500=0.05", "async_orders=0.1", "duplicate_webhooks=0.1")


@contextmanager
def simulated(folder: Path) -> Iterator[Running]:
    port = free_port()
    arguments = ["sandbox", "--port", str(port), "--seed", "5", "--speed", "20000", "--backdate-days", "90"]
    for fault in FAULTS:
        arguments += ["--fault", fault]
    with running(arguments, {}, folder, port) as process:
        yield process


def settings(database_url: str, sandbox: Running, port: int, gateway: Receiver, folder: Path) -> dict[str, str]:
    """Messages about some milestones, each of which is the order and the milestone."""
    texts = folder / "texts" / "en"
    texts.mkdir(parents=True, exist_ok=True)
    for milestone in MILESTONES:
        (texts / f"{milestone}.sms.j2").write_text(f"{{{{ reference }}}} {milestone}")
    return {
        **bridge_environment(database_url, sandbox.url, port),
        "AWBRIDGE_CATCH_UP_WINDOW_SECONDS": "4",
        "AWBRIDGE_CATCH_UP_LAG_SECONDS": "0.5",
        "AWBRIDGE_POLLING_CALLS_PER_SECOND": "100",
        "AWBRIDGE_POLL_AGAIN_SECONDS": "2",  # within which a gap in a timeline is found
        "AWBRIDGE_DATA_DIR": str(folder / "data"),
        "AWBRIDGE_NOTICE_SMS_URL": f"json://127.0.0.1:{gateway.port}/sms/{{to_digits}}",
        "AWBRIDGE_NOTICE_CONSENT": "sms",
        "AWBRIDGE_NOTICE_QUIET_HOURS": "",
        "AWBRIDGE_NOTICE_MILESTONES": ",".join(MILESTONES),
        "AWBRIDGE_NOTICE_FRESH_SECONDS": "1e9",  # parcels' time is simulated
        "AWBRIDGE_TEMPLATES_DIR": str(folder / "texts"),
    }


def told(gateway: Receiver) -> Counter[str]:
    """How often each message was sent."""
    return Counter(json.loads(request.body)["message"] for request in gateway.requests)


async def command(env: Mapping[str, str], folder: Path, *arguments: str) -> str:
    """What `awbridge` with these arguments prints."""
    log = folder / "command.log"
    log.unlink(missing_ok=True)
    process = Forked(arguments, environment(env), folder, log)
    assert await asyncio.to_thread(process.wait, 60) == 0, log.read_text()[-2000:]
    return log.read_text()


async def until(look: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not await asyncio.to_thread(look):
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.1)


class Drill:
    """A service under load."""

    def __init__(self, bridge: Running, sandbox: Running, gateway: Receiver) -> None:
        self.bridge, self.sandbox, self.gateway = bridge, sandbox, gateway
        self.references: list[str] = []

    async def send(self, count: int, *, first: int, wait_for: int) -> None:
        """Orders come in, and so many of all are placed and their customers told."""
        self.references += await asyncio.to_thread(give_orders, self.bridge, count, first=first)
        await until(lambda: len(in_state(self.bridge, "placed")) >= wait_for, f"{wait_for} orders were not placed")

    async def tell(self, number: int) -> None:
        """So many messages are sent."""
        await until(lambda: told(self.gateway).total() >= number, f"{number} messages were not sent")

    async def settle(self) -> None:
        """Every journey ends, and its webhooks are sent or dropped."""
        httpx2.post(f"{self.sandbox.url}/_sandbox/finish", timeout=60, verify=False).raise_for_status()
        await until(self._is_quiet, "journeys did not end")

    def _is_quiet(self) -> bool:
        state = httpx2.get(f"{self.sandbox.url}/_sandbox/state", timeout=60, verify=False).json()
        return not state["open_journeys"] + state["queued_webhooks"] + state["in_flight_webhooks"]

    def differences(self) -> list[str]:
        """Where the bridge and the sandbox's ledger disagree: orders, waybills, scans."""
        ledger = httpx2.get(f"{self.sandbox.url}/_sandbox/ledger", timeout=60, verify=False).json()
        theirs = {order["reference_number"]: order for order in ledger["orders"]}
        found = [f"unknown here: {reference}" for reference in theirs.keys() - set(self.references)]
        if ledger["orders_created"] != len(set(self.references)):
            found.append(f"{ledger['orders_created']} placed, {len(set(self.references))} sent")
        with httpx2.Client(base_url=self.bridge.url, timeout=60, verify=False) as http:
            for reference in sorted(set(self.references)):
                shown = http.get(f"/v1/shipments/{reference}").json()
                scans = http.get(f"/v1/shipments/{reference}/scans").json()
                order = theirs.get(reference)
                if order is None or shown["waybill"] != order["waybill"]:
                    found.append(f"{reference}: {shown['state']} {shown['waybill']} {shown['problem']}")
                    continue
                mine = sorted(scan["status_code"] for scan in scans)
                if mine != sorted(scan["clickpost_status_code"] for scan in order["scans"]):
                    found.append(f"{reference}: scans {mine}")
        return found


async def begin(drill: Drill, env: Mapping[str, str], folder: Path) -> None:
    await command(env, folder, "webhook", "register", f"{drill.bridge.url}/webhooks/clickpost", "--wait", "0")
    await drill.send(BEFORE, first=0, wait_for=BEFORE // 2)


async def meanwhile(drill: Drill) -> None:
    """What the restored database will not know: orders placed, scans delivered, customers told."""
    await drill.send(MEANWHILE, first=BEFORE, wait_for=BEFORE + MEANWHILE)
    await drill.tell(BEFORE + MEANWHILE)


async def go_on(drill: Drill) -> None:
    """The order system sends again what it sent since the point, and new orders; then all is caught up."""
    given = BEFORE + MEANWHILE
    await drill.send(given, first=0, wait_for=given)
    before = told(drill.gateway).total()
    await drill.send(AFTER, first=given, wait_for=given + AFTER)
    await drill.tell(before + 1)
    await drill.settle()
    await until(lambda: not drill.differences(), "differences stay")


def verify(drill: Drill) -> None:
    assert drill.differences() == []
    texts = told(drill.gateway)
    assert [text for text, times in texts.items() if times > 1] == [], "told twice"
    new = tuple(drill.references[-AFTER:])
    assert [text for text in texts if text.startswith(new)], "customers with a new order are told"


async def test_sqlite_is_restored_in_the_middle_of_a_load(tmp_path: Path) -> None:
    port = free_port()
    async with http_server() as gateway:
        with simulated(tmp_path) as sandbox:
            env = settings(f"sqlite:///{tmp_path}/awbridge.db", sandbox, port, gateway, tmp_path)
            with running(["serve"], env, tmp_path, port) as bridge:
                drill = Drill(bridge, sandbox, gateway)
                await begin(drill, env, tmp_path)
                await command(env, tmp_path, "backup")
                await meanwhile(drill)
                refused = Forked(["restore", "latest", "--yes"], environment(env), tmp_path, tmp_path / "refused.log")
                assert await asyncio.to_thread(refused.wait, 60) == 1
                assert "is in use" in (tmp_path / "refused.log").read_text()
                bridge.kill()
                restored = await command(env, tmp_path, "restore", "latest", "--yes")
                assert "restored; the old database is" in restored
                bridge.start()
                bridge.wait_until_ready()
                await go_on(drill)
                verify(drill)


@pytest.mark.postgres
async def test_postgresql_is_restored_to_a_point_in_time_in_the_middle_of_a_load(tmp_path: Path) -> None:
    port = free_port()
    async with http_server() as gateway:
        with simulated(tmp_path) as sandbox, archiving_server() as cluster:
            url = await cluster.server.new_database()
            env = settings(url, sandbox, port, gateway, tmp_path)
            with running(["serve"], env, tmp_path, port) as bridge:
                drill = Drill(bridge, sandbox, gateway)
                await asyncio.to_thread(cluster.take_base_backup)
                await begin(drill, env, tmp_path)
                point = cluster.now()
                await meanwhile(drill)
                await asyncio.to_thread(cluster.archive_wal)
                bridge.kill()
                cluster.server.kill()
            with cluster.restored(point) as other:
                env |= {"AWBRIDGE_DATABASE_URL": other.url(url.rpartition("/")[2])}
                corrected = await command(env, tmp_path, "after-restore", "--since", point.isoformat())
                assert "orders may be placed" in corrected
                with running(["serve"], env, tmp_path, port) as bridge:
                    drill.bridge = bridge
                    await go_on(drill)
                    verify(drill)
