# obstore types its methods and configurations as unions over all its services.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportArgumentType=false
"""A bucket of S3 and compatible services, GCS or Azure, through obstore."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import from_url

from awbridge.domain.errors import SettingsError

CLIENT_OPTIONS = ("allow_http", "allow_invalid_certificates", "proxy_url")  # of obstore's HTTP client
_EXAMPLES = {
    "s3": "region=ap-south-1,access_key_id=...,secret_access_key=...",
    "gs": "service_account=/run/secrets/gcs.json",
    "az": "account_name=...,account_key=...",
}
CONNECT_TIMEOUT = timedelta(seconds=5)


class ObjectBucket:
    """A bucket, or a prefix in one."""

    failures: tuple[type[Exception], ...] = (BaseError, OSError)

    def __init__(self, store: Any) -> None:
        self._store = store

    @classmethod
    def open(cls, url: str, options: Mapping[str, str], *, timeout: float, setting: str) -> ObjectBucket:
        """Open the bucket of a URL; the first use connects. Raises SettingsError."""
        _check_virtual_host(url, options, setting)
        try:
            http: dict[str, Any] = {"connect_timeout": CONNECT_TIMEOUT, "timeout": timedelta(seconds=timeout)}
            given = dict(options)
            http |= {name: _client_option(name, given.pop(name)) for name in CLIENT_OPTIONS if name in given}
            if given.get("endpoint", "").startswith("http://"):
                http["allow_http"] = True
            # obstore's retries last seconds and ignore Retry-After: the archive table schedules retries.
            retry: Any = {"max_retries": 1, "retry_timeout": timedelta(seconds=timeout)}
            open_url: Any = from_url
            return cls(open_url(url, config=given or None, client_options=http, retry_config=retry))
        except (BaseError, OSError, ValueError, TypeError) as error:
            raise _unsuitable(url, options, setting, str(error)) from None
        except BaseException as error:
            if type(error).__name__ != "PanicException":  # obstore's for invalid client options; not an Exception
                raise
            raise _unsuitable(url, options, setting, "") from None

    async def put(self, key: str, content: bytes) -> None:
        await obstore.put_async(self._store, key, content)

    async def get(self, key: str) -> bytes:
        response = await obstore.get_async(self._store, key)
        return bytes(await response.bytes_async())

    async def put_file(self, key: str, file: Path) -> None:
        await obstore.put_async(self._store, key, file)  # in parts, where it is large

    async def chunks(self, key: str) -> AsyncIterator[bytes]:
        response = await obstore.get_async(self._store, key)
        async for chunk in response.stream():
            yield bytes(chunk)

    async def keys(self, folder: str) -> list[str]:
        pages = obstore.list(self._store, folder)
        return [item["path"] async for page in pages for item in page]

    async def delete(self, key: str) -> None:
        await obstore.delete_async(self._store, key)


def _check_virtual_host(url: str, options: Mapping[str, str], setting: str) -> None:
    """Raise SettingsError if the bucket would be in no request: obstore takes an endpoint of this style as it is."""
    bucket = urlsplit(url).hostname or ""
    host = urlsplit(options.get("endpoint", "")).hostname
    is_virtual = _client_option("", options.get("virtual_hosted_style_request", "")) is True
    if is_virtual and host and not host.startswith(f"{bucket}."):
        raise SettingsError(
            f"{setting}, AWBRIDGE_ARCHIVE_OPTIONS: with virtual_hosted_style_request the endpoint begins with the "
            f"bucket: endpoint=https://{bucket}.{host}"
        )


def _unsuitable(url: str, options: Mapping[str, str], setting: str, reason: str) -> SettingsError:
    """What is wrong, without obstore's `reason`: that may quote the value of an option, which is a secret."""
    scheme = url.partition("://")[0]
    unknown = [name for name in options if f"'{name}' is not valid" in reason]
    if unknown:
        problem = f"{unknown[0]} is not an option of {scheme}://"
    elif options:
        problem = f"one of {', '.join(sorted(options))} is not an option of {scheme}://, or another value is needed"
    else:
        problem = f"{scheme}:// needs options here, or those of the environment"
    names = f"{setting}, AWBRIDGE_ARCHIVE_OPTIONS"
    return SettingsError(f"{names}: {problem}; write for example {_EXAMPLES.get(scheme, '')}")


def _client_option(name: str, value: str) -> object:
    return value if name == "proxy_url" else value.strip().lower() in ("1", "true", "yes")
