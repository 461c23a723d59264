"""Files and folders that only their owner may read. What awbridge writes holds keys, payloads or addresses."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

FILE_MODE, FOLDER_MODE = 0o600, 0o700


def open_private(path: Path) -> IO[bytes]:
    """Open a file for writing, emptied; a new one is readable by its owner only. Raises OSError."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE), "wb")


def touch_private(path: Path) -> None:
    """Create an empty file, readable by its owner only; an existing one is unchanged. Raises OSError."""
    if not path.exists():
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, FILE_MODE))


def make_private(folder: Path) -> None:
    """Create a folder and its missing parents, readable by their owner only; existing ones are unchanged.

    Raises OSError.
    """
    for each in (*reversed(folder.parents), folder):
        if not each.is_dir():
            each.mkdir(mode=FOLDER_MODE, exist_ok=True)
