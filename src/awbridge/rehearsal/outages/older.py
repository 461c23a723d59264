"""The code of an older version, for a rolling upgrade: from a wheel, or from a folder with its package."""

from __future__ import annotations

import zipfile
from pathlib import Path

from awbridge.domain.errors import AwbridgeError


def unpacked(given: Path, folder: Path) -> Path:
    """A folder with the package awbridge of that version. It runs with the libraries of this one.

    `given` is a wheel, a checkout (with src/awbridge), or such a folder. Raises AwbridgeError for anything else.
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
    return target.absolute()
