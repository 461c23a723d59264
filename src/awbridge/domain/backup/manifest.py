"""What is known of a backup: a JSON object stored beside it. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from awbridge.domain.errors import BackupError

FOLDER = "backups/"
ENDING = ".db.gz"
MANIFEST_ENDING = ".json"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupManifest:
    """A verified backup of a SQLite file, compressed with gzip.

    Everything that was committed before `taken_at` is in it. `database`: which database it is of, the same for a
    restored one. `version`: awbridge's. `schema`: the number of its last migration. `bytes` and `sha256`: of the
    compressed file; `database_...`: of the SQLite file in it. `counts`: rows by table.
    """

    name: str
    database: str
    taken_at: datetime
    version: str
    schema: int
    bytes: int
    sha256: str
    database_bytes: int
    database_sha256: str
    counts: Mapping[str, int]

    @property
    def key(self) -> str:
        """The name of its object."""
        return FOLDER + self.name

    @property
    def manifest_key(self) -> str:
        """The name of the object that holds this manifest. It is stored last: without it, a backup is incomplete."""
        return self.key + MANIFEST_ENDING

    def to_json(self) -> bytes:
        """As it is stored."""
        values = asdict(self) | {"taken_at": self.taken_at.astimezone(UTC).isoformat()}
        return json.dumps(values, indent=2).encode() + b"\n"


def read_manifest(content: bytes) -> BackupManifest:
    """A stored manifest. Raises BackupError."""
    try:
        values: dict[str, Any] = json.loads(content)
        taken_at = datetime.fromisoformat(values.pop("taken_at"))
        counts = {str(table): int(rows) for table, rows in values.pop("counts").items()}
        return BackupManifest(
            name=str(values["name"]),
            database=str(values["database"]),
            taken_at=taken_at.astimezone(UTC),
            version=str(values["version"]),
            schema=int(values["schema"]),
            bytes=int(values["bytes"]),
            sha256=str(values["sha256"]),
            database_bytes=int(values["database_bytes"]),
            database_sha256=str(values["database_sha256"]),
            counts=counts,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackupError(f"a backup's manifest cannot be read ({type(error).__name__}: {error})") from None


def backup_name(database: str, taken_at: datetime) -> str:
    """The name of a backup that is taken now: it sorts by time."""
    return f"{taken_at.astimezone(UTC):%Y%m%dT%H%M%S%fZ}-{database}{ENDING}"


def outdated(backups: list[BackupManifest], newest: BackupManifest, *, keep: timedelta) -> list[BackupManifest]:
    """The backups of the same database that are older than `keep`, counted from the newest one, which stays."""
    return [one for one in backups if one.database == newest.database and newest.taken_at - one.taken_at > keep]
