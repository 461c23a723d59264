"""Today's labels and manifest are printed by keyboard, and scan."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from awbridge.store import Store
from tests.e2e.test_pages_in_browser import HOSTILE, NOWHERE
from tests.support.browser import LAPTOP, PHONE, Watched
from tests.support.label_server import label_server
from tests.support.labels import a_label, codes_on
from tests.support.notices import a_payload
from tests.support.ports import free_port
from tests.support.processes import Running, bridge_environment, running
from tests.support.rows import add, place
from tests.support.stores import migrated_file

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

SHAPES = ("4x6", "a4", "rotated", "cropped")
LABELS = {f"AWB{number}": a_label(f"AWB{number}", shape) for number, shape in enumerate(SHAPES)}


@pytest.fixture
def labels() -> Iterator[str]:
    with label_server({**LABELS, "page": f"<html>{HOSTILE}".encode()}) as url:
        yield url


@pytest_asyncio.fixture(loop_scope="module")
async def store_of_labels(tmp_path: Path, labels: str) -> AsyncIterator[Store]:
    """Four parcels with a label, and one whose link leads to a web page."""
    store = await Store.open(await migrated_file(tmp_path))
    try:
        now = datetime.now(UTC)
        for awb in (*LABELS, "page"):
            reference = f"{awb} {HOSTILE}"
            await add(store, reference, payload=a_payload(reference), now=now)
            await place(store, reference, awb, now=now, label_url=f"{labels}/{awb}")
        yield store
    finally:
        await store.close()


@pytest.fixture
def service(store_of_labels: Store, tmp_path: Path) -> Iterator[Running]:
    port = free_port()
    env = bridge_environment(f"sqlite:///{tmp_path}/awbridge.db", NOWHERE, port)
    with running(["serve"], env, tmp_path, port) as process:
        yield process


async def download(watched: Watched, text: str) -> bytes:
    """Press a download link by keyboard; the file."""
    await watched.tab_to(text)
    async with watched.page.expect_download() as started:
        await watched.page.keyboard.press("Enter")
    return Path(await (await started.value).path()).read_bytes()


async def test_todays_labels_and_manifest_are_printed_by_keyboard(browser: Browser, service: Running) -> None:
    watched = Watched(await browser.new_page(viewport={"width": LAPTOP[0], "height": LAPTOP[1]}), service.url)
    await watched.open("/")
    await watched.press("Labels")
    await watched.check()
    await watched.press("Choose Delhivery · main", "Space")
    await watched.press("Print labels")
    await watched.check()
    assert await watched.page.get_by_text("the label is not a PDF but a web page").count() == 1
    await watched.press("Print 4 labels")
    await watched.check()
    scanned = codes_on(await download(watched, "Download PDF"))
    assert [sorted(page) for page in scanned] == [sorted(LABELS)]
    await watched.press("Hand-over manifest")
    await watched.check()
    await watched.press("Make the manifest")
    await watched.check()
    [codes] = codes_on(await download(watched, "Download manifest 1"))
    assert sorted(codes) == sorted(LABELS)


async def test_the_pages_are_sound_on_a_phone(browser: Browser, service: Running) -> None:
    context = await browser.new_context(viewport={"width": PHONE[0], "height": PHONE[1]}, color_scheme="dark")
    watched = Watched(await context.new_page(), service.url)
    await watched.open("/labels")
    await watched.page.check("input[name=account]")
    await watched.page.get_by_role("button", name="Print labels").click()
    await watched.check()
    await watched.page.get_by_role("button", name="Print 4 labels").click()
    await watched.check()
    await watched.page.get_by_role("button", name="Hand-over manifest").click()
    await watched.check()
    await watched.page.get_by_role("button", name="Make the manifest").click()
    await watched.check()
    paths = ("/labels", "/labels/prints", "/labels/manifests", "/labels/manifests/1")
    for path in (*paths, "/labels/parcels?account=4%3Amain&show=all"):
        await watched.open(path)
        await watched.check()
