"""The progress of an import: how many, how fast, and how long it will take."""

from __future__ import annotations

import pytest

from awbridge.cli import progress


def test_a_line_names_rate_and_time_left() -> None:
    assert progress.progress_line(12_000, 1_000_000, 10) == "12,000 of 1,000,000 orders, 1,200/s, 0:13:43 left"
    assert progress.progress_line(0, 5, 10) == "0 of 5 orders, 0/s, time left unknown"
    assert progress.progress_line(7, 5, 1) == "7 of 5 orders, 7/s, 0:00:00 left"


def test_without_a_terminal_there_is_a_line_every_few_seconds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with progress.import_progress(400) as add:
        add(200)
        assert capsys.readouterr().err == ""
        monkeypatch.setattr(progress, "LINE_EVERY", 0.0)
        add(200)
    assert capsys.readouterr().err.startswith("400 of 400 orders, ")


def test_on_a_terminal_there_is_one_line_that_changes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with progress.import_progress(400) as add:
        add(400)
    shown = capsys.readouterr().err
    assert "importing" in shown
    assert "400/400" in shown
