"""What is in the file of an exported account, and how values are written there. No I/O.

The file is a ZIP archive. `tables/NAME.jsonl` has the rows of a table in the order of its primary key: a line is a JSON
array with a value for each column. Times are ISO 8601 in UTC, bytes are base64. `manifest.json`, the last entry, says
what is there.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import msgspec

from awbridge.domain.errors import TransferError

FORMAT = 1
MANIFEST = "manifest.json"


class Kind(StrEnum):
    """What a column holds."""

    SMALLINT = "smallint"
    INTEGER = "integer"
    BIGINT = "bigint"
    FLOAT = "float"
    TEXT = "text"
    BOOLEAN = "boolean"
    BYTES = "bytes"
    TIME = "time"


class ExportedMigration(msgspec.Struct, frozen=True, kw_only=True):
    """A migration that was applied to the exported account, and the SHA-256 of its file."""

    number: int
    name: str
    checksum: str


class ExportedTable(msgspec.Struct, frozen=True, kw_only=True):
    """A table: its columns in the order of each line, how many rows, and the SHA-256 of all lines."""

    name: str
    columns: tuple[str, ...]
    kinds: tuple[Kind, ...]
    rows: int
    sha256: str

    @property
    def entry(self) -> str:
        """Its place in the archive."""
        return entry_of(self.name)


class ExportManifest(msgspec.Struct, frozen=True, kw_only=True):
    """What an export holds: the account as it was at `exported_at`, on schema `schema`."""

    format: int = FORMAT
    account: str
    version: str
    dialect: str
    exported_at: datetime
    schema: int
    migrations: tuple[ExportedMigration, ...]
    tables: tuple[ExportedTable, ...]

    @property
    def counts(self) -> Mapping[str, int]:
        """The rows of each table."""
        return {table.name: table.rows for table in self.tables}

    @property
    def rows(self) -> int:
        """The rows of all tables."""
        return sum(self.counts.values())


def entry_of(table: str) -> str:
    """The place of a table's rows in the archive."""
    return f"tables/{table}.jsonl"


_encoder = msgspec.json.Encoder()
_lines = msgspec.json.Decoder(list[Any])
_manifests = msgspec.json.Decoder(ExportManifest)


def written_manifest(manifest: ExportManifest) -> bytes:
    """The manifest as JSON."""
    return msgspec.json.format(_encoder.encode(manifest))


def read_manifest(text: bytes) -> ExportManifest:
    """The manifest of an export. Raises TransferError where it is none, or of a format that is not known here."""
    try:
        found = _manifests.decode(text)
    except msgspec.MsgspecError as error:
        raise TransferError(f"{MANIFEST} is not that of an export: {error}") from None
    if found.format != FORMAT:
        raise TransferError(f"the file has format {found.format}; this version of awbridge reads {FORMAT}")
    return found


def written_line(values: Sequence[object]) -> bytes:
    """A row as a line."""
    return _encoder.encode(values) + b"\n"


def line_reader(kinds: Sequence[Kind]) -> Callable[[bytes], list[Any]]:
    """Reads lines of these columns. It raises ValueError for what is no such line."""
    places = [(place, _READERS[kind]) for place, kind in enumerate(kinds) if kind in _READERS]

    def read(line: bytes) -> list[Any]:
        values = _lines.decode(line)
        if len(values) != len(kinds):
            raise ValueError(f"{len(values)} values for {len(kinds)} columns")
        for place, convert in places:
            if values[place] is not None:
                values[place] = convert(values[place])
        return values

    return read


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


_READERS: dict[Kind, Callable[[Any], Any]] = {Kind.TIME: _time, Kind.BYTES: b64decode}
