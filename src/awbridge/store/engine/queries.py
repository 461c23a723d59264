"""Named statements from the `.sql` files, one text for both engines.

A file holds blocks that open with `-- name: some_name`. Where the engines differ, a stretch is marked
`{{postgres: ...}}` or `{{sqlite: ...}}`; everything else is shared. Parameters are `$1`, `$2`, ...

`{{shipments.*}}` stands for the columns of that table in its schema.sql, each by its name. A column of a newer version
is not read: it neither breaks a row nor changes what a prepared statement returns, which PostgreSQL refuses.

`{{in $2::bigint[]}}` tests against a list in either dialect. `{{keys}}` opens a statement over many rows of (number,
shard) and names them `key`: with a list of numbers beside a list of shards an index would be searched for every
combination of the two. A block that opens with `-- fragment: some_name` is no statement: `{{some_name}}` repeats it in
statements of the same file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from itertools import pairwise
from pathlib import Path

_STORE = Path(__file__).parents[1]  # importlib.resources would take longer to import than the files to read
_BLOCK = re.compile(r"^-- (name|fragment): (\w+)\s*$", re.MULTILINE)
_FRAGMENT = re.compile(r"\{\{(\w+)\}\}")
_IN = re.compile(r"\{\{in (\$\d+)(::\w+\[\])\}\}")
_IN_LIST = r"{{postgres:= ANY(\1\2)}}{{sqlite:IN (SELECT value FROM json_each(\1))}}"
_KEYS = (
    "WITH key (value, shard) AS NOT MATERIALIZED ("
    "{{postgres: SELECT * FROM unnest($1::text[], $2::smallint[])}}{{sqlite: VALUES ($1, $2)}})"
)
_WHOLE = re.compile(r"\{\{(\w+)\.\*\}\}")
_TABLE = re.compile(r"^CREATE TABLE (\w+) \(\n(.*?)^\)", re.MULTILINE | re.DOTALL)
_COLUMN = re.compile(r"^  ([a-z]\w*) [A-Z]", re.MULTILINE)
_ONLY = re.compile(r"\{\{(postgres|sqlite):(.*?)\}\}", re.DOTALL)
_COMMENT = re.compile(r"--[^\n]*")
_UNDIVIDED = re.compile(r"--[^\n]*|'(?:[^']|'')*'|\"[^\"]*\"|(?P<quote>\$\w*\$).*?(?P=quote)|(?P<end>;)", re.DOTALL)
_PARAMETER = re.compile(r"\$(\d+)")
_VALUES = re.compile(r"\bVALUES\s*(?=\()")
_BOUND = re.compile(r"\?(\d+)")


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """One statement in both dialects."""

    name: str
    postgres: str
    sqlite: str

    def sqlite_rows(self, rows: int) -> str | None:
        """The SQLite text for up to so many rows at once: its row of VALUES over and over; None where it has none.

        The parameters of the second row follow those of the first, and so on; the last one says how many rows are
        meant. None too where a parameter stands outside of the row: there it would mean the first row's.
        """
        return _repeated(self.sqlite, rows)


@lru_cache(maxsize=1024)
def _repeated(sql: str, rows: int) -> str | None:
    found = _VALUES.search(sql)
    if not found:
        return None
    end = _closing(sql, found.end()) + 1
    before, row, after = sql[: found.start()], sql[found.end() : end], sql[end:]
    if _BOUND.search(before) or _BOUND.search(after):
        return None
    width = max(map(int, _BOUND.findall(row)), default=0)
    many = (_BOUND.sub(lambda number: f"?{int(number[1]) + width * place}", row) for place in range(rows))  # noqa: B023
    # WHERE TRUE, lest SQLite take the ON of ON CONFLICT for a join's.
    limited = f"SELECT * FROM (VALUES {', '.join(many)}) WHERE TRUE LIMIT ?{width * rows + 1}"  # noqa: S608
    return f"{before}{limited}{after}"


def _closing(sql: str, opening: int) -> int:
    """Where the bracket is closed that opens there."""
    depth = 0
    for place in range(opening, len(sql)):
        depth += {"(": 1, ")": -1}.get(sql[place], 0)
        if not depth:
            return place
    raise ValueError(f"a bracket is not closed: {sql[opening:]}")


@cache
def schema_text() -> str:
    """The current schema of all tables, in both dialects: schema.sql of every folder of the store."""
    folders = sorted(_STORE.iterdir())
    files = (folder / "schema.sql" for folder in folders)
    return "\n".join(file.read_text(encoding="utf-8") for file in files if file.is_file())


@cache
def columns() -> dict[str, tuple[str, ...]]:
    """The columns of every table, in the order of the schema."""
    return {table: tuple(_COLUMN.findall(body)) for table, body in _TABLE.findall(schema_text())}


def _whole(table: str) -> str:
    return ", ".join(f"{table}.{column}" for column in columns()[table])


def for_dialect(text: str, dialect: str) -> str:
    """The text as one engine reads it."""
    named = _IN.sub(_IN_LIST, _WHOLE.sub(lambda found: _whole(found[1]), text))
    chosen = _ONLY.sub(lambda found: found[2].strip() if found[1] == dialect else "", named)
    # SQLite numbers `$1` by first appearance; `?1` means the first argument at any position.
    return _PARAMETER.sub(r"?\1", chosen) if dialect == "sqlite" else chosen


def statements(script: str) -> list[str]:
    """The statements of a script for PostgreSQL, one by one, each with the comments before it.

    A semicolon in a comment, a quoted text or name, or the body of a DO block ends no statement.
    """
    ends = [found.end() for found in _UNDIVIDED.finditer(script) if found["end"]]
    parts = (_text(script[start:end]) for start, end in pairwise([0, *ends, len(script)]))
    return [part for part in parts if part]


def parse(text: str) -> dict[str, Statement]:
    """The statements of one file's text by name."""
    parts = _BLOCK.split(text)[1:]
    blocks = list(zip(parts[::3], parts[1::3], parts[2::3], strict=True))
    fragments = {"keys": _KEYS} | {name: body.strip() for kind, name, body in blocks if kind == "fragment"}
    named = {n: _FRAGMENT.sub(lambda found: fragments[found[1]], body) for kind, n, body in blocks if kind == "name"}
    return {
        name: Statement(name, _text(for_dialect(body, "postgres")), _text(for_dialect(body, "sqlite")))
        for name, body in named.items()
    }


def _text(sql: str) -> str:
    """A statement with its comments; "" where it is for the other engine."""
    return sql.strip() if _COMMENT.sub("", sql).strip() else ""


class Queries:
    """The statements beside a module as attributes: `sql = Queries(__name__)`, then `sql.claim`.

    The file is read when the first of them is used.
    """

    def __init__(self, module: str) -> None:
        self._module = module

    @cached_property
    def _statements(self) -> dict[str, Statement]:
        return _load(self._module)

    def __getattr__(self, name: str) -> Statement:
        try:
            return self._statements[name]
        except KeyError:
            raise AttributeError(f"{self._module.rpartition('.')[2]}.sql has no statement named {name}") from None


@cache
def _load(module: str) -> dict[str, Statement]:
    inside = module.removeprefix("awbridge.store.").split(".")
    return parse(_STORE.joinpath(*inside).with_suffix(".sql").read_text(encoding="utf-8"))
