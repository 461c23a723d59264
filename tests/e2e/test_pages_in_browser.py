"""The pages in a real browser: every page at two widths and in both colour schemes, and the main jobs by keyboard."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from awbridge.domain.couriers.allocation import Rule
from awbridge.domain.couriers.downtime import declare
from awbridge.domain.orders.shipment import State
from awbridge.domain.reconciliation.differences import DifferenceTable
from awbridge.steps.reconciliation.report_files import take_file
from awbridge.store import Store
from awbridge.store.couriers import couriers, downtimes, rules
from awbridge.store.couriers.couriers import CourierAccount
from awbridge.store.notify import endpoints, opt_outs
from awbridge.store.orders import actions
from awbridge.store.reconciliation import reconciliations
from awbridge.store.tracking import inbox
from tests.support.browser import LAPTOP, PHONE, Watched
from tests.support.notices import a_payload
from tests.support.ports import free_port
from tests.support.processes import Running, bridge_environment, running
from tests.support.rows import add, decided, delivery, place, sql
from tests.support.stores import migrated_file
from tests.support.world import SetClock, get

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

NOWHERE = "http://127.0.0.1:9"
HOSTILE = "<script>document.title='broken'</script>\"'>"
REJECTED = f"R/1 {HOSTILE}"
PATHS = (
    *(
        "/",
        "/shipments",
        "/shipments/import",
        "/failures",
        "/ndr",
        "/couriers",
        "/dead-letters",
        "/endpoints",
        "/alarms",
        "/search",
    ),
    "/shipments?state=rejected&cod=false&account=4:main&created_from=2026-01-01&columns=order,problem,pincode",
    *("/labels", "/labels/prints", "/labels/manifests", "/labels/parcels?account=4%3Amain"),
)
RECORD_PATHS = (
    *("/setup", "/setup/guide", "/reconciliation", "/reports", "/endpoints/new", "/dead-letters?reason=no_status"),
    *("/downtimes", "/allocation", "/allocation?drop_pincode=1", "/allocation/edit"),
    *("/messages", "/messages/templates", "/messages/opt-outs", "/people", "/keys", "/audit"),
)


async def fill(store: Store) -> None:
    """One rejected order, ten failed deliveries and a dead letter, with hostile text wherever the vendor writes."""
    now = datetime.now(UTC)
    await decided(store, placed=60, refused=1, clock=SetClock(now))
    await add(store, REJECTED, payload=a_payload(REJECTED), now=now)
    for n in range(10):
        await add(store, f"NDR-{n}", payload=a_payload(f"NDR-{n}"), now=now)
        await place(store, f"NDR-{n}", f"AWB{n}", now=now)
    async with store.write() as session:
        statement = (
            "UPDATE shipments SET state = 'rejected', problem = $1, next_try_at = NULL WHERE reference_number = $2"
        )
        await session.execute(sql(statement), f"Invalid pincode {HOSTILE}", REJECTED)
        statement = (
            "UPDATE shipments SET status_code = 9, status_bucket = 5, status_step = 70, status_at = $1, ndr_at = $1, "
            "ndr_code = 1, ndr_description = $2, next_poll_at = NULL WHERE reference_number LIKE 'NDR-%'"
        )
        await session.execute(sql(statement), now - timedelta(days=4), HOSTILE)
        await inbox.add(
            session, [delivery("x", body=HOSTILE.encode(), problem=f"not read: {HOSTILE}", received_at=now)]
        )


async def fill_records(store: Store) -> None:
    """A subscriber, a reconciliation with a difference, a downtime and a rule, with hostile names."""
    now = datetime.now(UTC)

    async def parts() -> AsyncIterator[bytes]:
        yield b"AWB,Status\n4000000000009,Delivered\nAWB1,Delivered\n"

    await take_file(
        store=store,
        clock=lambda: now,
        parts=parts(),
        name=f"{HOSTILE}.csv",
        source="upload",
        kind=DifferenceTable.REGISTERED,
        day=None,
    )
    async with store.write() as session:
        await endpoints.add(session, f"https://erp.example/{HOSTILE}", now=now)
        await couriers.put(session, [CourierAccount(transporter=HOSTILE, courier_partner_id=4)], now=now)
        await rules.replace(session, [Rule(name=HOSTILE, transporter=HOSTILE)], now=now)
        daily = declare(courier_partner_id=4, starts=time(22), ends=time(2), zone="Asia/Kolkata", reason=HOSTILE)
        await downtimes.add(session, daily, now=now)
        await opt_outs.add(session, "+919000000001", now=now)


async def paths_of_records(store: Store) -> list[str]:
    """The pages of the rows that `fill_records` made."""
    async with store.read() as session:
        (subscriber,) = await endpoints.every(session)
        (run,) = await reconciliations.newest(session)
    endpoint = f"/endpoints/{subscriber.id}"
    return [endpoint, f"{endpoint}/change", f"{endpoint}/remove", f"/reconciliation/{run.id}"]


@asynccontextmanager
async def filled(folder: Path) -> AsyncGenerator[Store]:
    store = await Store.open(await migrated_file(folder))
    try:
        await fill(store)
        await fill_records(store)
        yield store
    finally:
        await store.close()


@contextmanager
def serving(folder: Path) -> Generator[Running]:
    port = free_port()
    env = bridge_environment(f"sqlite:///{folder}/awbridge.db", NOWHERE, port)
    with running(["serve"], env, folder, port) as process:
        yield process


@pytest.fixture(scope="module")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pages")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_store(shared_folder: Path) -> AsyncIterator[Store]:
    """For tests that only look at pages."""
    async with filled(shared_folder) as store:
        yield store


@pytest.fixture(scope="module")
def shared_service(shared_store: Store, shared_folder: Path) -> Iterator[Running]:
    with serving(shared_folder) as process:
        yield process


@pytest_asyncio.fixture(loop_scope="module")
async def store_of_pages(tmp_path: Path) -> AsyncIterator[Store]:
    """For a test that changes something."""
    async with filled(tmp_path) as store:
        yield store


@pytest.fixture
def service(store_of_pages: Store, tmp_path: Path) -> Iterator[Running]:
    with serving(tmp_path) as process:
        yield process


@pytest.mark.timeout(300)  # on a busy machine
async def test_every_page_is_sound(browser: Browser, shared_service: Running) -> None:
    shipment = quote(REJECTED, safe="")
    more = (f"/shipments/{shipment}", f"/payload/{shipment}", f"/shipments/replace?reference={shipment}")
    await look_at(browser, shared_service, (*PATHS, *more, "/shipments/NDR-1"))


@pytest.mark.timeout(300)
async def test_every_page_of_records_and_set_up_is_sound(
    browser: Browser, shared_service: Running, shared_store: Store
) -> None:
    await look_at(browser, shared_service, (*RECORD_PATHS, *await paths_of_records(shared_store)))


async def look_at(browser: Browser, service: Running, paths: Sequence[str]) -> None:
    """Open these pages on a light laptop, and check each; then as a dark phone shows the same document."""
    watched = Watched(await browser.new_page(), service.url)
    for path in paths:
        await show(watched, LAPTOP, "light")
        await watched.open(path)
        await watched.check()
        drawn = await watched.page.locator(".plot").count()
        await show(watched, PHONE, "dark")
        if drawn:  # at loading, in the width and the colours of then
            await watched.open(path)
        await watched.check()
        assert await watched.page.title() != "broken"


async def show(watched: Watched, size: tuple[int, int], scheme: Literal["light", "dark"]) -> None:
    """Let the page be that wide and of that colour scheme."""
    await watched.page.set_viewport_size({"width": size[0], "height": size[1]})
    await watched.page.emulate_media(color_scheme=scheme)


async def test_the_overview_is_drawn_and_updates_itself_under_the_strict_policy(
    browser: Browser, shared_service: Running
) -> None:
    watched = Watched(await browser.new_page(), shared_service.url)
    page = watched.page
    await watched.open("/")
    await page.locator(".plot canvas").wait_for()
    assert not await page.locator("details.numbers").evaluate("folded => folded.open")
    await page.evaluate("document.querySelector('#live h1').textContent = 'of before'")
    async with page.expect_response(shared_service.url + "/"):
        await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await page.locator("h1", has_text="attention").wait_for()
    await page.locator(".plot canvas").wait_for()
    assert await page.locator(".plot").count() == 1
    await watched.check()
    await watched.open("/shipments")
    async with page.expect_response(lambda answer: "/shipments.tabs" in answer.url):
        await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await watched.check()


async def test_the_main_jobs_are_done_by_keyboard(browser: Browser, service: Running, store_of_pages: Store) -> None:
    watched = Watched(await browser.new_page(), service.url)
    page = watched.page
    await watched.open("/")
    await watched.press("Shipments")
    await watched.press("Rejected 2")
    await watched.press(REJECTED)
    await watched.press("Correct payload")
    await watched.tab_to("f:drop_info.drop_pincode")
    await page.keyboard.type("560001")
    await watched.press("Check")
    await watched.check()
    await watched.press("Save and push again")
    await watched.check()
    corrected = await get(store_of_pages, REJECTED)
    assert corrected.payload["drop_info"]["drop_pincode"] == "560001"
    assert corrected.state is not State.REJECTED

    await watched.press("NDR")
    for n in range(10):
        await watched.press(f"Choose NDR-{n}", "Space")
    await watched.press("Preview")
    await watched.check()
    await watched.press("Instruct 10 couriers")
    await watched.check()
    async with store_of_pages.read() as session:
        requested = await actions.open_of(session, [f"NDR-{n}" for n in range(10)])
    assert len(requested) == 10


async def test_a_person_signs_in_by_keyboard_and_every_page_of_people_is_sound(
    browser: Browser, service: Running, store_of_pages: Store
) -> None:
    context = await browser.new_context(viewport={"width": PHONE[0], "height": PHONE[1]}, color_scheme="dark")
    watched = Watched(await context.new_page(), service.url)
    page = watched.page
    await watched.open("/people")
    await watched.tab_to("login")
    await page.keyboard.type("asha@a-rather-long-name-of-a-warehouse.shop.example")
    await watched.press("Add")
    await watched.check()
    link = await page.locator("pre").inner_text()
    await page.goto(link)
    for name in ("password", "again"):
        await watched.tab_to(name)
        await page.keyboard.type("three blind mice")
    await watched.press("Save password")
    await watched.check()
    await watched.tab_to("login")
    await page.keyboard.type("asha@a-rather-long-name-of-a-warehouse.shop.example")
    await watched.tab_to("password")
    await page.keyboard.type("three blind mice")
    await watched.press("Sign in")
    for path in ("/people", "/keys", "/audit", "/people/me", "/shipments"):
        await watched.open(path)
        await watched.check()
    await watched.open("/people")
    await watched.press("asha@a-rather-long-name-of-a-warehouse.shop.example")
    await watched.check()
    await watched.open("/keys")
    await watched.tab_to("name")
    await page.keyboard.type(HOSTILE)
    await watched.press("Make key")
    await watched.check()
    await watched.press("Sign out")
    await watched.check()
    assert await page.title() == "Sign in · awbridge"
