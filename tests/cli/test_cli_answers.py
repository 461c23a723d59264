"""`awbridge answers` as an operator types it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from awbridge.cli import main
from awbridge.steps.runtime.clock import utc_now
from awbridge.store import Store
from tests.support.answers import failed_delivery, given
from tests.support.processes import bridge_environment
from tests.support.stores import migrated_file
from tests.support.world import SetClock


@pytest.fixture
def awbridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that runs one command in a new folder."""
    monkeypatch.chdir(tmp_path)
    database = asyncio.run(migrated_file(tmp_path, "cli.db"))
    for name, value in bridge_environment(database, "http://127.0.0.1:9", 0).items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments)

    return run


@pytest.fixture
def two(awbridge: Any, tmp_path: Path) -> list[str]:
    """The ids of two answers that wait."""

    async def go() -> list[str]:
        store = await Store.open(f"sqlite:///{tmp_path}/cli.db")
        clock, ids = SetClock(utc_now()), list[str]()
        for n in range(2):
            await failed_delivery(store, clock, f"R-{n}", f"AWB{n}")
            answer = (await given(store, clock, f"R-{n}")).answer
            assert answer
            ids.append(answer.id)
        await store.close()
        return ids

    return asyncio.run(go())


def test_answers_are_listed_confirmed_and_dismissed(awbridge: Any, two: list[str]) -> None:
    listed = json.loads(awbridge("answers", "list", "--state", "received", "--json").stdout)
    assert [a["id"] for a in listed["answers"]] == two[::-1]
    assert "deliver_again" in awbridge("answers", "list").stdout
    assert awbridge("answers", "confirm", two[0]).stdout == f"{two[0]}: sent\n"
    assert awbridge("answers", "dismiss", two[1], "--note", "called").stdout == f"{two[1]}: dismissed\n"
    again = awbridge("answers", "confirm", two[0])
    assert again.exit_code == 1
    assert "does not wait any more" in again.stderr
    assert awbridge("answers", "list", "--state", "received").stdout == "no answers\n"
    assert len(json.loads(awbridge("actions", "list", "--json").stdout)["actions"]) == 1


def test_rules_are_shown_in_words(awbridge: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "an operator is asked" in awbridge("answers", "rules").stdout
    monkeypatch.setenv("AWBRIDGE_CUSTOMER_ANSWERS", "4/*/*=send,4/6/refuse=off")
    shown = json.loads(awbridge("answers", "rules", "--json").stdout)
    assert [(r["rule"], r["handling"]) for r in shown] == [
        ("4/*/*=send", "sent to the courier at once"),
        ("4/6/refuse=off", "not offered"),
    ]
    of_one = json.loads(awbridge("answers", "rules", "--courier", "4", "--reason", "6", "--json").stdout)
    handled = {row["answer"]: row["handling"] for row in of_one}
    assert handled["refuse"] == "not offered"
    assert handled["deliver_again"] == "sent to the courier at once"
    assert handled["pick_up"] == "an operator is asked"


def test_a_wrong_rule_is_named(awbridge: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWBRIDGE_CUSTOMER_ANSWERS", "delhivery/1/refuse=send")
    result = awbridge("answers", "rules")
    assert result.exit_code == 1
    assert "AWBRIDGE_CUSTOMER_ANSWERS" in result.stderr
    assert "courier_partner_id" in result.stderr
