"""Sends a webhook with the key before Host, as clients of Node, Java and Ruby do. httpx2 always sends Host first."""

import contextlib
import ssl
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit


def post_key_first(url: str, key: Mapping[str, str], body: bytes, timeout: float) -> int | None:
    """POST a JSON body on a new connection, the headers of `key` first. The status; None without a response.

    `timeout`: seconds to connect, and between two reads or writes. Certificates are not checked: URLs are on loopback.
    """
    with contextlib.suppress(HTTPException, OSError, ValueError):
        parts = urlsplit(url)
        if parts.scheme == "https":
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            connection = HTTPSConnection(parts.hostname or "", parts.port, timeout=timeout, context=context)
        else:
            connection = HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
        with contextlib.closing(connection):
            target = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
            connection.putrequest("POST", target, skip_host=True, skip_accept_encoding=True)
            rest = {"host": parts.netloc, "content-type": "application/json", "content-length": str(len(body))}
            for name, value in {**key, **rest}.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            response.read()
            return response.status
    return None
