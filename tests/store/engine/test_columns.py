"""Many rows on their way to PostgreSQL come to the same as arrays, whatever their texts hold."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from awbridge.store import Store
from awbridge.store.engine.columns import LEAST_ROWS, NULL, SEPARATOR, in_columns
from tests.support.rows import sql
from tests.support.stores import postgres_only

TEXTS = st.none() | st.text(
    st.characters(exclude_characters="\x00", exclude_categories=["Cs"]) | st.sampled_from([SEPARATOR, NULL, "\\", '"'])
)
ROWS = st.lists(
    st.tuples(TEXTS, st.none() | st.integers(-(2**63), 2**63 - 1), st.none() | st.integers(-(2**15), 2**15 - 1)),
    min_size=1,
    max_size=30,
)
ECHO = sql(
    "SELECT text, large, small FROM unnest($1::text[], $2::bigint[], $3::smallint[]) "
    "WITH ORDINALITY AS row (text, large, small, place) ORDER BY place"
)


@postgres_only
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
async def test_every_row_arrives_as_it_was_given(
    store: Store, rows: list[tuple[str | None, int | None, int | None]]
) -> None:
    async with store.read() as session:
        found = await session.fetch_rows(ECHO, rows)
    assert [tuple(row.values()) for row in found] == rows


def test_texts_and_numbers_are_joined_and_times_and_bodies_are_not() -> None:
    text, arguments = in_columns(
        "INSERT INTO t SELECT * FROM unnest($1::text[], $2::bytea[], $3::integer[], $4::timestamptz[])",
        [("a", b"b", 3, None)] * LEAST_ROWS,
    )
    assert "$2::bytea[]" in text
    assert "$4::timestamptz[]" in text
    assert arguments[0] == SEPARATOR.join("a" * LEAST_ROWS)
    assert arguments[1] == [b"b"] * LEAST_ROWS


@pytest.mark.parametrize("odd", [SEPARATOR, NULL, f"a{SEPARATOR}", 7])
def test_a_text_that_holds_a_separator_goes_in_arrays(odd: object) -> None:
    statement = "SELECT * FROM unnest($1::text[])"
    assert in_columns(statement, [("a",)] * LEAST_ROWS + [(odd,)]) == (statement, [["a"] * LEAST_ROWS + [odd]])


def test_few_rows_go_in_arrays() -> None:
    statement = "SELECT * FROM unnest($1::text[])"
    assert in_columns(statement, [("a",)] * (LEAST_ROWS - 1)) == (statement, [["a"] * (LEAST_ROWS - 1)])
