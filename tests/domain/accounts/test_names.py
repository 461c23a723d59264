"""Names of accounts: which there may be, and what is called by them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awbridge.domain.accounts.names import LONGEST_NAME, is_name, name_problem, schema_of, variable_of


@pytest.mark.parametrize("name", ["india", "a", "gulf-2", "gulf_2", "x" * LONGEST_NAME])
def test_a_name_is_lower_case_and_short(name: str) -> None:
    assert is_name(name)
    assert name_problem(name) == ""


@pytest.mark.parametrize(
    "name", ["", "India", "2gulf", "-a", "_a", "a b", "a.b", "a/b", "भारत", "india\n", "x" * 33, "home", "a'b"]
)
def test_anything_else_is_none_and_is_told(name: str) -> None:
    assert not is_name(name)
    assert name_problem(name)


@given(st.from_regex(r"[a-z][a-z0-9_-]{0,31}", fullmatch=True))
def test_a_schema_and_a_variable_need_no_quotes(name: str) -> None:
    assert schema_of(name).isidentifier()
    assert len(schema_of(name)) <= 63, "PostgreSQL cuts longer names"
    assert variable_of(name).isidentifier()
