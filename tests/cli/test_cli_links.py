"""Links to the customer's page on the command line."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import awbridge as library
from awbridge.cli import main
from awbridge.domain.customer_page.links import LinkKeys
from awbridge.store import Store
from tests.support.processes import bridge_environment
from tests.support.rows import add
from tests.support.stores import migrated_file
from tests.support.world import an_order

KEY = "a key of the tests"
OLD, NEW = (f"https://shop.example/track/{LinkKeys([KEY]).token('R-1', revoked)}" for revoked in (0, 1))


@pytest.fixture
def awbridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that runs one command on a database of one shipment, with the customer's page on."""

    async def fill() -> str:
        url = await migrated_file(tmp_path, "cli.db")
        store = await Store.open(url)
        await add(store, "R-1", payload=an_order("R-1"), now=datetime.now(UTC))
        await store.close()
        return url

    monkeypatch.chdir(tmp_path)
    for name, value in bridge_environment(asyncio.run(fill()), "http://127.0.0.1:9", 0).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWBRIDGE_TRACK_URL", "https://shop.example/")
    monkeypatch.setenv("AWBRIDGE_TRACK_KEYS", KEY)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments)

    return run


def test_a_link_is_shown_checked_and_revoked(awbridge: Any) -> None:
    shown = json.loads(awbridge("links", "show", "R-1", "--json").stdout)
    assert (shown["track_url"], shown["revoked"]) == (OLD, 0)
    assert shown["short_url"] == OLD.replace("/track/", "/t/")
    assert OLD in awbridge("shipments", "show", "R-1").stdout
    assert awbridge("links", "check", OLD).stdout == "opens R-1\n"
    assert awbridge("links", "revoke", "R-1", "--yes").stdout == f"R-1: {NEW}\n"
    gone = awbridge("links", "check", OLD)
    assert (gone.exit_code, "revoked" in gone.stdout) == (1, True)
    assert json.loads(awbridge("links", "check", NEW.rpartition("/")[2], "--json").stdout)["state"] == "opens"
    strange = awbridge("links", "check", "aaaaaaaaaaaaaaaa")
    assert (strange.exit_code, "no key" in strange.stdout) == (1, True)
    assert "there is no shipment" in awbridge("links", "revoke", "NONE", "--yes").stderr


def test_a_new_key_is_long_and_never_the_same(awbridge: Any) -> None:
    first, second = awbridge("links", "new-key"), awbridge("links", "new-key")
    assert first.stdout != second.stdout
    assert len(first.stdout.strip()) >= 32
    assert "put it first" in first.stderr
    assert LinkKeys([first.stdout.strip()])


def test_without_settings_the_commands_say_what_to_set(awbridge: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWBRIDGE_TRACK_KEYS")
    for command in (("show", "R-1"), ("check", OLD)):
        assert "AWBRIDGE_TRACK_KEYS" in awbridge("links", *command).stderr


def test_the_library_makes_the_same_links_without_the_database() -> None:
    assert library.track_url("R-1", base_url="https://shop.example/", key=KEY) == OLD
    assert library.track_url("R-1", base_url="https://shop.example", key=KEY, revoked=1) == NEW
    assert library.track_url("R-1", base_url="https://shop.example", key=KEY, short=True) == OLD.replace(
        "/track/", "/t/"
    )
    with pytest.raises(ValueError, match="16 characters"):
        library.track_url("R-1", base_url="https://shop.example", key="short")
