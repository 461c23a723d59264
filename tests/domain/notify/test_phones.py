"""Phone numbers as people and spreadsheets write them, converted to a form that can be dialled."""

from __future__ import annotations

import pytest

from awbridge.domain.notify.phones import e164, reachable


@pytest.mark.parametrize(
    "number",
    [
        *("9000000001", "09000000001", "+91-90000-00001", "00919000000001", "919000000001"),
        *("0919000000001", "0 91 90000 00001", "+91 0 9000000001", "+91-+919000000001", "9190 0000 0001"),
        *("9000000001 / 9000000002", "9000000001,9000000002", "9000000001;9000000002", "9000000001 or 9000000002"),
        *("N/A, 9000000001", "9000000001/02"),
    ],
)
def test_one_indian_mobile_in_many_forms(number: str) -> None:
    assert e164(number, country="IN") == "+919000000001"


@pytest.mark.parametrize("country", ["IN", "MX", ""])
@pytest.mark.parametrize("number", ["+5215512345678", "+52 1 55 1234 5678", "+52 55 1234 5678"])
def test_a_mexican_mobile_loses_the_1_that_it_had_until_2019(number: str, country: str) -> None:
    assert e164(number, country=country) == "+525512345678"


@pytest.mark.parametrize(
    ("number", "country", "expected"),
    [
        ("022/24567890", "IN", "+912224567890"),
        ("1 55 1234 5678", "MX", "+525512345678"),
        ("+14155552671", "IN", "+14155552671"),
        ("0091 9000000001", "AE", "+919000000001"),
        ("9191919191", "IN", "+919191919191"),
    ],
)
def test_similar_numbers_are_not_changed(number: str, country: str, expected: str) -> None:
    assert e164(number, country=country) == expected


@pytest.mark.parametrize(
    "number", ["", "0", "91", "N/A", "9876", "9.87654E+09", "+44 9876543210", "00000000000", "call me"]
)
def test_an_undiallable_number_is_none(number: str) -> None:
    assert e164(number, country="IN") is None


def test_an_address_is_either() -> None:
    assert reachable(" asha@example.com ", country="IN") == "asha@example.com"
    with pytest.raises(ValueError, match="neither"):
        reachable("9876", country="IN")


def test_several_numbers_are_refused_and_none_is_chosen() -> None:
    with pytest.raises(ValueError, match="several phone numbers"):
        reachable("9876543216 / 9876543217", country="IN")
    assert reachable("011/24567890", country="IN") == "+911124567890"
