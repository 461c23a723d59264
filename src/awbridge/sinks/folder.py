"""Objects as files in a local folder."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from awbridge.private_files import make_private, new_private, open_private

CHUNK = 1024 * 1024  # bytes read at once of a large object


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

    async def put_file(self, key: str, file: Path) -> None:
        await asyncio.to_thread(self._put_file, self._path / key, file)

    def _put_file(self, file: Path, content: Path) -> None:
        make_private(file.parent)
        part = file.with_name(f"{file.name}#{secrets.token_hex(4)}")
        try:
            with content.open("rb") as source, new_private(part) as target:
                shutil.copyfileobj(source, target, CHUNK)
                target.flush()
                os.fsync(target.fileno())
            os.replace(part, file)
        finally:
            part.unlink(missing_ok=True)

    async def chunks(self, key: str) -> AsyncIterator[bytes]:
        with await asyncio.to_thread((self._path / key).open, "rb") as content:
            while chunk := await asyncio.to_thread(content.read, CHUNK):
                yield chunk

    async def keys(self, folder: str) -> list[str]:
        return await asyncio.to_thread(self._keys, self._path / folder)

    def _keys(self, folder: Path) -> list[str]:
        files = (file for file in folder.rglob("*") if file.is_file() and "#" not in file.name)
        return [str(file.relative_to(self._path)) for file in files]

    async def get(self, key: str) -> bytes:
        return await asyncio.to_thread((self._path / key).read_bytes)

    async def delete(self, key: str) -> None:
        await asyncio.to_thread((self._path / key).unlink)
