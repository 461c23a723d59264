"""`awbridge demo`: the whole bridge against a simulated ClickPost with faults, and a verdict it checks itself.

The sandbox and the service run as they would in earnest and meet over HTTP only. At the end every order, scan and
status of the bridge is held against the sandbox's own ledger.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import httpx2

from awbridge.app import connections, policies
from awbridge.app.database import open_store
from awbridge.app.load_settings import load_settings
from awbridge.app.progress import Progress
from awbridge.app.settings import Settings
from awbridge.private_files import open_private
from awbridge.rehearsal import demo_company
from awbridge.rehearsal.demo_company import Company, company
from awbridge.rehearsal.demo_orders import demo_order
from awbridge.rehearsal.processes import SandboxProcess, sandbox_process
from awbridge.rehearsal.service_here import service_here, set_up
from awbridge.rehearsal.verdict import Verdict
from awbridge.sandbox import Faults, SandboxConfig
from awbridge.steps.polling.track_order import poll_all
from awbridge.steps.runtime.clock import utc_now
from awbridge.store import Store
from awbridge.store.tracking import inbox

DAY = 86_400.0
PATIENCE = 60.0  # seconds without progress until the demo stops waiting and says what is missing
PAUSES = (0.1,) * 5  # seconds after which failed polling calls are repeated
UNSETTLED = ("allocating", "ready", "waiting", "retrying", "held")

# A bad day at ClickPost. Everything here passes in the end; none of it may lose or double an order or a scan.
FAULTS: dict[str, Any] = {
    "error_codes": {322: 0.04, 329: 0.03, 319: 0.02, 320: 0.005},
    "http_500": 0.03,
    "http_503": 0.02,
    "html_body": 0.02,
    "empty_body": 0.01,
    "rate_limited": 0.02,
    "retry_after_seconds": 0.3,
    "cut_after_placing": 0.05,
    "cut_before_placing": 0.03,
    "async_orders": 0.05,
    "duplicate_webhooks": 0.10,
    "shuffled_webhooks": 0.10,
    "bulk_webhooks": 0.05,
    "dropped_webhooks": 0.05,
    "poll_http_500": 0.05,
}


def demo_settings(sandbox_url: str, folder: Path, systems: Company) -> Settings:
    """The service's settings for the demo: patient in tries, quick in everything."""
    return load_settings(
        database_url=f"sqlite:///{folder}/awbridge.db",
        clickpost_username="sandbox",
        clickpost_key="sandbox-key",
        clickpost_url=sandbox_url,
        clickpost_tracking_url=sandbox_url,
        clickpost_timeout=5.0,
        retry_delays=(0.2, 0.3, 0.5, 0.5, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0),
        waiting_seconds=0.3,
        hold_seconds=3.0,  # an account that placed an order this lately is not at fault for one refused as 320
        probe_seconds=0.5,
        push_lease_seconds=25.0,
        catch_up_window_seconds=4.0,
        catch_up_lag_seconds=0.5,
        polling_calls_per_second=100.0,
        steps_idle_seconds=0.05,
        data_dir=str(folder / "awbridge-data"),
        notice_sms_url=systems.sms_url,
        notice_consent="sms",
        notice_quiet_hours="",
        notice_brand="Demo Shop",
        track_url="http://127.0.0.1",  # the port is not known yet; only paths are used
        track_keys=("the demo's key of links",),
        endpoint_networks=("127.0.0.0/8",),
        host="127.0.0.1",
        port=0,
        log_level="error",
    )


