"""The two clients offer the same, and the pages of the library name all of it, with examples that run."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from awbridge import AsyncClickPost, ClickPost

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "docs" / "reference" / "library"
LIBRARY = FOLDER / "index.md"
PAGES = [page for page in sorted(FOLDER.glob("*.md")) if page.stem not in ("index", "models")]
EXAMPLES = [LIBRARY, *PAGES]
CLOSING = {"aclose": "close"}


def methods(client: type) -> dict[str, Callable[..., Any]]:
    found = inspect.getmembers(client, inspect.isfunction)
    return {name: method for name, method in found if not name.startswith("_")}


ASYNC, BLOCKING = methods(AsyncClickPost), methods(ClickPost)


def test_both_clients_have_the_same_methods() -> None:
    assert {CLOSING.get(name, name) for name in ASYNC} == set(BLOCKING)
    assert len(ASYNC) > 35


@pytest.mark.parametrize("name", ASYNC)
def test_a_method_takes_and_returns_the_same_on_both(name: str) -> None:
    theirs, ours = inspect.signature(ASYNC[name]), inspect.signature(BLOCKING[CLOSING.get(name, name)])
    assert theirs.parameters == ours.parameters
    assert str(theirs.return_annotation).removeprefix("Async") == str(ours.return_annotation)
    assert inspect.getdoc(BLOCKING[CLOSING.get(name, name)])


def test_both_clients_are_made_with_the_same_arguments() -> None:
    theirs, ours = inspect.signature(AsyncClickPost).parameters, inspect.signature(ClickPost).parameters
    assert list(theirs) == list(ours)
    assert {name: theirs[name].default for name in theirs} == {name: ours[name].default for name in ours}


def blocks(page: Path) -> list[str]:
    """The programs of a page. `tests/docs` runs them."""
    return re.findall(r"^```python\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_examples_are_written_as_our_formatter_writes_code() -> None:
    for page in EXAMPLES:
        assert blocks(page)
        for block in blocks(page):
            command = [sys.executable, "-m", "ruff", "format", "--diff", "--line-length", "120", "-"]
            run = subprocess.run(command, input=block, capture_output=True, text=True, cwd="/")
            assert run.returncode == 0, f"{page.name}: {run.stdout}"


@pytest.mark.slow
def test_examples_pass_a_strict_type_checker(tmp_path: Path) -> None:
    """Examples that users copy are checked like users' code."""
    for page in EXAMPLES:
        for number, block in enumerate(blocks(page)):
            (tmp_path / f"{page.stem}{number}.py").write_text(block, encoding="utf-8")
    (tmp_path / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    run = subprocess.run(
        [sys.executable, "-m", "basedpyright", "--pythonpath", sys.executable, "--project", tmp_path],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout


def rows() -> list[tuple[str, str, str]]:
    """(method, its arguments, a second method) of every row of the tables."""
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    return re.findall(r"^\| `(\w+)(?:\((.*?)\))?`(?:, `(\w+)`)? \| .* \|$", text, re.MULTILINE)


@pytest.mark.parametrize("name", ASYNC)
def test_the_pages_have_a_row_for_every_method(name: str) -> None:
    assert name in {entry for row in rows() for entry in (row[0], row[2])}


def test_the_pages_show_only_methods_that_exist_with_arguments_in_order() -> None:
    for name, shown, _ in rows():
        method = ASYNC.get(name) or BLOCKING[name]
        arguments = [part.split("=")[0].strip() for part in shown.split(",") if part.strip(" *")]
        assert arguments == [each for each in inspect.signature(method).parameters if each != "self"], name
