"""Fallback: chains that end, and reference numbers that fit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awbridge.domain.couriers.fallback import LONGEST_CHAIN, chain, chain_problem, successor_reference

names = st.sampled_from(["a", "b", "c", "d", "e"])


@given(st.dictionaries(names, st.none() | names), names)
def test_a_chain_ends_without_a_loop(fallbacks: dict[str, str | None], start: str) -> None:
    found = chain(start, fallbacks)
    assert len(found) <= LONGEST_CHAIN
    assert len({start, *found}) == len(found) + 1


@given(st.dictionaries(names, st.none() | names))
def test_an_accepted_chain_is_followed_to_its_end(fallbacks: dict[str, str | None]) -> None:
    if chain_problem(fallbacks) is None:
        for start in fallbacks:
            last = [start, *chain(start, fallbacks)][-1]
            assert fallbacks[last] is None


@pytest.mark.parametrize(
    ("fallbacks", "problem"),
    [
        ({"a": "b"}, "the fallback 'b' of 'a' is not known"),
        ({"a": "a"}, "form a loop: a -> a"),
        ({"a": "b", "b": "c", "c": "a"}, "form a loop: a -> b -> c -> a"),
        ({"a": "b", "b": "c", "c": "d", "d": "e", "e": None}, "more than 3 fallbacks in a row"),
    ],
)
def test_invalid_fallback_chains_are_refused(fallbacks: dict[str, str | None], problem: str) -> None:
    assert problem in (chain_problem(fallbacks) or "")


def test_three_in_a_row_are_accepted() -> None:
    assert chain_problem({"a": "b", "b": "c", "c": "d", "d": None}) is None


@given(st.text("abc-123", min_size=1, max_size=200), st.integers(2, 99), st.sampled_from([20, 200]))
def test_a_successors_reference_fits_and_differs(first: str, number: int, longest: int) -> None:
    new = successor_reference(first, number, longest)
    assert len(new) <= longest
    assert new.endswith(f"-{number}")
    assert successor_reference(first, number + 1, longest) != new
