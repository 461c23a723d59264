# obstore types its methods and configurations as unions over all its services.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportArgumentType=false
"""Object storage through obstore, chosen by URL: S3 and compatible services, GCS, Azure, or a folder."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, from_url

from awbridge.domain.errors import ObjectsError, SettingsError

SCHEMES = ("s3", "gs", "az", "abfs", "abfss", "file")
CLIENT_OPTIONS = ("allow_http", "allow_invalid_certificates", "proxy_url")  # of obstore's HTTP client
_NO_BUCKET = re.compile("NoSuchBucket|ContainerNotFound|bucket does not exist", re.IGNORECASE)
_QUERY = re.compile(r"\?[^\s\"')]+")
CONNECT_TIMEOUT = timedelta(seconds=5)
KINDS = ("calls", "reports")  # of objects; the first part of their keys


@dataclass(frozen=True, slots=True)
class StoredObject:
    """A stored object. Its size and SHA-256 were verified by reading it back."""

    key: str
    size: int
    sha256: str


class Objects:
    """An object storage. Every method raises ObjectsError if it is unreachable, slow, full or refuses."""

    def __init__(self, open_store: Callable[[], Any], *, timeout: float = 60.0, bucket: str = "") -> None:
        self._open_store = open_store
        self._timeout = timeout
        self._bucket = bucket

    @cached_property
    def _store(self) -> Any:
        return self._open_store()  # a folder is created on first use

    @classmethod
    def open(cls, url: str, *, options: Mapping[str, str] | None = None, timeout: float = 60.0) -> Objects:
        """Open `s3://bucket/prefix`, `gs://...`, `az://...` or `file:///folder`. The first use connects.

        `options` belong to the service (endpoint, region, access_key_id, ...); by default, the environment and the
        machine's role provide them. `timeout` is in seconds for one object. Raises SettingsError. A missing bucket or
        denied access is only detected on use.
        """
        scheme, _, rest = url.partition("://")
        if scheme not in SCHEMES or not rest:
            raise SettingsError(
                f"AWBRIDGE_ARCHIVE_URL: {scheme!r} is not supported; write s3://bucket/prefix, gs://, az:// or file:///folder"
            )
        if "?" in rest or "#" in rest:  # obstore would ignore them silently
            raise SettingsError(
                "AWBRIDGE_ARCHIVE_URL: options after ? or # are not supported; set AWBRIDGE_ARCHIVE_OPTIONS, "
                "such as region=eu-west-1,endpoint=https://..."
            )
        try:
            if scheme == "file":
                folder = Path(rest)
                if not folder.is_absolute():
                    raise SettingsError("AWBRIDGE_ARCHIVE_URL: write a folder as file:///absolute/path")
                return cls(lambda: LocalStore(folder, mkdir=True), timeout=timeout)
            http: dict[str, Any] = {"connect_timeout": CONNECT_TIMEOUT, "timeout": timedelta(seconds=timeout)}
            given = dict(options or {})
            http |= {name: _client_option(name, given.pop(name)) for name in CLIENT_OPTIONS if name in given}
            if given.get("endpoint", "").startswith("http://"):
                http["allow_http"] = True
            # obstore's retries last seconds and ignore Retry-After: the archive table schedules retries.
            retry: Any = {"max_retries": 1, "retry_timeout": timedelta(seconds=timeout)}
            open_url: Any = from_url
            store = open_url(url, config=given or None, client_options=http, retry_config=retry)
            return cls(lambda: store, timeout=timeout, bucket=rest.partition("/")[0])
        except (BaseError, OSError, ValueError, TypeError) as error:
            problem = str(error).partition("\n")[0]  # obstore's own source follows
            raise SettingsError(f"AWBRIDGE_ARCHIVE_URL, AWBRIDGE_ARCHIVE_OPTIONS: {problem}") from None
        except BaseException as error:
            if type(error).__name__ != "PanicException":  # obstore's for invalid client options; not an Exception
                raise
            names = ", ".join(sorted(options or {}))
            raise SettingsError(f"AWBRIDGE_ARCHIVE_OPTIONS: one of {names} is not an option of {scheme}://") from None

    @classmethod
    def in_folder(cls, folder: Path, *, timeout: float = 60.0) -> Objects:
        """A local folder, created on first use and readable by its owner only."""
        return cls(lambda: _private_store(folder.absolute()), timeout=timeout)

    async def put(self, key: str, content: bytes) -> StoredObject:
        """Store or replace an object and read it back. Raises ObjectsError also if the content differs."""
        digest = hashlib.sha256(content).hexdigest()
        async with self._operation("put"):
            await obstore.put_async(self._store, key, content)
        stored = await self.get(key)
        if stored is None or hashlib.sha256(stored).hexdigest() != digest:
            raise ObjectsError(f"put: {key} was read back with different content")
        return StoredObject(key, len(content), digest)

    async def get(self, key: str) -> bytes | None:
        """The content of an object; None if there is none."""
        with contextlib.suppress(FileNotFoundError):
            async with self._operation("get"):
                response = await obstore.get_async(self._store, key)
                return bytes(await response.bytes_async())
        return None

    async def delete(self, key: str) -> None:
        """Delete an object; a missing one is not an error."""
        with contextlib.suppress(FileNotFoundError):
            async with self._operation("delete"):
                await obstore.delete_async(self._store, key)

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
                        f"{name}: the bucket {self._bucket} does not exist; create it, or correct AWBRIDGE_ARCHIVE_URL"
                    ) from None
                except (BaseError, OSError) as error:
                    raise ObjectsError(f"{name}: {_error_text(error)}") from None
        except TimeoutError:
            raise ObjectsError(f"{name}: no answer within {self._timeout:g} s") from None


def _private_store(folder: Path) -> LocalStore:
    for name in KINDS:
        make_private(folder / name)
    return LocalStore(folder)


def make_private(folder: Path) -> None:
    """Create a folder and its parent, readable by their owner only; existing ones are unchanged. Raises OSError."""
    for each in (folder.parent, folder):
        each.mkdir(parents=True, exist_ok=True, mode=0o700)


def _client_option(name: str, value: str) -> object:
    return value if name == "proxy_url" else value.strip().lower() in ("1", "true", "yes")


def _error_text(error: BaseException) -> str:
    # The first line is the message; a dump follows. A query may contain a signature that gives access to the bucket.
    first = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}: {_QUERY.sub('?...', first)[:300]}" if first else type(error).__name__
