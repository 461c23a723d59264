"""One text for both engines, and for many rows at once."""

from __future__ import annotations

from awbridge.store.engine.queries import parse, statements
from awbridge.store.engine.sqlite import LONGEST_KEPT, SIZES, fitting_rows
from tests.support.statements import statements_of

INSERT = parse("-- name: add\nINSERT INTO t (a, b, c) VALUES ($1, COALESCE($2, $1), 0) ON CONFLICT (a) DO NOTHING")[
    "add"
]


def test_the_row_of_values_is_written_as_often_as_there_are_rows() -> None:
    assert INSERT.sqlite_rows(3) == (
        "INSERT INTO t (a, b, c) SELECT * FROM "
        "(VALUES (?1, COALESCE(?2, ?1), 0), (?3, COALESCE(?4, ?3), 0), (?5, COALESCE(?6, ?5), 0)) WHERE TRUE LIMIT ?7 "
        "ON CONFLICT (a) DO NOTHING"
    )


def test_a_fragment_is_repeated_in_statements_and_is_none_itself() -> None:
    text = "-- fragment: whole\nSELECT a FROM t\n\n-- name: one\n{{whole}} WHERE a {{in $1::bigint[]}}"
    [statement] = parse(text).values()
    assert statement.postgres == "SELECT a FROM t WHERE a = ANY($1::bigint[])"
    assert statement.sqlite == "SELECT a FROM t WHERE a IN (SELECT value FROM json_each(?1))"


def test_a_statement_with_a_parameter_outside_of_its_row_goes_row_by_row() -> None:
    assert (
        parse("-- name: x\nINSERT INTO t (a) VALUES ($1) ON CONFLICT (a) DO UPDATE SET b = $2")["x"].sqlite_rows(2)
        is None
    )
    assert parse("-- name: x\nUPDATE t SET a = $2 WHERE b = $1")["x"].sqlite_rows(2) is None


def test_what_is_written_most_is_written_many_rows_at_once() -> None:
    hot = [
        *(
            statements_of("inbox").add,
            statements_of("inbox").applied,
            statements_of("scans").add,
            statements_of("update_sources").add,
        ),
        *(
            statements_of("attempts").add,
            statements_of("dispatch").place,
            statements_of("dispatch").not_placed,
            statements_of("waybills").add,
        ),
        *(statements_of("events").reach, statements_of("arrivals").count, statements_of("accounts").save),
        statements_of("tracking_status").set_status,
    ]
    assert [statement.name for statement in hot if statement.sqlite_rows(2) is None] == []


def test_few_sizes_of_a_statement_are_prepared_and_none_that_would_not_be_kept() -> None:
    statement = statements_of("tracking_status").set_status
    sizes = {fitting[0] for rows in range(2, 1000) if (fitting := fitting_rows(statement, rows))}
    assert sizes <= set(SIZES)
    assert len(sizes) > 2
    assert all(len(statement.sqlite_rows(size) or "") <= LONGEST_KEPT for size in sizes)


def test_a_script_is_divided_where_its_statements_end() -> None:
    script = """-- first; and
UPDATE t SET a = 'x; ''y;', "b;" = 1;
-- second
DO $body$ BEGIN UPDATE t SET a = $$z;$$; END $body$;
-- nothing follows;
"""
    assert statements(script) == [
        "-- first; and\nUPDATE t SET a = 'x; ''y;', \"b;\" = 1;",
        "-- second\nDO $body$ BEGIN UPDATE t SET a = $$z;$$; END $body$;",
    ]
    assert statements("SELECT 1; SELECT 2") == ["SELECT 1;", "SELECT 2"]
