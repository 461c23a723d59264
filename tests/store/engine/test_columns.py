"""Many rows on their way to PostgreSQL come to the same as arrays, whatever they hold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from awbridge.domain.tracking.lifecycle import Bucket
from awbridge.store import Store
from awbridge.store.engine.columns import NULL, SEPARATOR, in_columns
from tests.support.rows import sql
from tests.support.stores import postgres_only

INDIA = ZoneInfo("Asia/Kolkata")  # until 1906 its offset had seconds
TEXTS = st.none() | st.text(
    st.characters(exclude_characters="\x00", exclude_categories=["Cs"]) | st.sampled_from([SEPARATOR, NULL, "\\", '"'])
)
OFFSETS = st.integers(-86_399, 86_399).map(lambda seconds: timezone(timedelta(seconds=seconds)))
EARLY, LATE = datetime(1, 1, 3), datetime(9999, 12, 29)  # noqa: DTZ001 Hypothesis adds the zones
TIMES = st.none() | st.datetimes(EARLY, LATE, timezones=st.just(UTC) | st.just(INDIA) | OFFSETS)
ROWS = st.lists(
    st.tuples(
        TEXTS,
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.integers(-(2**15), 2**15 - 1),
        st.none() | st.booleans(),
        TIMES,
    ),
    min_size=1,
    max_size=30,
)
ECHO = sql(
    "SELECT text, large, small, yes, at FROM unnest($1::text[], $2::bigint[], $3::smallint[], $4::boolean[], "
    "$5::timestamptz[]) WITH ORDINALITY AS row (text, large, small, yes, at, place) ORDER BY place"
)


@postgres_only
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(rows=ROWS)
async def test_every_row_arrives_as_it_was_given(
    store: Store, rows: list[tuple[str | None, int | None, int | None, bool | None, datetime | None]]
) -> None:
    async with store.read() as session:
        found = await session.fetch_rows(ECHO, rows)
    assert [tuple(row.values()) for row in found] == [(*row[:4], row[4] and row[4].astimezone(UTC)) for row in rows]


def test_every_column_but_bodies_is_one_text() -> None:
    at = datetime(2026, 11, 20, 9, 0, tzinfo=INDIA)
    text, arguments = in_columns(
        "INSERT INTO t SELECT * FROM unnest($1::text[], $2::bytea[], $3::integer[], $4::timestamptz[], $5::boolean[])",
        [("a", b"b", 3, at, True), (None, b"c", None, None, False)],
    )
    assert "$2::bytea[]" in text
    assert [place for place in range(1, 6) if f"${place}::text" in text] == [1, 3, 4, 5]
    times = '{"2026-11-20T03:30:00Z",null}'
    assert arguments == [f"a{SEPARATOR}{NULL}", [b"b", b"c"], "{3,null}", times, "{true,false}"]


def test_a_member_of_a_numbered_enum_is_a_number() -> None:
    """Apply writes the bucket of a status beside numbers. asyncpg asks each connection what arrays are made of."""
    statement = "SELECT * FROM unnest($1::smallint[])"
    assert in_columns(statement, [(Bucket.DELIVERED,), (2,), (None,)]) == (
        "SELECT * FROM unnest($1::text::smallint[])",
        ["{6,2,null}"],
    )


def test_a_single_text_without_a_character_goes_in_an_array() -> None:
    statement = "SELECT * FROM unnest($1::text[])"
    assert in_columns(statement, [("",)]) == (statement, [[""]])


@pytest.mark.parametrize(
    ("kind", "odd"),
    [
        *(("text", odd) for odd in (SEPARATOR, NULL, f"a{SEPARATOR}", 7)),
        *(("integer", odd) for odd in ("7", 7.5, True)),
        *(("boolean", odd) for odd in ("t", 1)),
        *(("timestamptz", odd) for odd in ("2026-11-20", 7)),
    ],
)
def test_a_text_that_holds_a_separator_and_a_value_of_another_type_go_in_arrays(kind: str, odd: object) -> None:
    statement = f"SELECT * FROM unnest($1::{kind}[])"
    assert in_columns(statement, [(None,), (odd,)]) == (statement, [[None, odd]])
