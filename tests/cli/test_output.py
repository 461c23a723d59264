"""Tables of commands: a row is a line, whatever its cells hold and wherever it is printed."""

from __future__ import annotations

import pytest

from awbridge.cli import output


def test_columns_line_up_and_nothing_is_folded(capsys: pytest.CaptureFixture[str]) -> None:
    long = "R" * 300
    output.print_table([{"reference_number": long, "state": "placed"}, {"reference_number": "7", "state": None}])
    header, first, second = capsys.readouterr().out.splitlines()
    assert header.split() == ["reference", "number", "state"]
    assert first == f"{long}  placed"
    assert second == "7"


def test_a_number_keeps_its_digits(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table([{"AWB": "00125"}, {"AWB": "4.00E+12"}, {"AWB": 7.10}])
    assert capsys.readouterr().out.splitlines() == ["AWB", "00125", "4.00E+12", "7.1"]


def test_wide_characters_take_two_columns(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table([{"city": "東京", "state": "a"}, {"city": "Pune", "state": "b"}])
    assert capsys.readouterr().out.splitlines() == ["city    state", "東京    a", "Pune    b"]


def test_a_remark_cannot_break_the_line_or_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table([{"remark": "left\nat \x1b[31mdoor", "state": "x"}])
    assert capsys.readouterr().out.splitlines()[1] == "left at  [31mdoor  x"


def test_no_rows(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table([], empty="none yet")
    assert capsys.readouterr().out == "none yet\n"
