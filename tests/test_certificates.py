"""The certificates are read once, and anew when the environment names others."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from awbridge.certificates import trusted


def test_clients_share_the_certificates_that_the_environment_names_now(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shared = trusted()
    assert trusted() is shared
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    own = trusted()
    assert own is not shared
    assert own.get_ca_certs() == []
    assert own.verify_mode is ssl.CERT_REQUIRED
