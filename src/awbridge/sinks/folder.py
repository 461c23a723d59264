"""Objects as files in a local folder."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from awbridge.private_files import make_private, open_private


class Folder:
    """A folder, created on first use. An object is replaced as a whole or not at all."""

    failures: tuple[type[Exception], ...] = (OSError,)

    def __init__(self, path: Path, *, private: Sequence[str] = ()) -> None:
        """`private` are the folders in it that are readable by their owner only."""
        self._path = path
        self._private = private

    async def put(self, key: str, content: bytes) -> None:
        await asyncio.to_thread(self._put, self._path / key, content)

    def _put(self, file: Path, content: bytes) -> None:
        for name in self._private:
            make_private(self._path / name)
        make_private(file.parent)
        part = file.with_name(f"{file.name}#{secrets.token_hex(4)}")
        try:
            with open_private(part) as out:
                out.write(content)
            os.replace(part, file)
        finally:
            part.unlink(missing_ok=True)

    async def get(self, key: str) -> bytes:
        return await asyncio.to_thread((self._path / key).read_bytes)

    async def delete(self, key: str) -> None:
        await asyncio.to_thread((self._path / key).unlink)
