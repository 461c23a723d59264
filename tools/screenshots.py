"""The pictures of the tutorial: `python -m tools.screenshots` walks through docs/tutorial/index.md and takes them anew.

It starts a sandbox and the service as the page says, on free ports, and does in Chromium what the page tells its reader
to do. A test takes the same walk (tests/e2e/test_tutorial.py). Needs the extra `dev`,
Chromium, and fonts for Hindi and Arabic (in Debian fonts-noto-core).
"""

from __future__ import annotations

import asyncio
import io
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from PIL import Image
from playwright.async_api import Locator, Page, async_playwright

ROOT = Path(__file__).resolve().parents[1]
TUTORIAL = ROOT / "docs" / "tutorial" / "index.md"
PICTURES = ROOT / "docs" / "images" / "tutorial"
SERVICE, SANDBOX = "http://127.0.0.1:8000", "http://127.0.0.1:8100"
SIZE = (1280, 800)  # of the window
TALLEST = 1500  # px of a picture
LARGEST = 100_000  # bytes of a picture
COLOURS = 64
PATIENCE = 30  # seconds for what the service and the sandbox do by themselves
PASSWORD = "correct horse battery"  # invented, as all of the tutorial  # noqa: S105
# Where the content of a page ends, px.
_HEIGHT = """() => 24 + Math.max(360, ...[...document.querySelectorAll('main *, body.alone main *, body > table')]
  .filter(e => !e.closest('details:not([open]) > :not(summary)')).map(e => e.getBoundingClientRect().bottom))"""
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"<!-- file: (\S+) -->\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Tutorial:
    """What the page gives its reader: settings, the arguments of both commands, and files by name."""

    settings: Mapping[str, str]
    sandbox: list[str]
    serve: list[str]
    files: Mapping[str, str]
    bold: frozenset[str]
    pictures: frozenset[str]


def read_tutorial() -> Tutorial:
    """The page as it stands."""
    text = TUTORIAL.read_text(encoding="utf-8")
    lines = [line for language, block in _BLOCK.findall(text) if language == "sh" for line in block.splitlines()]
    settings: dict[str, str] = {}
    for line in lines:
        if line.startswith("export AWBRIDGE_"):
            settings |= dict(part.split("=", 1) for part in shlex.split(line, comments=True)[1:])
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return Tutorial(
        settings=settings,
        sandbox=_arguments(lines, "awbridge sandbox"),
        serve=_arguments(lines, "awbridge serve"),
        files={Path(name).name: content for name, content in _FILE.findall(text)},
        bold=frozenset(" ".join(found.split()) for found in re.findall(r"\*\*(.+?)\*\*", prose, re.DOTALL)),
        pictures=frozenset(re.findall(r"\]\(\.\./images/tutorial/([\w-]+)\.png\)", text)),
    )


def _arguments(lines: list[str], command: str) -> list[str]:
    (line,) = (line for line in lines if line.startswith(command))
    return shlex.split(line, comments=True)[1:]


@dataclass
class Walk:
    """A reader with a browser. `pictures`: where they go; None takes none. `seen`: the texts that were pressed."""

    page: Page
    service: str
    sandbox: str
    folder: Path
    tutorial: Tutorial
    pictures: Path | None = None
    seen: set[str] = field(default_factory=set[str])
    taken: set[str] = field(default_factory=set[str])

    async def open(self, url: str) -> None:
        """Open an address of the tutorial."""
        await self.page.goto(url.replace(SERVICE, self.service).replace(SANDBOX, self.sandbox))

    async def menu(self, *path: str) -> None:
        """Follow an entry of the menu."""
        for text in path:
            self.seen.add(text)
            await self.page.locator("nav.menu").get_by_role("link", name=text, exact=True).click()

    async def press(self, text: str, *, within: str = "body", named: str = "") -> None:
        """Press a button or follow a link. `named`: its whole name, where the text is only a part."""
        self.seen.add(text)
        found = self.page.locator(within)
        button = found.get_by_role("button", name=named or text, exact=True)
        await button.or_(found.get_by_role("link", name=named or text, exact=True)).first.click()

    async def type(self, label: str, value: str, *, within: str = "body") -> None:
        """Fill a field."""
        self.seen.add(label)
        await self.page.locator(within).get_by_label(label, exact=True).fill(value)

    async def choose(self, label: str) -> None:
        """Choose an option or a row."""
        self.seen.add(label)
        await self.page.get_by_label(label, exact=True).check()

    async def reads(self, text: str) -> None:
        """Reload the page until it shows a text."""
        await self.until(self.page.get_by_text(text), f"shows {text!r}")

    async def until(self, wanted: Locator, what: str, count: int = 1) -> None:
        """Reload the page until it has so many of these elements."""
        deadline = time.monotonic() + PATIENCE
        while await wanted.count() < count:
            if time.monotonic() > deadline:
                raise AssertionError(f"never: {self.page.url} {what}. It reads: {await self.page.inner_text('main')}")
            await asyncio.sleep(0.5)
            await self.page.reload()

    async def picture(self, name: str, *, of: str = "") -> None:
        """Take the picture of that name: of the window down to the end of the content, or `of` one element."""
        self.taken.add(name)
        if self.pictures is None:
            return
        await self.page.evaluate("document.activeElement?.blur()")
        if of:
            content = small(await self.page.locator(of).screenshot())
        else:
            height = min(int(await self.page.evaluate(_HEIGHT)), TALLEST)
            await self.page.set_viewport_size({"width": SIZE[0], "height": height})
            content = small(await self.page.screenshot())
            await self.page.set_viewport_size({"width": SIZE[0], "height": SIZE[1]})
        if len(content) > LARGEST:
            raise ValueError(f"the picture {name} has {len(content)} bytes")
        (self.pictures / f"{name}.png").write_bytes(content)


