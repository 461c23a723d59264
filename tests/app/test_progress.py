"""The progress of a long command: how many, how fast, and how long it will take."""

from __future__ import annotations

import asyncio

import pytest

from awbridge.app import progress
from awbridge.app.progress import Progress, progress_line


def test_a_line_names_rate_and_time_left() -> None:
    assert progress_line("orders", 12_000, 1_000_000, 1200) == "orders: 12,000 of 1,000,000, 1,200/s, 0:13:43 left"
    assert progress_line("orders", 0, 5, 0) == "orders: 0 of 5, 0/s, time left unknown"
    assert progress_line("orders", 5, 5, 7) == "orders: 5 of 5, 7/s"
    assert progress_line("shipments", 7_000, None, 7) == "shipments: 7,000, 7/s"


@pytest.fixture
def started_long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SHOWN_AFTER", 0.0)


def test_a_short_command_shows_nothing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for terminal in (False, True):
        monkeypatch.setattr("sys.stderr.isatty", lambda seen=terminal: seen, raising=False)
        monkeypatch.setattr(progress, "SHOWN_AFTER", 100.0)
        with Progress("orders", 600) as shown:
            shown.advance(600)
        assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("started_long_ago")
def test_without_a_terminal_there_is_a_line_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Progress("orders", 600) as shown:
        shown.advance(200)
        assert capsys.readouterr().err == ""
    monkeypatch.setattr(progress, "LINE_EVERY", 0.0)
    with Progress("orders", 600) as shown:
        shown.advance(400)
        assert capsys.readouterr().err.startswith("orders: 400 of 600, ")
        shown.update(600)
    assert capsys.readouterr().err.splitlines()[-1].startswith("orders: 600 of 600, ")


@pytest.mark.usefixtures("started_long_ago")
@pytest.mark.parametrize(("total", "text"), [(400, "400 of 400, "), (None, "400, ")])
def test_on_a_terminal_there_is_one_line_that_changes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], total: int | None, text: str
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with Progress("orders", total, done=100) as shown:
        shown.advance(300)
    line = capsys.readouterr().err
    assert "orders" in line
    assert text in line
    assert line.count("\n") == 1


@pytest.mark.usefixtures("started_long_ago")
@pytest.mark.parametrize("terminal", [True, False])
async def test_a_wait_shows_its_duration_although_nothing_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], terminal: bool
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal, raising=False)
    monkeypatch.setattr(progress, "LINE_EVERY", 0.0)
    monkeypatch.setattr(progress, "_TICK", 0.01)
    async with Progress("waiting for the report") as shown:
        await asyncio.sleep(0.1)
        waited = capsys.readouterr().err
        shown.rename("rows compared")
        shown.advance(7)
    assert "waiting for the report" in waited
    assert "0:00" in waited
    assert "rows compared" in capsys.readouterr().err


def test_a_quiet_one_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("orders", 2, quiet=True) as shown:
        shown.advance(2)
    assert capsys.readouterr().err == ""
