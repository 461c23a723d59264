"""The two clients offer the same, and docs/library.md names all of it."""

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
from awbridge.sandbox.config import SandboxConfig
from tests.clickpost.conftest import Vendor

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "docs" / "library.md"
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


def test_the_client_without_asyncio_is_what_its_source_makes() -> None:
    """What is changed in the one is made anew in the other: python tools/make_sync.py."""
    run = subprocess.run([sys.executable, ROOT / "tools" / "make_sync.py", "--check"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def example() -> str:
    (code,) = re.findall(r"^```python\n(.*?)^```$", LIBRARY.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return code


def test_the_example_of_the_library_document_runs(vendor: Vendor, capsys: pytest.CaptureFixture[str]) -> None:
    vendor.say({"meta": {"status": 200}, "result": {"waybill": "AW1"}})
    vendor.say({"meta": {"status": 200}, "result": {"AW1": {"scans": [{"status": "placed"}]}}})
    exec(example().replace("http://127.0.0.1:8100", vendor.url), {})  # our own document
    assert "AW1" in capsys.readouterr().out
    assert [seen.path for seen in vendor.seen] == ["/api/v3/create-order/", "/api/v2/track-order/"]
    details = vendor.seen[0].body["shipment_details"]
    accounts = {(account.courier_partner_id, account.account_code) for account in SandboxConfig().accounts}
    assert (details["courier_partner"], details["account_code"]) in accounts


@pytest.mark.parametrize("name", ASYNC)
def test_the_library_document_has_a_row_for_every_method(name: str) -> None:
    rows = re.findall(r"^\| `(\w+)(?:\(.*?\))?`(?:, `(\w+)`)? \|", LIBRARY.read_text(encoding="utf-8"), re.MULTILINE)
    assert name in {entry for row in rows for entry in row}


def test_the_library_document_names_no_method_that_is_not_there() -> None:
    rows = re.findall(r"^\| `(\w+)\(", LIBRARY.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows
    assert set(rows) <= set(ASYNC) | set(BLOCKING)


def test_the_library_document_shows_each_methods_arguments_in_their_order() -> None:
    for name, shown in re.findall(r"^\| `(\w+)\((.*?)\)`", LIBRARY.read_text(encoding="utf-8"), re.MULTILINE):
        arguments = [part.split("=")[0].strip() for part in shown.split(",") if part.strip(" *")]
        assert arguments == [
            parameter for parameter in inspect.signature(ASYNC[name]).parameters if parameter != "self"
        ]
