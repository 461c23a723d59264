# obstore's methods and configurations are typed by unions of all its services, of which a URL picks one.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportArgumentType=false
"""Object storage through obstore: S3 and what speaks it, GCS, Azure, or a folder, by its URL."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable, Mapping
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
NAMED = ("allow_http", "allow_invalid_certificates", "proxy_url")  # options that obstore takes for its HTTP client
_NO_BUCKET = re.compile("NoSuchBucket|ContainerNotFound|bucket does not exist", re.IGNORECASE)
_QUERY = re.compile(r"\?[^\s\"')]+")
CONNECT_TIMEOUT = timedelta(seconds=5)
KINDS = ("calls", "reports")  # of objects: what their keys begin with


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object that was put: what was read back has this size and SHA-256, and so had what was sent."""

    key: str
    size: int
    sha256: str


class Objects:
    """A place for objects. Every method raises ObjectsError when the place is away, slow, full or refuses."""

    def __init__(self, open_store: Callable[[], Any], *, timeout: float = 60.0, bucket: str = "") -> None:
        self._open_store = open_store
        self._timeout = timeout
        self._bucket = bucket

    @cached_property
    def _store(self) -> Any:
        return self._open_store()  # a folder is made with its first use, not before

    @classmethod
    def open(cls, url: str, *, options: Mapping[str, str] | None = None, timeout: float = 60.0) -> Objects:
        """Open `s3://bucket/prefix`, `gs://...`, `az://...` or `file:///folder`. Connects with the first use.

        `options` are the service's own (endpoint, region, access_key_id, ...); without them, those of the environment
        and of the machine's role are used. `timeout` is seconds for one object. Raises SettingsError. Whether the place
        is there, and lets us in, only its use tells.
        """
        scheme, _, rest = url.partition("://")
        if scheme not in SCHEMES or not rest:
            raise SettingsError(
                f"AWBRIDGE_ARCHIVE_URL: {scheme!r} is not supported; write s3://bucket/prefix, gs://, az:// or file:///folder"
            )
        if "?" in rest or "#" in rest:  # obstore would pass over them without a word
            raise SettingsError(
                "AWBRIDGE_ARCHIVE_URL: takes no options behind ? or #; write them into AWBRIDGE_ARCHIVE_OPTIONS, "
                "as region=eu-west-1,endpoint=https://..."
            )
        try:
            if scheme == "file":
                folder = Path(rest)
                if not folder.is_absolute():
                    raise SettingsError("AWBRIDGE_ARCHIVE_URL: a folder is written file:///absolute/path")
                return cls(lambda: LocalStore(folder, mkdir=True), timeout=timeout)
            http: dict[str, Any] = {"connect_timeout": CONNECT_TIMEOUT, "timeout": timedelta(seconds=timeout)}
            given = dict(options or {})
            http |= {name: _client_option(name, given.pop(name)) for name in NAMED if name in given}
            if given.get("endpoint", "").startswith("http://"):
                http["allow_http"] = True
            # Its own retries end within seconds and pay no heed to Retry-After: the table says when it is tried again.
            retry: Any = {"max_retries": 1, "retry_timeout": timedelta(seconds=timeout)}
            made: Any = from_url
            store = made(url, config=given or None, client_options=http, retry_config=retry)
            return cls(lambda: store, timeout=timeout, bucket=rest.partition("/")[0])
        except (BaseError, OSError, ValueError, TypeError) as error:
            said = str(error).partition("\n")[0]  # below it obstore shows its own source
            raise SettingsError(f"AWBRIDGE_ARCHIVE_URL, AWBRIDGE_ARCHIVE_OPTIONS: {said}") from None
        except BaseException as error:
            if type(error).__name__ != "PanicException":  # obstore's, for options of its HTTP client; no Exception
                raise
            names = ", ".join(sorted(options or {}))
            raise SettingsError(f"AWBRIDGE_ARCHIVE_OPTIONS: one of {names} is no option of {scheme}://") from None

    @classmethod
    def in_folder(cls, folder: Path, *, timeout: float = 60.0) -> Objects:
        """A folder of this machine, made with its first use. What lies in it is for its owner alone."""
        return cls(lambda: _of_its_owner(folder.absolute()), timeout=timeout)

    async def put(self, key: str, content: bytes) -> StoredObject:
        """Put an object, replacing what was there, and read it back. Raises ObjectsError also where that differs."""
        digest = hashlib.sha256(content).hexdigest()
        async with _within(self._timeout, "put"):
            try:
                await obstore.put_async(self._store, key, content)
            except FileNotFoundError:  # what is not found when something is put is the place for it
                raise self._no_bucket("put") from None
        kept = await self.get(key)
        if kept is None or hashlib.sha256(kept).hexdigest() != digest:
            raise ObjectsError(f"put: what was read back of {key} is not what was sent")
        return StoredObject(key, len(content), digest)

    async def get(self, key: str) -> bytes | None:
        """An object; None where there is none."""
        async with _within(self._timeout, "get"):
            try:
                answer = await obstore.get_async(self._store, key)
                return bytes(await answer.bytes_async())
            except FileNotFoundError as error:
                if _NO_BUCKET.search(str(error)):
                    raise self._no_bucket("get") from None
                return None

    async def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""
        async with _within(self._timeout, "delete"):
            try:
                await obstore.delete_async(self._store, key)
            except FileNotFoundError as error:
                if _NO_BUCKET.search(str(error)):
                    raise self._no_bucket("delete") from None

    def _no_bucket(self, doing: str) -> ObjectsError:
        return ObjectsError(f"{doing}: there is no bucket {self._bucket}; create it, or correct AWBRIDGE_ARCHIVE_URL")


def _of_its_owner(folder: Path) -> LocalStore:
    for name in KINDS:
        make_private(folder / name)
    return LocalStore(folder)


def make_private(folder: Path) -> None:
    """Make a folder, and the one that it lies in, that only their owner may read. What is there stays as it is.

    Raises OSError.
    """
    for each in (folder.parent, folder):
        each.mkdir(parents=True, exist_ok=True, mode=0o700)


def _client_option(name: str, value: str) -> object:
    return value if name == "proxy_url" else value.strip().lower() in ("1", "true", "yes")


class _within:
    """A limit of time, and every way to fail as ObjectsError."""

    def __init__(self, seconds: float, doing: str) -> None:
        self._limit = asyncio.timeout(seconds)
        self._doing = doing
        self._seconds = seconds

    async def __aenter__(self) -> None:
        await self._limit.__aenter__()

    async def __aexit__(self, kind: Any, error: BaseException | None, at: Any) -> None:
        try:
            await self._limit.__aexit__(kind, error, at)
        except TimeoutError:
            raise ObjectsError(f"{self._doing}: no answer within {self._seconds:g} s") from None
        if isinstance(error, (BaseError, OSError)):
            raise ObjectsError(f"{self._doing}: {_words(error)}") from None


def _words(error: BaseException) -> str:
    # The first line says what; the rest is a dump. A query may hold a signature that opens the bucket.
    first = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}: {_QUERY.sub('?...', first)[:300]}" if first else type(error).__name__
