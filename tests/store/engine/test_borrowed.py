"""Statements on somebody else's connection."""

from __future__ import annotations

import asyncio

import pytest

from awbridge.store.engine.borrowed import with_named_parameters, without_waiting


@pytest.mark.parametrize(
    ("numbered", "named"),
    [
        ("SELECT $1, $10, $1", "SELECT %(p1)s, %(p10)s, %(p1)s"),
        ("x LIKE 'raw:%' AND y = $2::text[]", "x LIKE 'raw:%%' AND y = %(p2)s::text[]"),
        ("SELECT '$1 it''s $2', \"$3\", $4", "SELECT '$1 it''s $2', \"$3\", %(p4)s"),
        ("-- not $1\nSELECT $1", "-- not $1\nSELECT %(p1)s"),
    ],
)
def test_parameters_are_renamed_where_they_are_parameters(numbered: str, named: str) -> None:
    assert with_named_parameters(numbered) == named


def test_code_for_asyncio_runs_to_its_end_when_nothing_has_to_be_awaited() -> None:
    async def double(number: int) -> int:
        return 2 * number

    async def work() -> int:
        return await double(await double(1))

    assert without_waiting(work()) == 4
    with pytest.raises(RuntimeError, match="had to be waited for"):
        without_waiting(asyncio.sleep(0))
