"""The code of an older version, for a rolling upgrade: from a wheel, or from a folder with its package."""

from __future__ import annotations

import zipfile
from pathlib import Path

from awbridge.domain.errors import AwbridgeError
from awbridge.store.engine.migrate import migrations


def unpacked(given: Path, folder: Path) -> Path:
    """A folder with the package awbridge of that version. It runs with the libraries of this one.

    `given` is a wheel, a checkout (with src/awbridge), or such a folder. Raises AwbridgeError for anything else, and
    for a version that cannot work beside this one.
    """
    if given.is_file() and zipfile.is_zipfile(given):
        target = folder / "older"
        with zipfile.ZipFile(given) as wheel:
            wheel.extractall(target)
    else:
        target = given / "src" if (given / "src" / "awbridge").is_dir() else given
    if not (target / "awbridge" / "__init__.py").is_file():
        raise AwbridgeError(
            f"{given} holds no package awbridge. Give a wheel (awbridge-1.2.3-py3-none-any.whl), or a checkout of an "
            "older version (git worktree add ../older v1.2.3)."
        )
    _refuse_incompatible(target)
    return target.absolute()


def _refuse_incompatible(folder: Path) -> None:
    """As `awbridge migrate --dry-run` judges it on a database of that version."""
    schema = max(int(file.name[:4]) for file in (folder / "awbridge").glob("store/engine/migrations/*.sql"))
    needed = max((one.compatible_from for one in migrations() if one.number > schema), default=0)
    if needed > schema:
        raise AwbridgeError(
            f"the older version has schema {schema:04}, and this one needs {needed:04}: all replicas of the older "
            "version must be stopped first, so there is no rolling upgrade to drill. Give a newer one."
        )
