"""Object storage, chosen by URL: S3 and compatible services, GCS, Azure, or a folder."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from awbridge.domain.errors import MissingPart, ObjectsError, SettingsError
from awbridge.private_files import new_private
from awbridge.sinks.folder import Folder

SCHEMES = ("s3", "gs", "az", "abfs", "abfss", "file")
ARCHIVE_SETTING = "AWBRIDGE_ARCHIVE_URL"
_NO_BUCKET = re.compile("NoSuchBucket|ContainerNotFound|bucket does not exist", re.IGNORECASE)
_QUERY = re.compile(r"\?[^\s\"')]+")
_CODE = re.compile(r"<Code>(\w+)</Code>")  # of an error of S3, GCS or Azure
KINDS = ("calls", "reports", "backups")  # of objects; the first part of their keys


class ObjectPlace(Protocol):
    """Where objects are. Methods raise FileNotFoundError when there is no such object, else one of `failures`."""

    @property
    def failures(self) -> tuple[type[Exception], ...]: ...
    async def put(self, key: str, content: bytes) -> None: ...
    async def get(self, key: str) -> bytes: ...
    async def delete(self, key: str) -> None: ...
    async def put_file(self, key: str, file: Path) -> None: ...
    def chunks(self, key: str) -> AsyncIterator[bytes]: ...
    async def keys(self, folder: str) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class StoredObject:
    """A stored object. Its size and SHA-256 were verified by reading it back."""

    key: str
    size: int
    sha256: str


class Objects:
    """An object storage. Every method raises ObjectsError if it is unreachable, slow, full or refuses."""

    def __init__(
        self, place: ObjectPlace, *, timeout: float = 60.0, bucket: str = "", setting: str = ARCHIVE_SETTING
    ) -> None:
        self._place = place
        self._timeout = timeout
        self._bucket = bucket
        self._setting = setting

    @classmethod
    def open(
        cls,
        url: str,
        *,
        options: Mapping[str, str] | None = None,
        timeout: float = 60.0,
        setting: str = ARCHIVE_SETTING,
    ) -> Objects:
        """Open `s3://bucket/prefix`, `gs://...`, `az://...` or `file:///folder`. The first use connects.

        `options` belong to the service (endpoint, region, access_key_id, ...); by default, the environment and the
        machine's role provide them. `timeout` is in seconds for one object. `setting` is where the URL comes from.
        Raises SettingsError. A missing bucket or denied access is only detected on use.
        """
        scheme, _, rest = url.partition("://")
        if scheme not in SCHEMES or not rest:
            raise SettingsError(
                f"{setting}: {scheme!r} is not supported; write s3://bucket/prefix, gs://, az:// or file:///folder"
            )
        if "?" in rest or "#" in rest:  # they would be ignored silently
            raise SettingsError(
                f"{setting}: options after ? or # are not supported; set AWBRIDGE_ARCHIVE_OPTIONS, "
                "such as region=eu-west-1,endpoint=https://..."
            )
        if scheme == "file":
            if not Path(rest).is_absolute():
                raise SettingsError(f"{setting}: write a folder as file:///absolute/path")
            return cls(Folder(Path(rest)), timeout=timeout, setting=setting)
        try:
            from awbridge.sinks.object_service import ObjectBucket
        except ModuleNotFoundError as error:
            if error.name != "obstore":
                raise
            raise MissingPart(f"{setting}: {scheme}://", "object-storage") from None
        place = ObjectBucket.open(url, options or {}, timeout=timeout, setting=setting)
        return cls(place, timeout=timeout, bucket=rest.partition("/")[0], setting=setting)

    @classmethod
    def in_folder(cls, folder: Path, *, timeout: float = 60.0) -> Objects:
        """A local folder, created on first use and readable by its owner only."""
        return cls(Folder(folder.absolute(), private=KINDS), timeout=timeout)

    async def put(self, key: str, content: bytes) -> StoredObject:
        """Store or replace an object and read it back. Raises ObjectsError also if the content differs."""
        digest = hashlib.sha256(content).hexdigest()
        async with self._operation("put"):
            await self._place.put(key, content)
        stored = await self.get(key)
        if stored is None or hashlib.sha256(stored).hexdigest() != digest:
            raise ObjectsError(f"put: {key} was read back with different content")
        return StoredObject(key, len(content), digest)

    async def get(self, key: str) -> bytes | None:
        """The content of an object; None if there is none."""
        with contextlib.suppress(FileNotFoundError):
            async with self._operation("get"):
                return await self._place.get(key)
        return None

    async def delete(self, key: str) -> None:
        """Delete an object; a missing one is not an error."""
        with contextlib.suppress(FileNotFoundError):
            async with self._operation("delete"):
                await self._place.delete(key)

    async def put_file(self, key: str, file: Path) -> StoredObject:
        """Store or replace an object of any size from a file and read it back. Raises ObjectsError likewise."""
        digest, size = await asyncio.to_thread(_digest_of, file)
        async with self._operation("put"):
            await self._place.put_file(key, file)
        stored = hashlib.sha256()
        async with self._operation("get"):
            async for chunk in self._place.chunks(key):
                stored.update(chunk)
        if stored.hexdigest() != digest:
            raise ObjectsError(f"put: {key} was read back with different content")
        return StoredObject(key, size, digest)

    async def get_file(self, key: str, file: Path) -> StoredObject | None:
        """Write an object of any size to a new file, readable by its owner only; None if there is no such object."""
        digest, size = hashlib.sha256(), 0
        with contextlib.suppress(FileNotFoundError):
            async with self._operation("get"):
                chunks = aiter(self._place.chunks(key))
                first = await anext(chunks, b"")
                with new_private(file) as out:
                    chunk = first
                    while chunk:
                        await asyncio.to_thread(out.write, chunk)
                        digest.update(chunk)
                        size += len(chunk)
                        chunk = await anext(chunks, b"")
            return StoredObject(key, size, digest.hexdigest())
        return None

    async def keys(self, folder: str) -> list[str]:
        """The keys of the objects in a folder such as `backups/`, sorted; empty where there is no such folder."""
        with contextlib.suppress(FileNotFoundError):
            async with self._operation("list"):
                return sorted(await self._place.keys(folder))
        return []

    @contextlib.asynccontextmanager
    async def _operation(self, name: str) -> AsyncGenerator[None]:
        """A time limit that also raises every failure as ObjectsError, except FileNotFoundError of a missing object."""
        try:
            async with asyncio.timeout(self._timeout):
                try:
                    yield
                except FileNotFoundError as error:
                    if name != "put" and not _NO_BUCKET.search(str(error)):
                        raise
                    raise ObjectsError(
                        f"{name}: the bucket {self._bucket} does not exist; create it, or correct {self._setting}"
                    ) from None
                except self._place.failures as error:
                    raise ObjectsError(f"{name}: {_error_text(error)}") from None
        except TimeoutError:
            raise ObjectsError(f"{name}: no answer within {self._timeout:g} s") from None


def _digest_of(file: Path) -> tuple[str, int]:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest(), file.stat().st_size


def _error_text(error: BaseException) -> str:
    # The first line is the message; the service's answer and a dump follow. Of the answer, only the code is shown. A
    # query may contain a signature that gives access to the bucket.
    text = str(error).strip()
    first = next(iter(text.splitlines()), "").partition("<")[0].rstrip(" :")
    code = _CODE.search(text)
    words = (type(error).__name__, code[1] if code else "", _QUERY.sub("?...", first)[:300])
    return ": ".join(filter(None, words))
