"""Statements that Citus distributed by schema and poolers of transactions both run.

They are sent to another server, or to any session of a pool: a physical row address means nothing there, an UPDATE
with a subscript in its SET is refused, so are several statements in one prepared call, and what belongs to a session is
lost or is another client's. A migration makes no partition there, and adds a constraint by a statement of its own.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import awbridge
from awbridge.store.engine.migrate import migrations
from awbridge.store.engine.queries import for_dialect, parse, statements
from tests.support.statements import statement_files

pytestmark = pytest.mark.heavy

SOURCE = Path(awbridge.__file__).parent
ON_SQLITE_ONLY = {"matching"}  # a file of its own, whatever the database is
# Sent without parameters, so it is not prepared; behind a pooler of transactions it is SET LOCAL.
ALLOWED = {
    "store/engine/connections/pool.py": "a SET of a session",
    "store/engine/partitions.py": "several statements",  # also without parameters
}
_COMMENT = re.compile(r"--[^\n]*")
_PLPGSQL = re.compile(r"^DECLARE$|\bEXECUTE (?=format\(|found;)", re.MULTILINE)  # which DO blocks consist of
_BLOCK = re.compile(r"^DO \$", re.MULTILINE)
_TEXT = re.compile(r"'(?:[^']|'')*'")
_VERB = re.compile(r"\s*(?:WITH|SELECT|INSERT INTO|UPDATE|DELETE FROM|SET|SHOW|LISTEN|NOTIFY|LOCK|CREATE|DROP|ALTER)\b")
_FORBIDDEN = {
    "a physical row address": r"\b(?:ctid|tableoid|xmin|xmax)\b",
    "a SET of a session": r"^\s*SET\s+(?!LOCAL\b|TRANSACTION\b)|\bset_config\s*\([^()]*,\s*false\s*\)",
    "LISTEN or NOTIFY": r"^\s*(?:UN)?LISTEN\b|^\s*NOTIFY\b|\bpg_notify\s*\(",
    "a lock of a session": r"\bpg_(?:try_)?advisory_(?:un)?lock(?:_all|_shared)?\s*\(",
    "a temporary table": r"\bCREATE\s+(?:LOCAL\s+|GLOBAL\s+)?TEMP(?:ORARY)?\b|\bINTO\s+TEMP\b|\bpg_temp\b",
    "a prepared statement or cursor": r"^\s*(?:PREPARE|EXECUTE|DEALLOCATE|DISCARD)\b|\bWITH\s+HOLD\b",
}
_PATTERNS = {what: re.compile(pattern, re.IGNORECASE | re.MULTILINE) for what, pattern in _FORBIDDEN.items()}
_SET = re.compile(r"\bUPDATE\b.*?\bSET\b(?P<set>.*?)(?=\bWHERE\b|\bFROM\b|\bRETURNING\b|\Z)", re.IGNORECASE | re.DOTALL)
_PARTITION = re.compile(r"\bPARTITION\s+(?:BY\s+(?:RANGE|LIST|HASH)|OF)\b|\bATTACH\s+PARTITION\b", re.IGNORECASE)
_CONSTRAINT = re.compile(r"\bALTER\s+TABLE\b.*\bADD\s+CONSTRAINT\b", re.IGNORECASE | re.DOTALL)
_BRACKETS = re.compile(r"\([^()]*\)")
_SUBSCRIPT = re.compile(r"(?:\)|\$\d+|\w)\s*\[(?!\])")  # not the [] of a type


def forbidden(sql: str, *, migrates: bool = False) -> list[str]:
    """What of a statement only works on one plain server; what `migrates` may be a block of several statements."""
    is_block = migrates and _BLOCK.search(sql) is not None
    bare = _TEXT.sub("''", _COMMENT.sub("", _PLPGSQL.sub("", sql)))
    found = [what for what, pattern in _PATTERNS.items() if pattern.search(bare)]
    if any(_SUBSCRIPT.search(one["set"]) for one in _SET.finditer(bare)):
        found.append("a SET with a subscript")
    if _CONSTRAINT.search(bare) and "," in _without_brackets(bare):
        found.append("a constraint added beside something else")
    if migrates and _PARTITION.search(_COMMENT.sub("", sql)):
        found.append("a partition")
    if not is_block and ";" in bare.strip().removesuffix(";"):
        found.append("several statements")
    return found


def _without_brackets(sql: str) -> str:
    """The statement without what is in brackets."""
    while (left := _BRACKETS.sub("", sql)) != sql:
        sql = left
    return sql


def _statements() -> Iterator[tuple[str, str, bool]]:
    """(where, the text for PostgreSQL, whether it migrates): of the store's files, migrations, and Python.

    Of a migration, what runs where the database has Citus.
    """
    for module, file in statement_files().items():
        if module in ON_SQLITE_ONLY:
            continue
        for name, statement in parse(file.read_text()).items():
            yield f"{module}.{name}", statement.postgres, False
    for migration in migrations():
        for sql in statements(for_dialect(migration.citus or migration.sql, "postgres")):
            yield migration.name, sql, True
    for file in sorted(SOURCE.rglob("*.py")):
        for line, text in _texts(file):
            inside = str(file.relative_to(SOURCE))
            if _VERB.match(text) and ALLOWED.get(inside) not in forbidden(text):
                yield f"{inside}:{line}", text, False


def _texts(file: Path) -> Iterator[tuple[int, str]]:
    """The texts of a Python file, with what is put into them left out."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def test_no_statement_needs_one_plain_server() -> None:
    read = list(_statements())
    assert {where: found for where, sql, migrates in read if (found := forbidden(sql, migrates=migrates))} == {}
    assert len([where for where, _, migrates in read if not migrates and ".py:" not in where]) > 300
    assert len([where for where, _, migrates in read if migrates]) > 250
    assert [
        where for where, _, _ in read if where.startswith("store/engine/detect/pooler.py:")
    ]  # SQL in Python is read too


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE t SET a = 1 WHERE ctid = ANY(ARRAY(SELECT ctid FROM t))",
        "UPDATE t SET a = ($1::text[])[1], b = 2 WHERE c = $2",
        "UPDATE t SET a = $1[1]",
        "WITH x AS (SELECT 1) UPDATE t SET a = COALESCE(a, (row.many)[2]) FROM row",
        "SELECT 1; SELECT 2",
        "SET search_path TO other",
        "SELECT set_config('search_path', $1, false)",
        "LISTEN due",
        "SELECT pg_notify('due', '')",
        "SELECT pg_advisory_lock(1)",
        "SELECT pg_try_advisory_lock(1)",
        "CREATE TEMP TABLE t (a int)",
        "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
        "ALTER TABLE t DROP CONSTRAINT t_pkey, ADD CONSTRAINT t_newest PRIMARY KEY (a, b)",
    ],
)
def test_what_needs_one_plain_server_is_noticed(sql: str) -> None:
    assert forbidden(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE t (a int) PARTITION BY RANGE (a)",
        "DO $body$ BEGIN EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I DEFAULT', 't', 'u'); END $body$",
        "SELECT 1; SELECT 2",
    ],
)
def test_what_citus_does_not_migrate_is_noticed(sql: str) -> None:
    assert forbidden(sql, migrates=True)


@pytest.mark.parametrize(
    "sql",
    [
        "SET LOCAL statement_timeout = 5",
        "SELECT set_config($1, $2, true)",
        "SELECT pg_advisory_xact_lock($1)",
        "UPDATE t SET a = row.a FROM unnest($1::text[], $2::integer[]) AS row (a, b) WHERE t.b = row.b",
        "INSERT INTO t (a) VALUES ('a; b') -- not ; here\nON CONFLICT (a) DO NOTHING",
        "SELECT (array_agg(a))[1] FROM t",
        "SELECT row_number() OVER (PARTITION BY a) FROM t",
        "ALTER TABLE t ADD CONSTRAINT t_newest PRIMARY KEY (a, b)",
    ],
)
def test_what_runs_everywhere_is_left_alone(sql: str) -> None:
    assert not forbidden(sql)