class _Watch:
    """Shows progress, and ends what makes none: how long all takes depends on the machine."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet

    async def until(self, name: str, total: int, look: Callable[[], Any]) -> bool:
        """Show progress until `look` (a coroutine function) says `total`; False when patience ran out."""
        most, deadline = -1, time.monotonic()
        with Progress(name, total, quiet=self._quiet) as progress:
            while True:
                done = await look()
                progress.update(done)
                if done >= total:
                    return True
                if done > most:
                    most, deadline = done, time.monotonic() + PATIENCE
                elif time.monotonic() > deadline:
                    return False
                await asyncio.sleep(0.1)


@contextmanager
def _sandbox(config: SandboxConfig, folder: Path) -> Generator[SandboxProcess]:
    """The simulated ClickPost, in a process of its own, which starts while the service does."""
    file = folder / "sandbox.json"
    with open_private(file) as out:
        out.write(config.model_dump_json().encode())
    with (folder / "sandbox.log").open("ab") as log, sandbox_process(["--config", str(file)], folder, log) as sandbox:
        yield sandbox


async def run_demo(
    *, count: int, seed: int, keep: bool, report: Callable[[dict[str, Any]], None] | None = None
) -> bool:
    """Run the demo, print its table and verdict; True when the bridge and the sandbox agree in everything."""
    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        prefix = "awbridge-demo-"
        made = (
            tempfile.mkdtemp(prefix=prefix) if keep else stack.enter_context(tempfile.TemporaryDirectory(prefix=prefix))
        )
        folder = Path(made)
        config = SandboxConfig(seed=seed, speed=200_000.0, backdate_seconds=90 * DAY, faults=Faults(**FAULTS))
        watch = _Watch(quiet=report is not None)
        sandbox = stack.enter_context(_sandbox(config, folder))
        async with company() as systems:
            settings = demo_settings(sandbox.url, folder, systems)
            async with service_here(settings) as url, httpx2.AsyncClient(timeout=30.0) as http:
                await sandbox.ready()
                verdict = await _drive(http, url, sandbox.url, settings, count, seed, watch, systems)
                _show(verdict, orders=count, seconds=round(time.monotonic() - started, 1), report=report)
                if keep:
                    await _tell_where(http, url, settings)
                    await _ctrl_c()
    return verdict.good


async def _tell_where(http: httpx2.AsyncClient, url: str, settings: Settings) -> None:
    click.echo(f"Open {url}/ in a browser. The API is described at {url}/docs.", err=True)
    answer = await http.get(f"{url}/v1/shipments", params={"state": "placed", "limit": 500})
    shipments: list[dict[str, Any]] = answer.json()["shipments"]
    delivered = next((one for one in shipments if one["status"] and one["status"]["name"] == "Delivered"), None)
    if delivered:
        click.echo(
            f"What a customer sees of a delivered parcel: {url}{urlsplit(str(delivered['track_url'])).path}", err=True
        )
    click.echo(f"Database: {settings.database_url}. Stop with Ctrl-C.", err=True)


async def _ctrl_c() -> None:
    """Return when the person wants to end."""
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        if task := asyncio.current_task():
            task.uncancel()


async def _drive(
    http: httpx2.AsyncClient,
    url: str,
    sandbox_url: str,
    settings: Settings,
    count: int,
    seed: int,
    watch: _Watch,
    systems: Company,
) -> Verdict:
    await set_up(http, url, settings)
    await demo_company.listen(http, url, systems)
    references: list[str] = []
    for start in range(0, count, 100):
        batch = [demo_order(n, seed) for n in range(start, min(start + 100, count))]
        answer = await http.post(f"{url}/v1/shipments", json=batch)
        answer.raise_for_status()
        references += [s["reference_number"] for s in answer.json()["shipments"]]
    pushed = await watch.until("orders registered", count, lambda: _count_pushed(http, url, count))
    await http.post(f"{sandbox_url}/_sandbox/finish")
    settled = await watch.until("journeys delivered", count, lambda: _count_settled(http, sandbox_url, count))
    caught_up = await _catch_up(settings, watch, count)
    ledger = (await http.get(f"{sandbox_url}/_sandbox/ledger")).json()
    sent = await watch.until("all events and messages sent", 1, lambda: _all_sent(http, url))
    verdict = await _compare(http, url, references, ledger)
    numbers, faults = await demo_company.check(http, url, references, ledger, systems)
    verdict.numbers |= numbers
    verdict.faults += faults
    for done, what in (
        (pushed, "some orders were still being pushed"),
        (settled, "some journeys or webhooks were still under way"),
        (caught_up, "catching up did not come to an end"),
        (sent, "some events or messages were still waiting to be sent"),
    ):
        if not done:
            verdict.faults.insert(0, f"{what}: {PATIENCE:g} s passed without progress")
    return verdict


async def _count_pushed(http: httpx2.AsyncClient, url: str, count: int) -> int:
    by_state = demo_company.counts((await http.get(f"{url}/metrics")).text, "awbridge_shipments")
    return count - sum(by_state.get(state, 0) for state in UNSETTLED)


async def _all_sent(http: httpx2.AsyncClient, url: str) -> int:
    return int(await demo_company.unsent(http, url) == 0)


async def _count_settled(http: httpx2.AsyncClient, sandbox_url: str, count: int) -> int:
    state = (await http.get(f"{sandbox_url}/_sandbox/state")).json()
    busy = state["open_journeys"] + state["queued_webhooks"] + state["in_flight_webhooks"]
    return max(count - busy, 0)


async def _catch_up(settings: Settings, watch: _Watch, count: int) -> bool:
    """Run `awbridge catch-up --everything` until every shipment was polled, then wait until all is applied."""
    policy = policies.catch_up_policy(settings)
    async with open_store(settings, migrate=False) as store, connections.vendor(settings) as clickpost:

        async def answered() -> int:
            polled = await poll_all(store=store, clickpost=clickpost, clock=utc_now, policy=policy, pauses=PAUSES)
            return count - polled.failed

        async def applied() -> int:
            async with store.read() as session:
                counts = await inbox.counts(session)
            return counts["total"] - counts["due"] - counts["waiting"]

        return await watch.until("caught up", count, answered) and await watch.until(
            "deliveries applied", await _total(store), applied
        )


async def _total(store: Store) -> int:
    async with store.read() as session:
        return (await inbox.counts(session))["total"]


async def _compare(http: httpx2.AsyncClient, url: str, references: list[str], ledger: Mapping[str, Any]) -> Verdict:
    verdict = Verdict()
    theirs = {order["reference_number"]: order for order in ledger["orders"]}
    scans = 0
    sources: Counter[str] = Counter()
    if ledger["orders_created"] != len(references) or set(theirs) != set(references):
        verdict.faults.append(f"{len(references)} orders were given, ClickPost created {ledger['orders_created']}")
    listed = {shown["reference_number"]: shown async for shown in _listed(http, url)}
    for reference in references:
        timeline = (await http.get(f"{url}/v1/shipments/{reference}/scans")).json()
        scans += len(timeline)
        sources.update(scan["source"] for scan in timeline)
        if (shown := listed.get(reference)) is None:
            verdict.faults.append(f"{reference}: it was given, and is not in the list of shipments")
        elif order := theirs.get(reference):
            verdict.faults += _differences(order, shown, timeline)
    webhooks = ledger["webhooks"]
    verdict.numbers = {
        "orders given": len(references),
        "orders created at ClickPost": ledger["orders_created"],
        "calls to create-order": _recorded_calls((await http.get(f"{url}/metrics")).text),
        "webhooks delivered": webhooks["acknowledged"],
        "webhooks dropped by ClickPost": webhooks["dropped"],
        "scans at ClickPost": sum(len(order["scans"]) for order in ledger["orders"]),
        "scans on our timelines": scans,
        **{f"  first learnt by {source}": n for source, n in sorted(sources.items())},
    }
    return verdict


async def _listed(http: httpx2.AsyncClient, url: str) -> AsyncGenerator[dict[str, Any]]:
    """All shipments of the service, page by page."""
    params: dict[str, str | int] = {"limit": 500}
    while True:
        page = (await http.get(f"{url}/v1/shipments", params=params)).raise_for_status().json()
        for shown in page["shipments"]:
            yield shown
        if page["next"] is None:
            return
        params["cursor"] = page["next"]


def _recorded_calls(metrics: str) -> int:
    """The answers to create-order, whatever they said, and the calls that none came to."""
    name = "awbridge_orders_total{"
    return sum(int(float(line.rsplit(" ", 1)[1])) for line in metrics.splitlines() if line.startswith(name))


def _differences(order: Mapping[str, Any], shown: Mapping[str, Any], timeline: list[Mapping[str, Any]]) -> list[str]:
    reference = order["reference_number"]
    found: list[str] = []
    if (shown["state"], shown["waybill"]) != ("placed", order["waybill"]):
        found.append(f"{reference}: we hold {shown['state']} {shown['waybill']}, ClickPost {order['waybill']}")
    mine = Counter(_scan_key(scan["status_code"], scan["scanned_at"]) for scan in timeline)
    theirs = Counter(_scan_key(scan["clickpost_status_code"], scan["scanned_at"]) for scan in order["scans"])
    if missing := theirs - mine:
        found.append(f"{reference}: scans missing here: {_list(missing)}")
    if extra := mine - theirs:
        found.append(f"{reference}: scans that ClickPost never made: {_list(extra)}")
    status = shown["status"]["code"] if shown["status"] else None
    latest = order["latest_status"]["clickpost_status_code"] if order["latest_status"] else None
    if status != latest:
        found.append(f"{reference}: our status is {status}, ClickPost's {latest}")
    return found


def _scan_key(code: int, at: str) -> tuple[int, int]:
    return code, int(datetime.fromisoformat(at).timestamp())


def _list(scans: Counter[tuple[int, int]]) -> str:
    return ", ".join(f"code {code} at {at} x{n}" for (code, at), n in scans.items())


def _show(verdict: Verdict, *, orders: int, seconds: float, report: Callable[[dict[str, Any]], None] | None) -> None:
    if report:
        result = {
            "verdict": "good" if verdict.good else "bad",
            "orders": orders,
            "seconds": seconds,
            "numbers": {name.strip().replace(" ", "_").replace("-", "_"): n for name, n in verdict.numbers.items()},
            "faults": verdict.faults,
        }
        report(result)
        return
    verdict.show(
        "every order placed exactly once, every scan present exactly once, every current status equal, "
        f"every event and message sent once ({seconds:g} s)"
    )
