"""What is written as JSON, and that it is what the standard library writes or refuses."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from enum import IntEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awbridge.domain.json import Rounded, written


class Size(IntEnum):
    SMALL = 1


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(PLAIN)
def test_what_is_written_reads_back_as_it_was(value: Any) -> None:
    assert json.loads(written(value)) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": [1, 2.5, None, True]}, '{"a":[1,2.5,null,true]}'),
        ("नमस्ते </script>", '"नमस्ते </script>"'),
        ({"id": Rounded("4.04877E+12")}, '{"id":4048770000000.0}'),
        ((1, 2), "[1,2]"),
        ({1: "a"}, '{"1":"a"}'),
        (Size.SMALL, "1"),
        (2**70, "1180591620717411303424"),
    ],
)
def test_it_is_written_without_spaces_and_escapes(value: Any, text: str) -> None:
    assert written(value) == text


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), date(2026, 1, 1), Decimal("1.5"), {1, 2}, b"9876", {"x": object()}]
)
def test_what_is_no_json_is_refused_and_not_turned_into_text(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        written({"field": value})


def test_endless_nesting_is_refused() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises((RecursionError, ValueError)):
        written(value)
