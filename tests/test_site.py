"""The site of docs/: every page is reached, no link is broken, nothing comes from another host, the search finds."""

from __future__ import annotations

import functools
import re
import shutil
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect
from tools.docs_site import CONFIG, ROOT, build, site_problems, source_problems

from tests.support.browser import LAPTOP, PHONE, Watched, chromium, until_true

pytestmark = pytest.mark.slow

THEME = "tools/docs_theme"


def copy_of(folder: Path, *parts: str) -> Path:
    for part in (THEME, CONFIG, *parts):
        target = folder / part
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (ROOT / part).is_dir() else shutil.copy)(ROOT / part, target)
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` builds it."""
    root = copy_of(tmp_path_factory.mktemp("site"), "docs")
    assert build(root) == []
    return root / "build" / "site"


@pytest.fixture(scope="module")
def served(site: Path) -> Iterator[str]:
    """The built site on loopback; its address."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            """Tests print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(site)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_site_is_whole_and_every_page_of_docs_is_on_it(site: Path) -> None:
    pages = {page.relative_to(ROOT / "docs").with_suffix("") for page in (ROOT / "docs").rglob("*.md")}
    built = {page.parent.relative_to(site) for page in site.rglob("index.html")}
    assert {page.parent if page.name == "index" else page for page in pages} == built
    assert len(built) > 60


def test_every_page_forbids_the_browser_to_load_from_elsewhere(site: Path) -> None:
    """Scripts of the theme know addresses elsewhere, for features that are off. The policy holds whatever they do."""
    for page in site.rglob("*.html"):
        html = page.read_text(encoding="utf-8")
        policy = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]+)">', html)
        assert policy, page
        assert policy.start() < html.index("<link"), f"{page}: the policy comes after something that is loaded"
        assert not re.search(r"https?:|\*", policy[1])
        assert "default-src 'self'" in policy[1]


def test_a_list_keeps_its_numbers(site: Path) -> None:
    """Items with commands between them, in several sections: the page calls them by number."""
    html = (site / "how-to" / "deploy" / "going-live" / "index.html").read_text(encoding="utf-8")
    source = (ROOT / "docs" / "how-to" / "deploy" / "going-live.md").read_text(encoding="utf-8")
    lists = re.findall(r"<ol(?: start=\"(\d+)\")?>(.*?)</ol>", html, re.DOTALL)
    shown = [int(start or 1) + n for start, items in lists for n in range(items.count("<li>"))]
    assert shown == [int(number) for number in re.findall(r"^(\d+)\. ", source, re.MULTILINE)]
    assert len(shown) > 20


FAULTS = {
    "[gone](gone.md)": "page does not exist",
    "[no such place](other.md#nowhere)": "anchor does not exist",
    "[nor here](#nowhere)": "anchor does not exist",
    "![no picture](gone.png)": "docs/index.md links to gone.png, which is no file",
    "[a folder](images/)": "docs/index.md links to images/, which is no file",
    "[the readme](../README.md)": "docs/index.md links to ../README.md, which is not on the site",
    '<a href="../gone/">by hand</a>': "index.html links to ../gone/, which is not there",
    '<a href="other/#nowhere">by hand</a>': "index.html links to other/#nowhere: that page has no such anchor",
    '<script src="https://cdn.example/a.js"></script>': "index.html loads https://cdn.example/a.js, from another host",
    '<img src="//cdn.example/a.png" alt="">': "index.html loads //cdn.example/a.png, from another host",
    '<link rel="stylesheet" href="https://cdn.example/a.css">': "index.html loads https://cdn.example/a.css",
}


def test_whatever_is_broken_is_named_and_fails_the_build(tmp_path: Path) -> None:
    root = copy_of(tmp_path)
    config = (root / CONFIG).read_text(encoding="utf-8")
    nav = 'nav = ["index.md", "other.md", "planned.md", "other.md"]\n'
    config = re.sub(r"^nav = \[\n.*?^\]\n", nav, config, flags=re.MULTILINE | re.DOTALL)
    (root / CONFIG).write_text(config, encoding="utf-8")
    (root / "docs" / "images").mkdir(parents=True)
    broken_list = "1. One:\n\n   its text\n\n2. Two\n"
    text = "# Start\n\n" + "\n\n".join(FAULTS) + "\n\n" + broken_list
    (root / "docs" / "index.md").write_text(text, encoding="utf-8")
    (root / "docs" / "other.md").write_text("# Other\n\n[Start](index.md#start)\n", encoding="utf-8")
    (root / "docs" / "forgotten.md").write_text("# Forgotten\n", encoding="utf-8")
    (root / "docs" / "style.css").write_text("@import 'https://fonts.example/a'; b { background: url(//c.example/d) }")
    found = build(root)
    text = "\n".join(found)
    missing = {fault: message for fault, message in FAULTS.items() if message not in text}
    assert not missing, text
    assert text.count("Warning: anchor does not exist") == 2
    assert "goes on with a list item: indent it by 4 columns" in text
    assert "docs/forgotten.md is not in the navigation" in text
    assert f"{CONFIG} names planned.md in `nav`, which is not in docs/" in text
    assert f"{CONFIG} names other.md in `nav` 2 times" in text
    assert "style.css loads https://fonts.example/a" in text
    assert "style.css loads //c.example/d" in text
    assert "docs/other.md" not in text, "what is whole is not named"


def test_a_page_without_faults_has_no_problems(tmp_path: Path) -> None:
    """The reading of sources takes no code for a link."""
    (tmp_path / "docs").mkdir()
    (tmp_path / CONFIG).write_text('[project]\nnav = [{ "A" = ["a.md"] }]\n')
    (tmp_path / "docs" / "a.md").write_text(
        "# A\n\n[up](https://example.com/x) [here](#a) `[x](gone.md)`\n\n```md\n[x](gone.md)\n```\n"
        "\n1. One:\n\n    ```md\n    1. A\n\n       b\n    ```\n\n2. Two\n\nEnd\n\n <!-- no item -->\n"
    )
    assert source_problems(tmp_path) == []
    assert site_problems(tmp_path / "docs") == []


# As a script of the theme would, for a feature that needs a library. Tells what the page's policy has blocked.
LOAD_FROM_ELSEWHERE = """() => new Promise(done => {
  addEventListener('securitypolicyviolation', event => done(event.blockedURI));
  const script = document.createElement('script');
  script.onload = () => done('loaded');
  script.src = 'https://cdn.example/diagrams.js';
  document.head.append(script);
})"""


async def refuse_other_hosts(page: Page, origin: str) -> None:
    async def decide(route: Route) -> None:
        await (route.continue_() if route.request.url.startswith(origin + "/") else route.abort())

    await page.context.route("**/*", decide)


async def test_the_start_page_and_the_search_work_with_other_hosts_refused(served: str) -> None:
    async with chromium() as browser:
        page = await browser.new_page(viewport={"width": LAPTOP[0], "height": LAPTOP[1]}, color_scheme="light")
        await refuse_other_hosts(page, served)
        watched = Watched(page, served)
        await watched.open("/")
        await watched.check()
        background = "getComputedStyle(document.body).backgroundColor"
        light = await page.evaluate(background)
        await page.emulate_media(color_scheme="dark")
        await expect(page.locator("body")).not_to_have_css("background-color", light)
        await until_true(page, "[...document.querySelectorAll('div')].some(part => part.shadowRoot)")  # the search
        await page.keyboard.press("Control+k")
        await page.get_by_role("combobox", name="Search").fill("synchronous_standby_names")
        await page.get_by_role("option", name="What an asynchronous standby loses").click()
        await expect(page).to_have_url(re.compile(r"/how-to/operate/operations/.*#what-an-asynchronous-standby-loses"))
        await watched.check(axe=False)
        await page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
        await watched.open("/")
        await watched.check(axe=False)
        assert [image for image in await page.locator("img").all() if not await image.evaluate("i => i.complete")] == []
        assert await page.evaluate(LOAD_FROM_ELSEWHERE) == "https://cdn.example/diagrams.js", "the browser refuses it"
