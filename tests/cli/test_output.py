"""Tables of commands: a row is a line, whatever its cells hold and wherever it is printed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import click
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


def test_marks_and_joined_signs_take_no_column(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [("Orle\u0301ans", "a"), ("Orleans", "b"), ("👨\u200d👩\u200d👧 Asha", "d")]
    output.print_table([{"city": city, "state": state} for city, state in rows])
    widths = {line[:-1].rstrip(): len(line) - 1 for line in capsys.readouterr().out.splitlines()[1:]}
    assert widths == {"Orle\u0301ans": 10, "Orleans": 9, "👨\u200d👩\u200d👧 Asha": 12}


def test_a_remark_cannot_break_the_line_or_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table([{"remark": "left\nat \x1b[31mdoor", "state": "x"}])
    assert capsys.readouterr().out.splitlines()[1] == "left at  [31mdoor  x"


def test_no_rows(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table([], empty="none yet")
    assert capsys.readouterr().out == "none yet\n"


def on_a_terminal(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setattr(output, "terminal_width", lambda: width)


ROW = {"reference_number": "ORDER-1001", "AWB": "4400000000001", "problem": "the pincode 56001 is not serviceable"}


def test_a_narrow_terminal_cuts_only_free_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    on_a_terminal(monkeypatch, 55)
    output.print_table([ROW])
    header, line = capsys.readouterr().out.splitlines()
    assert header.split() == ["reference", "number", "AWB", "problem"]
    assert len(line) <= 55
    assert line == "ORDER-1001          4400000000001  the pincode 56001 i…"


def test_a_terminal_too_narrow_for_the_identifiers_gets_blocks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    on_a_terminal(monkeypatch, 40)
    output.print_table([ROW, ROW])
    block = [f"{name.replace('_', ' '):<16}  {value}" for name, value in ROW.items()]
    assert capsys.readouterr().out.splitlines() == [*block, "", *block]


def test_csv_is_safe_against_formulas_and_keeps_what_is_not_text(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_csv(("a", "b", "c", "d"), [{"a": "=1+1", "b": ["x", 1], "c": None, "d": 'say "so"\nnow'}])
    assert capsys.readouterr().out == 'a,b,c,d\r\n\'=1+1,"[""x"", 1]",,"say ""so""\nnow"\r\n'


def test_times_are_local_in_text_and_have_an_offset_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    at = datetime(2026, 11, 29, 7, 6, tzinfo=UTC)
    with click.Context(click.Command("x")):
        output.use_zone(ZoneInfo("Asia/Kolkata"))
        for form in ("text", "json", "csv"):
            output.show_list([{"at": at}], form=form, view=("at",))
    assert capsys.readouterr().out.split() == [
        *("at", "2026-11-29", "12:36:00"),
        *("[", "{", '"at":', '"2026-11-29T12:36:00+05:30"', "}", "]"),
        *("at", "2026-11-29T12:36:00+05:30"),
    ]


def test_results_are_printed_although_a_later_one_fails(capsys: pytest.CaptureFixture[str]) -> None:
    def change() -> None:
        with output.Results("json", view=("name",)) as results:
            results.add({"name": "first"}, "first: done")
            raise ValueError("second")

    with pytest.raises(ValueError, match="second"):
        change()
    assert json.loads(capsys.readouterr().out) == [{"name": "first"}]
