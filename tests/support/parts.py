"""An installation without its optional parts."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from awbridge.app.parts import is_installed
from awbridge.sinks import messages

# What the parts bring, by the names under which it is imported, and our modules that import it.
_BROUGHT = ("nacl", "nacl.secret", "nacl.exceptions", "apprise", "obstore", "authlib", "joserfc")
_BROUGHT_TOO = ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http.trace_exporter")
_OURS = ("awbridge.sinks.object_service", "awbridge.sinks.oidc")


@pytest.fixture
def plain_installation(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """None of the parts that a setting may need is installed."""
    for name in (*_BROUGHT, *_BROUGHT_TOO):
        monkeypatch.setitem(sys.modules, name, None)
    for name in _OURS:
        monkeypatch.delitem(sys.modules, name, raising=False)
    _forget()
    yield
    monkeypatch.undo()
    _forget()


def _forget() -> None:
    is_installed.cache_clear()
    messages._apprise.cache_clear()