def small(png: bytes) -> bytes:
    """The picture with few colours, which pages of text do not miss."""
    out = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(
        out, "PNG", optimize=True
    )
    return out.getvalue()


async def walk(reader: Walk) -> None:
    """The whole tutorial, in the order of its page."""
    await sign_in(reader)
    await set_up(reader)
    await import_orders(reader)
    await order_over_the_api(reader)
    await look_at_shipments(reader)
    await print_labels(reader)
    await track(reader)
    await answer_the_failed_delivery(reader)
    await see_it_delivered(reader)
    await open_the_customers_page(reader)
    await read_the_report(reader)


async def sign_in(reader: Walk) -> None:
    """The first person."""
    await reader.open(f"{SERVICE}/people")
    await reader.type("Name or mail address", "asha@shop.example")
    await reader.press("Add")
    link = (await reader.page.locator("pre").inner_text()).strip()
    await reader.open(link)
    await reader.type("New password", PASSWORD)
    await reader.type("The same again", PASSWORD)
    await reader.press("Save password")
    await reader.type("Name or mail address", "asha@shop.example")
    await reader.type("Password", PASSWORD)
    await reader.picture("sign-in")
    await reader.press("Sign in")


async def set_up(reader: Walk) -> None:
    """The mapping of couriers, and the webhook."""
    await reader.menu("First steps")
    await reader.press("Compare with ClickPost", within="#couriers")
    await reader.picture("couriers", of="#couriers")
    await reader.press("Take over these accounts", within="#couriers")
    await reader.type("Public address of /webhooks/clickpost on this service", f"{reader.service}/webhooks/clickpost")
    await reader.press("Register and test", within="#webhook")
    await reader.page.locator("#webhook .findings").wait_for()
    await reader.picture("webhook", of="#webhook")


async def import_orders(reader: Walk) -> None:
    """The file of orders: checked, then imported."""
    file = reader.folder / "orders.csv"
    await reader.menu("Shipments")
    await reader.press("Import orders")
    for button in ("Check only", "Import"):
        await reader.page.set_input_files("input[type=file]", file)
        await reader.press(button)
        await reader.picture("import-check" if button == "Check only" else "import")
    await reader.press("Show the shipments")


async def order_over_the_api(reader: Walk) -> None:
    """A key, and the order that an order system would send with it."""
    await reader.menu("API keys")
    await reader.type("Name of the program that uses it", "order system")
    await reader.press("Make key")
    await reader.picture("key")
    key = (await reader.page.locator("pre").inner_text()).strip()
    async with httpx2.AsyncClient() as http:
        answer = await http.post(
            f"{reader.service}/v1/shipments",
            headers={"authorization": f"Bearer {key}", "content-type": "application/json"},
            content=reader.tutorial.files["order.json"],
        )
    if answer.status_code != 202:
        raise AssertionError(answer.text)


async def look_at_shipments(reader: Walk) -> None:
    """All four are placed; one needed a second try."""
    await reader.menu("Shipments")
    await reader.until(reader.page.locator("main td .badge", has_text="placed"), "has four that are placed", 4)
    await reader.picture("shipments")
    await reader.press("ORDER-1003")
    await reader.reads("HTTP 500")
    await reader.picture("shipment")


