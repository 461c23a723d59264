"""A certificate of the tests' own, for `localhost` and `erp.example`, created by openssl; and who trusts it."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from tests.support.absent import absent

_NAMES = "subjectAltName=DNS:localhost,DNS:erp.example"


def server_context(folder: Path, monkeypatch: pytest.MonkeyPatch, *, trusted: bool = True) -> ssl.SSLContext:
    """A server's TLS context for these names. `trusted`: this process's clients accept its certificate."""
    certificate_file, key = certificate(folder)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate_file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_file, key)
    return context


def certificate(folder: Path) -> tuple[Path, Path]:
    """The files of a new certificate and its key."""
    if shutil.which("openssl") is None:
        absent("openssl is missing")
    key, made = folder / "key.pem", folder / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    files = ["-addext", _NAMES, "-keyout", str(key), "-out", str(made)]
    subprocess.run([*command, *files], check=True, capture_output=True, timeout=60)
    return made, key


def client_context(trusted: Path) -> ssl.SSLContext:
    """A client's TLS context that trusts this certificate."""
    return ssl.create_default_context(cafile=str(trusted))
