"""The fenced blocks of the pages, each with the markers above it. CONTRIBUTING.md describes the markers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[2]

# Markers that stand above a block and say what is done with it.
ABOVE = (
    "not run",
    "file",
    "quoted from",
    "output",
    "output of",
    "shape of",
    "ends with",
    "keeps running",
    "put in",
    "input",
    "then",
)
# Markers that may stand anywhere.
ANYWHERE = ("setup", "stage")

STAGES = frozenset({"nothing", "postgres"})

_COMMENT = re.compile(r"<!--(.*?)-->", re.DOTALL)
_MARKER = re.compile(
    rf"\s*({'|'.join(sorted((*ABOVE, *ANYWHERE), key=len, reverse=True))})\s*(?::|\n|$)(.*)", re.DOTALL
)


class PageError(Exception):
    """A page has a marker or a block that the tests do not understand. The text names the line."""


@dataclass(frozen=True)
class Marker:
    """A comment of a page that tells the tests what to do."""

    name: str
    text: str
    line: int


@dataclass(frozen=True)
class Block:
    """A fenced block. `line` is that of its opening fence, from 1."""

    language: str
    text: str
    line: int
    markers: tuple[Marker, ...] = ()

    def all(self, name: str) -> list[str]:
        """The texts of its markers of that name."""
        return [marker.text for marker in self.markers if marker.name == name]

    def get(self, name: str) -> str | None:
        """The text of its marker of that name; None if it has none."""
        found = self.all(name)
        if len(found) > 1:
            raise PageError(f"line {self.line}: more than one marker `{name}`")
        return found[0] if found else None


@dataclass(frozen=True)
class Page:
    """What the tests do for a page, in order: set-ups that stand alone, and blocks."""

    path: Path
    items: tuple[Marker | Block, ...]

    @property
    def name(self) -> str:
        return str(self.path.relative_to(ROOT)) if self.path.is_relative_to(ROOT) else self.path.name

    @property
    def blocks(self) -> list[Block]:
        return [item for item in self.items if isinstance(item, Block)]

    @property
    def stage(self) -> frozenset[str]:
        """What differs before the page's first block: `nothing`, `postgres`."""
        named = [item.text for item in self.items if isinstance(item, Marker) and item.name == "stage"]
        found = frozenset(word.strip() for text in named for word in text.split(","))
        if unknown := found - STAGES:
            raise PageError(f"no stage: {', '.join(unknown)}. There are {', '.join(STAGES)}")
        return found


def documents() -> list[Path]:
    """The pages whose blocks run: README.md, CONTRIBUTING.md and all of docs/."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("**/*.md"))]


def read_page(path: Path) -> Page:
    """The blocks of a page. Raises PageError for a marker that is not one, or belongs to no block."""
    return Page(path, tuple(_items(path.read_text(encoding="utf-8"))))


def _items(text: str) -> Iterator[Marker | Block]:
    waiting: list[Marker] = []
    for token in MarkdownIt().parse(text):
        line = token.map[0] + 1 if token.map else 0
        if token.type == "html_block":
            for marker in _markers(token.content, line):
                if marker.name in ANYWHERE:
                    yield marker
                else:
                    waiting.append(marker)
        elif token.type == "fence":
            yield Block(_language(token), token.content, line, tuple(waiting))
            waiting = []
        elif token.type == "code_block":
            raise PageError(f"line {line}: an indented block of code; fence it")
        elif waiting:
            raise PageError(f"line {waiting[0].line}: the marker `{waiting[0].name}` stands above no fenced block")
    if waiting:
        raise PageError(f"line {waiting[0].line}: the marker `{waiting[0].name}` stands above no fenced block")


def _language(token: Token) -> str:
    return token.info.split()[0] if token.info.strip() else ""


def _markers(html: str, line: int) -> Iterator[Marker]:
    for comment in _COMMENT.finditer(html):
        at = line + html.count("\n", 0, comment.start())
        if not (found := _MARKER.fullmatch(comment[1])):
            first = comment[1].strip().partition("\n")[0]
            raise PageError(f"line {at}: no marker: `{first}`. Known are {', '.join((*ABOVE, *ANYWHERE))}")
        yield Marker(found[1], found[2].strip(), at)
