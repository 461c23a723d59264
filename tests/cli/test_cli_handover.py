"""Labels and manifests as an operator types them."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from awbridge.cli import main
from awbridge.domain.handover.labels import LabelKey, WantedLabel
from awbridge.store import Store
from awbridge.store.handover import labels
from tests.support.labels import a_label, codes_on, link
from tests.support.processes import bridge_environment
from tests.support.rows import add, place, sql
from tests.support.stores import migrated_file
from tests.support.world import an_order

pytestmark = pytest.mark.heavy

_SET_LINK = sql("UPDATE shipments SET label_url = $1 WHERE reference_number = 'R-1'")


@pytest.fixture
def awbridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that runs one command, on a database of two shipments placed today; the label of one is here."""

    async def fill() -> str:
        url = await migrated_file(tmp_path, "cli.db")
        store = await Store.open(url)
        now = datetime.now(UTC)
        for number in (1, 2):
            await add(store, f"R-{number}", payload=an_order(f"R-{number}"), now=now)
            await place(store, f"R-{number}", f"AWB{number}", now=now, label_url="ftp://nowhere/2.pdf")
        async with store.write() as session:
            await session.execute(_SET_LINK, link("AWB1"))
            await labels.want(session, [WantedLabel(key=LabelKey("R-1", 0), waybill="AWB1", url=link("AWB1"))], now=now)
            (label,) = await labels.claim(session, owner="o", now=now, until=now, limit=1)
            await labels.record(session, label, a_label("AWB1"), now=now)
        await store.close()
        return url

    monkeypatch.chdir(tmp_path)
    for name, value in bridge_environment(asyncio.run(fill()), "http://127.0.0.1:9", 0).items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments)

    return run


def test_labels_are_printed_and_a_missing_one_is_named(awbridge: Any, tmp_path: Path) -> None:
    (waiting,) = json.loads(awbridge("labels", "list", "--json").stdout)
    assert (waiting["account"], waiting["to_print"]) == ("4:main", 2)
    printed = awbridge("labels", "print", "--account", "4:main", "--layout", "4x6", "--out", "l.pdf")
    assert printed.exit_code == 1
    assert "l.pdf: labels of 1 shipments" in printed.stdout
    assert "R-2: the label link is not a web address" in printed.stderr
    assert codes_on((tmp_path / "l.pdf").read_bytes()) == [["AWB1"]]
    (waiting,) = json.loads(awbridge("labels", "list", "--json").stdout)
    assert waiting["to_print"] == 1
    assert awbridge("labels", "print", "R-1", "--out", "again.pdf").exit_code == 0
    assert awbridge("labels", "print").exit_code == 1
    assert awbridge("labels", "print", "--account", "9:none").stdout == "nothing to print\n"


def test_a_manifest_is_made_once_and_printed_again(awbridge: Any, tmp_path: Path) -> None:
    made = awbridge("manifests", "create", "--account", "4:main", "--out", "m.pdf")
    assert made.exit_code == 0, made.stderr
    assert made.stdout == "manifest 1: 2 parcels, COD 0.00\nm.pdf\n"
    assert codes_on((tmp_path / "m.pdf").read_bytes()) == [["AWB1", "AWB2"]]
    assert "waits for a manifest" in awbridge("manifests", "create", "--account", "4:main").stderr
    assert awbridge("manifests", "print", "1").stdout == "manifest-1.pdf\n"
    (listed,) = json.loads(awbridge("manifests", "list", "--json").stdout)["manifests"]
    assert (listed["number"], listed["parcels"]) == (1, 2)
    assert listed["created_by"].startswith("cli (")
