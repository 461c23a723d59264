"""What ARCHITECTURE.md and CONTRIBUTING.md name exists: files, folders, and names of the code."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("ARCHITECTURE.md", "CONTRIBUTING.md")
PLACES = ("src", "tests", "tools", "bench", "deploy", "docs", "examples", "findings")
FILES = ("Makefile", "pyproject.toml", "zensical.toml", ".ci/run")
TEXTS = frozenset({".py", ".sql", ".toml", ".yml", ".sh", ".j2"})
# Names of something outside of this repository, or patterns.
OUTSIDE = frozenset({"../shared", "../shared/vendor", "~/.pyenv", "build/site"})

_CODE = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(r"[\w.~-]+(?:/[\w.-]+)+/?|[\w-]+\.(?:py|sql|md|toml|yml|sh|j2)|[\w-]+/")
_NAME = re.compile(r"@?([A-Za-z]\w*_\w+|_\w+|[A-Z][a-z]+[A-Z]\w*|[A-Z][A-Z_]{3,})(?:\(\))?")


def prose(page: str) -> str:
    """The text of a page without its blocks, which have tests of their own."""
    return re.sub(r"^```.*?^```", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


@cache
def files() -> tuple[str, ...]:
    """Every file of the repository, and its folders with a slash at the end."""
    found = [path for place in PLACES for path in (ROOT / place).rglob("*") if "__pycache__" not in path.parts]
    names = [f"{path.relative_to(ROOT)}{'/' if path.is_dir() else ''}" for path in found]
    return (*names, *FILES, *(f"{place}/" for place in PLACES), *(path.name for path in ROOT.glob("*.md")))


@cache
def words() -> frozenset[str]:
    """Every word of the code."""
    texts = [ROOT / name for name in files() if Path(name).suffix in TEXTS or name in FILES]
    return frozenset(re.findall(r"\w+", "\n".join(text.read_text(encoding="utf-8") for text in texts)))


def is_there(path: str) -> bool:
    """Whether a file or folder ends in this path."""
    wanted = path.removeprefix("./")
    return any(f"/{name}".endswith((f"/{wanted}", f"/{wanted}/")) for name in files())


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_is_named_exists(page: str) -> None:
    named = [code for code in _CODE.findall(prose(page)) if _PATH.fullmatch(code) and code not in OUTSIDE]
    assert len(named) > 20
    assert not [path for path in named if not is_there(path)]


@pytest.mark.parametrize("page", PAGES)
def test_every_name_of_the_code_exists(page: str) -> None:
    named = [found[1] for code in _CODE.findall(prose(page)) if (found := _NAME.fullmatch(code))]
    assert len(named) > 5
    assert not sorted({name for name in named if name not in words()})


def test_a_name_that_does_not_exist_is_noticed() -> None:
    assert not is_there("store/orders/nowhere.sql")
    assert is_there("store/orders/filtered.sql")
    assert "no_such" + "_name_at_all" not in words()