async def print_labels(reader: Walk) -> None:
    """Labels on one PDF, and the list that the courier signs."""
    await reader.menu("Labels")
    await reader.page.get_by_role("checkbox").first.check()
    await reader.press("Print labels")
    await reader.picture("labels")
    await reader.press("Print 4 labels")
    await reader.page.locator("dd", has_text="asha@shop.example").wait_for()  # who printed them
    await reader.picture("print-run")
    async with reader.page.expect_download() as started:
        await reader.press("Download PDF")
    await (await started.value).save_as(reader.folder / "labels.pdf")
    await reader.press("Hand-over manifest")
    await reader.press("Make the manifest")
    await reader.picture("manifest")


async def track(reader: Walk) -> None:
    """The parcels travel, until a delivery fails."""
    await reader.open(SANDBOX)
    for _ in range(12):
        row = reader.page.get_by_role("row").filter(has_text="ORDER-1002")
        if "Customer Unreachable" in await row.inner_text():
            break
        await reader.press("Next scan of every parcel")
    await reader.picture("sandbox")
    await reader.open(f"{SERVICE}/")
    await reader.menu("Shipments")
    await reader.reads("Failed delivery")
    await reader.picture("on-the-way")


async def answer_the_failed_delivery(reader: Walk) -> None:
    """NDR: the courier shall try again."""
    await reader.menu("NDR")
    await reader.choose("Choose ORDER-1002")
    await reader.choose("Deliver again on")
    await reader.picture("ndr")
    await reader.press("Preview")
    await reader.press("Instruct 1 courier")
    await reader.picture("instructed")
    await reader.open(f"{SERVICE}/shipments/ORDER-1002")
    await reader.reads("Requested: ndr, done")


async def see_it_delivered(reader: Walk) -> None:
    """The parcel arrives."""
    await reader.open(SANDBOX)
    for _ in range(2):
        await reader.press("Next scan of every parcel")
    await reader.open(f"{SERVICE}/shipments/ORDER-1002")
    await reader.reads("Delivered, ")
    await reader.picture("delivered")


async def open_the_customers_page(reader: Walk) -> None:
    """What the customer sees."""
    await reader.press("Open", within="main")
    await reader.picture("customer")
    await reader.open(f"{SERVICE}/")


async def read_the_report(reader: Walk) -> None:
    """The day's failed calls."""
    await reader.menu("Reports")
    label = "Create the report of a day now"
    await reader.type(label, await reader.page.get_by_label(label).get_attribute("max") or "")
    await reader.press("Create")
    await reader.picture("report")


@contextmanager
def _started(arguments: list[str], env: Mapping[str, str], folder: Path, port: int) -> Iterator[str]:
    """An `awbridge` that answers at the address."""
    with (folder / f"{arguments[0]}.log").open("wb") as log:
        command = [sys.executable, "-m", "awbridge", *arguments]
        process = subprocess.Popen(command, cwd=folder, env=dict(env), stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                urllib.request.urlopen(f"{url}/healthz", timeout=1).close()  # noqa: S310
                break
            except (urllib.error.URLError, OSError):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((folder / f"{arguments[0]}.log").read_text()) from None
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def settings_for(tutorial: Tutorial, service: str, sandbox: str) -> dict[str, str]:
    """The page's settings with the addresses of this walk."""
    moved = {k: v.replace(SERVICE, service).replace(SANDBOX, sandbox) for k, v in tutorial.settings.items()}
    return moved | {"AWBRIDGE_PORT": service.rsplit(":", 1)[1]}


def write_files(tutorial: Tutorial, folder: Path) -> None:
    """The page's files, as its reader saves them."""
    for name, content in tutorial.files.items():
        (folder / name).write_text(content, encoding="utf-8")


async def _photograph(service: str, sandbox: str, folder: Path, tutorial: Tutorial) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--lang=en-GB"])
        page = await browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]}, locale="en-GB")
        PICTURES.mkdir(parents=True, exist_ok=True)
        await walk(Walk(page, service, sandbox, folder, tutorial, PICTURES))
        await browser.close()


def main() -> None:
    """Take every picture anew."""
    tutorial = read_tutorial()
    kept = {k: v for k, v in os.environ.items() if not k.startswith("AWBRIDGE_")}
    with tempfile.TemporaryDirectory(prefix="awbridge-tutorial-") as name:
        folder, port, sandbox_port = Path(name), _free_port(), _free_port()
        write_files(tutorial, folder)
        with _started([*tutorial.sandbox, "--port", str(sandbox_port)], kept, folder, sandbox_port) as sandbox:
            env = kept | settings_for(tutorial, f"http://127.0.0.1:{port}", sandbox)
            with _started(tutorial.serve, env, folder, port) as service:
                asyncio.run(_photograph(service, sandbox, folder, tutorial))
    for picture in sorted(PICTURES.glob("*.png")):
        sys.stdout.write(f"{picture.relative_to(ROOT)}: {picture.stat().st_size // 1024 + 1} KB\n")


if __name__ == "__main__":
    main()
