"""`awbridge drill`: what can be drilled, what is refused, and how a verdict is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from awbridge.cli import main
from awbridge.rehearsal.outages.plan import NAMES, OutagePlan
from awbridge.rehearsal.verdict import CountedPromise, Verdict


def test_the_list_names_every_outage_and_what_is_lacking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("awbridge.rehearsal.outages.plan.find_pgbouncer", lambda: None)
    monkeypatch.setattr("awbridge.rehearsal.outages.plan.find_postgres", lambda: Path("/usr"))
    rows = json.loads(CliRunner().invoke(main, ["drill", "--list", "--json"]).output)
    assert [row["outage"] for row in rows] == list(NAMES)
    lacks = {row["outage"]: row["lacks"] for row in rows if row["lacks"]}
    assert "--from" in lacks["upgrade"]
    assert "apt-get install pgbouncer" in lacks["pooler"]
    text = CliRunner().invoke(main, ["drill", "--list"]).output
    assert all(name in text for name in NAMES)
    assert "not here: PgBouncer is not installed" in text


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["earthquake"], "no such outage: earthquake. These can be drilled: upgrade, kill"),
        (["upgrade"], "upgrade: no older version: give its wheel"),
        (["upgrade", "--from", "/nowhere.whl"], "/nowhere.whl does not exist"),
    ],
)
def test_what_cannot_be_drilled_is_an_error(arguments: list[str], says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("awbridge.rehearsal.outages.plan.find_postgres", lambda: Path("/usr"))
    result = CliRunner().invoke(main, ["drill", *arguments])
    assert result.exit_code == 1
    assert says in result.output


@pytest.mark.parametrize(
    ("promise", "code", "word", "says"),
    [
        (CountedPromise("an order is stored", "0 lost of 5", [], 5), 0, "kept", "Good: every promise was kept"),
        (CountedPromise("an order is stored", "1 lost of 5", ["R-1: lost"], 5), 1, "BROKEN", "Not good: 1 differences"),
        (CountedPromise("an order is stored", "0 lost of 0", [], 0), 1, "BROKEN", "1 promises without a case"),
    ],
)
def test_a_broken_or_empty_promise_is_told_and_ends_with_1(
    promise: CountedPromise, code: int, word: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[OutagePlan] = []

    async def drilled(plan: OutagePlan, folder: Path, say: Callable[[str], None]) -> Verdict:
        seen.append(plan)
        (folder / "drill.log").write_text("the end of the log")
        return Verdict(numbers={"orders accepted": 5}, promises=[promise])

    monkeypatch.setattr("awbridge.rehearsal.outages.run.run_outages", drilled)
    monkeypatch.setattr("awbridge.rehearsal.outages.plan.find_postgres", lambda: Path("/usr"))
    result = CliRunner().invoke(main, ["drill", "all", "--minutes", "0"])
    assert (result.exit_code, word in result.stdout, says in result.stdout) == (code, True, True), result.output
    assert "left out: upgrade" in result.stderr
    assert ("the end of the log" in result.stderr) == (code == 1)
    assert "upgrade" not in seen[0].names
    as_json = json.loads(CliRunner().invoke(main, ["drill", "kill", "--minutes", "0", "--json"]).stdout)
    assert as_json["verdict"] == ("bad" if code else "good")
    assert as_json["promises"][0]["counted"] == promise.counted
