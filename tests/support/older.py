"""The code of an older version for a rolling upgrade, from the history of this repository."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

from tests.support.absent import absent

_ROOT = Path(__file__).parents[2]
_MIGRATIONS = "src/awbridge/store/engine/migrations"


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", "-C", str(_ROOT), *arguments], capture_output=True, check=False).stdout


def older_version(folder: Path) -> Path:
    """A folder with the code of the newest tag; where there is none, of the commit before the newest migration.

    The test is skipped where there is no history.
    """
    wanted = _git("describe", "--tags", "--abbrev=0").decode().strip()
    if not wanted:
        newest = max(path.name for path in (_ROOT / _MIGRATIONS).glob("*.sql"))
        added = _git("log", "--diff-filter=A", "--format=%H", "--", f"{_MIGRATIONS}/{newest}").decode().split()
        wanted = f"{added[-1]}~1" if added else ""
    archive = _git("archive", wanted, "src/awbridge") if wanted else b""
    if not archive:
        absent("there is no history with an older version (a shallow clone?): git fetch --unshallow --tags")
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder / "older", filter="data")
    return folder / "older"
