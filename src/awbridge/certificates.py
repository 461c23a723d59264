"""The trusted certificate authorities: the system's, or those that SSL_CERT_FILE and SSL_CERT_DIR name."""

from __future__ import annotations

import os
import ssl
from functools import lru_cache

import httpx2


def trusted() -> ssl.SSLContext:
    """What the environment says now. Clients share it: reading a file of certificates takes longer than a call."""
    return _read(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@lru_cache(maxsize=4)
def _read(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    return httpx2.create_ssl_context()
