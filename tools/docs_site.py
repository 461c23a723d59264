"""The site of docs/: `python -m tools.docs_site` builds it into build/site, and fails on what would be broken there.

Zensical's own strict mode finds links to Markdown files that do not exist, and missing anchors. It does not find a
missing image, a broken link to any other file, a page that is not in the navigation, an entry of the navigation
without a page, or a list that the site breaks up where repository viewers do not (0.0.73 and 0.1.3). So the sources are
checked first, then the pages that were built, as a browser would read them.
"""

from __future__ import annotations

import os
import posixpath
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[1]
CONFIG = "zensical.toml"

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_FENCE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]+`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_IN_CSS = re.compile(r"""url\(\s*["']?([^"')]+)|@import\s+["']([^"']+)""")
_ITEM = re.compile(r"(\d+\.|[-*+]) ")
LIST_INDENT = 4
# What a browser loads by itself. A link that a reader follows may lead anywhere.
_LOADED = {
    ("script", "src"),
    ("img", "src"),
    ("img", "srcset"),
    ("source", "src"),
    ("source", "srcset"),
    ("video", "src"),
    ("video", "poster"),
    ("audio", "src"),
    ("iframe", "src"),
    ("embed", "src"),
    ("object", "data"),
    ("link", "href"),
    ("use", "href"),
    ("image", "href"),
}


def pages_of(nav: list[Any]) -> Iterator[str]:
    """The files that a navigation names, in its order."""
    for entry in nav:
        for target in entry.values() if isinstance(entry, dict) else [entry]:
            if isinstance(target, list):
                yield from pages_of(target)
            else:
                yield target


def source_problems(root: Path) -> list[str]:
    """What is wrong with the navigation, and with the links and images of the pages."""
    docs = root / "docs"
    nav = Counter(pages_of(tomllib.loads((root / CONFIG).read_text(encoding="utf-8"))["project"]["nav"]))
    pages = {str(page.relative_to(docs)) for page in docs.rglob("*.md")}
    found = [f"docs/{page} is not in the navigation: add it to `nav` of {CONFIG}" for page in sorted(pages - set(nav))]
    found += [f"{CONFIG} names {page} in `nav`, which is not in docs/" for page in sorted(set(nav) - pages)]
    found += [f"{CONFIG} names {page} in `nav` {times} times" for page, times in nav.items() if times > 1]
    return found + [
        problem for page in sorted(pages) for check in (_link_problems, _list_problems) for problem in check(docs, page)
    ]


def _link_problems(docs: Path, page: str) -> Iterator[str]:
    text = _CODE.sub("", _FENCE.sub("", (docs / page).read_text(encoding="utf-8")))
    for link in _LINK.findall(text):
        path = unquote(urlsplit(link).path)
        if urlsplit(link).scheme or not path:
            continue
        target = posixpath.normpath(posixpath.join(posixpath.dirname(page), path))
        if path.startswith("/") or target.startswith(".."):
            yield f"docs/{page} links to {link}, which is not on the site: name the file in code instead"
        elif not (docs / target).is_file():
            yield f"docs/{page} links to {link}, which is no file"


def _list_problems(docs: Path, page: str) -> Iterator[str]:
    """What a list item goes on with after an empty line. With fewer columns it ends the list on the site."""
    in_list = after_empty = in_fence = False
    for number, line in enumerate((docs / page).read_text(encoding="utf-8").splitlines(), 1):
        columns = len(line) - len(line.lstrip())
        if line and not in_fence:
            if _ITEM.match(line):
                in_list = True
            elif after_empty and not columns:
                in_list = False
            elif after_empty and in_list and columns < LIST_INDENT:
                yield f"docs/{page}:{number} goes on with a list item: indent it by {LIST_INDENT} columns"
        in_fence ^= line.lstrip().startswith("```")
        after_empty = not line


class _Html(HTMLParser):
    """The ids of a page, what it loads, and where it links to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if not value:
                continue
            if name in ("id", "name"):
                self.ids.add(value)
            elif (tag, name.removeprefix("xlink:")) in _LOADED and not _is_only_named(tag, dict(attrs)):
                parts = value.split(",") if name == "srcset" else [value]
                self.loaded += [part.split()[0] for part in parts]
            elif (tag, name) == ("a", "href"):
                self.links.append(value)


def _is_only_named(tag: str, attributes: dict[str, str | None]) -> bool:
    """That a <link> names another page and loads nothing."""
    return tag == "link" and (attributes.get("rel") or "") in ("prev", "next", "canonical", "alternate")


def site_problems(site: Path) -> list[str]:
    """What a browser would miss on the built site, and what it would load from elsewhere."""
    html = {page: _Html(page.read_text(encoding="utf-8")) for page in sorted(site.rglob("*.html"))}
    found = [problem for page in html for problem in _page_problems(site, page, html)]
    for file in sorted(site.rglob("*.css")):
        for match in _IN_CSS.finditer(file.read_text(encoding="utf-8")):
            url = match[1] or match[2]
            if is_elsewhere(url):
                found.append(f"{file.relative_to(site)} loads {url}")
    return found


def is_elsewhere(url: str) -> bool:
    """That a URL leads to another host."""
    parts = urlsplit(url)
    return bool(parts.netloc) or parts.scheme not in ("", "data")


def _page_problems(site: Path, page: Path, html: dict[Path, _Html]) -> Iterator[str]:
    name = str(page.relative_to(site))
    for url in html[page].loaded:
        if is_elsewhere(url):
            yield f"{name} loads {url}, from another host"
        elif not url.startswith(("data:", "#")) and not _file_of(site, page, url).is_file():
            yield f"{name} loads {url}, which is not there"
    for url in html[page].links:
        # The theme's own script makes what begins with two underscores.
        if is_elsewhere(url) or url.startswith("#__"):
            continue
        target = _file_of(site, page, url)
        if not target.is_file():
            yield f"{name} links to {url}, which is not there"
        elif (anchor := unquote(urlsplit(url).fragment)) and target in html and anchor not in html[target].ids:
            yield f"{name} links to {url}: that page has no such anchor"


def _file_of(site: Path, page: Path, url: str) -> Path:
    path = unquote(urlsplit(url).path)
    if not path:
        return page
    found = Path(os.path.normpath(site / path.lstrip("/") if path.startswith("/") else page.parent / path))
    return found / "index.html" if found.is_dir() else found


def build(root: Path) -> list[str]:
    """Build the site of `root` into its build/site. Returns what is wrong with it: nothing, or it must not be shown.

    Raises OSError: Zensical is not installed.
    """
    found = source_problems(root)
    site = root / "build" / "site"
    shutil.rmtree(site, ignore_errors=True)
    zensical = Path(sys.executable).parent / "zensical"
    run = subprocess.run(
        [zensical, "build", "--strict", "--clean"], cwd=root, capture_output=True, text=True, check=False
    )
    if run.returncode:
        said = _COLOUR.sub("", run.stdout + run.stderr).partition("Traceback")[0].strip()
        found.append(f"zensical build --strict failed:\n{said}")
    return found + site_problems(site)


if __name__ == "__main__":
    problems = build(ROOT)
    sys.stderr.write("".join(f"{problem}\n" for problem in problems))
    if not problems:
        sys.stdout.write("build/site is built: open it through a web server, or run make docs-serve\n")
    sys.exit(1 if problems else 0)
