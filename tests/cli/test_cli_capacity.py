"""`awbridge capacity`: an estimate from the settings, without a database."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from awbridge.app.settings import PREFIX
from awbridge.cli import main

Run = Callable[..., Result]


@pytest.fixture
def awbridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A function that runs one command in a new folder without settings."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
    return lambda *arguments: CliRunner().invoke(main, ["capacity", *arguments])


def test_the_estimate_says_bytes_calls_cores_and_stage_and_makes_no_database(awbridge: Run, tmp_path: Path) -> None:
    done = awbridge("--parcels", "5000000", "--days", "90", "--database", "postgres")
    assert done.exit_code == 0, done.output
    for text in ("inbox", "create-order", "track-order", "cores, PostgreSQL", "15,000,000 in 90 days", "stage"):
        assert text in done.stdout
    assert not list(tmp_path.iterdir())


def test_a_pace_that_is_too_slow_is_said(awbridge: Run) -> None:
    assert "Note: polling needs" in awbridge("--parcels", "50000000").stdout
    assert "Note:" not in awbridge("--parcels", "50000").stdout


def test_more_of_anything_takes_more(awbridge: Run) -> None:
    def estimated(*more: str) -> dict[str, float]:
        return json.loads(awbridge("--parcels", "100000", *more, "--json").stdout)

    base = estimated()
    assert estimated("--scans", "20")["bytes"] > 1.3 * base["bytes"]
    assert estimated("--days", "30")["bytes"] < base["bytes"]
    assert estimated("--age", "730")["rows"] > 1.5 * base["rows"]
    assert estimated("--events", "0")["bytes"] < base["bytes"]
    assert estimated("--messages", "5")["rows"] > base["rows"]
    assert estimated("--peak", "20")["own_cores"] > 1.5 * base["own_cores"]
    assert estimated("--open-days", "10")["polling_pace"] > base["polling_pace"]
    assert estimated("--database", "postgres")["server_cores"] > base["server_cores"] == 0


def test_settings_decide_what_no_option_does(awbridge: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    before = json.loads(awbridge("--parcels", "1000", "--json").stdout)
    monkeypatch.setenv("AWBRIDGE_RETAIN_INBOX_DAYS", "7")
    monkeypatch.setenv("AWBRIDGE_DATABASE_URL", "postgresql://user@nowhere.example/none")
    after = json.loads(awbridge("--parcels", "1000", "--json").stdout)
    days = {table["table"]: table["days"] for table in after["tables"]}
    assert (days["inbox"], days["events"], days["scans"]) == (7, 90 + 31, 365), "until their month is old"
    assert before["server_cores"] == 0 < after["server_cores"]


@pytest.mark.parametrize("wrong", [("--parcels", "0"), ("--parcels", "nan"), ("--peak", "0.5"), ("--failed", "1")])
def test_a_value_that_makes_no_sense_is_refused(awbridge: Run, wrong: tuple[str, str]) -> None:
    done = awbridge("--parcels", "1000", *wrong)
    assert done.exit_code == 2
    assert "is not in the range" in done.output or "nan is not a number" in done.output
