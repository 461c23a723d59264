"""What a customer enters: read in any script, checked, and never repeated in a problem."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awbridge.domain.customer_page.answer_form import FormProblem, GivenForm, read_form, same_digits, tail_of
from awbridge.domain.customer_page.answers import CustomerAnswerKind

TODAY = date(2026, 11, 2)


def read(**fields: str) -> GivenForm:
    return read_form({"digits": "4321", **fields}, today=TODAY, country="IN")


def test_a_new_phone_number_is_read_as_couriers_dial_it() -> None:
    for text in ("90000 00001", "+91 90000-00001", "09000000001", "९०००००००९१"):
        form = read(kind="new_phone", phone=text)
        assert form.wish
        assert form.wish.phone_number in ("9000000001", "9000000091")
        assert form.wish.day == date(2026, 11, 3), "tomorrow, if no day is chosen"


def test_a_new_address_is_one_line() -> None:
    form = read(
        kind="new_address", address="  12 MG Road\r\n2nd floor\x00 ", landmark="behind\tthe bank", day="2026-11-09"
    )
    assert form.wish
    assert form.wish.body == {"address": "12 MG Road 2nd floor", "landmark": "behind the bank"}
    assert form.wish.day == date(2026, 11, 9)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"kind": ""}, FormProblem.KIND),
        ({"kind": "explode"}, FormProblem.KIND),
        ({"kind": "deliver_again", "day": "2026-11-02"}, FormProblem.DAY),
        ({"kind": "deliver_again", "day": "2026-11-01"}, FormProblem.DAY),
        ({"kind": "deliver_again", "day": "2026-11-10"}, FormProblem.DAY),
        ({"kind": "deliver_again", "day": "soon"}, FormProblem.DAY),
        ({"kind": "new_phone"}, FormProblem.PHONE),
        ({"kind": "new_phone", "phone": "12345"}, FormProblem.PHONE),
        ({"kind": "new_phone", "phone": "9" * 5000}, FormProblem.PHONE),
        ({"kind": "new_address", "address": "here"}, FormProblem.ADDRESS),
        ({"kind": "new_address", "address": "a" * 251}, FormProblem.ADDRESS),
        ({"kind": "new_address", "address": "12 MG Road", "landmark": "l" * 101}, FormProblem.ADDRESS),
        ({"kind": "refuse", "digits": "12"}, FormProblem.DIGITS),
        ({"kind": "refuse", "digits": "four"}, FormProblem.DIGITS),
    ],
    ids=str,
)
def test_a_wrong_field_is_named(fields: dict[str, str], problem: FormProblem) -> None:
    form = read(**fields)
    assert (form.wish, form.problem) == (None, problem)


@pytest.mark.parametrize("text", ["4321", " 43 21", "90000 04321", "४३२१", "٤٣٢١"])
def test_the_last_four_digits_are_read_in_any_script(text: str) -> None:
    assert tail_of(text) == "4321"


def test_digits_of_an_unknown_number_are_never_right() -> None:
    assert same_digits("4321", "4321")
    for given_, tail in (("4321", "4322"), ("", ""), ("4321", ""), ("4321", None), ("", None)):
        assert not same_digits(given_, tail)


@given(
    st.dictionaries(st.sampled_from(["kind", "digits", "day", "phone", "address", "landmark"]), st.text(max_size=80))
)
def test_any_form_is_read(fields: dict[str, str]) -> None:
    form = read_form(fields, today=TODAY, country="IN")
    assert (form.wish is None) is (form.problem is not None)


def test_wishes_do_not_show_what_was_entered_in_logs() -> None:
    form = read(kind="new_address", address="12 MG Road, Pune")
    assert form.wish
    assert form.wish.kind is CustomerAnswerKind.NEW_ADDRESS
    assert "MG Road" not in repr(form)
