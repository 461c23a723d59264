"""The code of an older version for a rolling upgrade, from the history of this repository."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

from awbridge.store.engine.migrate import migrations
from tests.support.absent import absent

_ROOT = Path(__file__).parents[2]
_MIGRATIONS = "src/awbridge/store/engine/migrations"


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", "-C", str(_ROOT), *arguments], capture_output=True, check=False).stdout


def older_version(folder: Path) -> Path:
    """A folder with the code of the oldest version that this one can replace replica by replica.

    Its newest migration is the last one that not every older version can work beside. The test is skipped where there
    is no history.
    """
    number = max(one.compatible_from for one in migrations())
    added = _git("log", "--diff-filter=A", "--format=%H", "--", f"{_MIGRATIONS}/{number:04}_*").decode().split()
    archive = _git("archive", added[-1], "src/awbridge") if added else b""
    if not archive:
        absent("there is no history with an older version (a shallow clone?): git fetch --unshallow")
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder / "older", filter="data")
    return folder / "older"
