"""Random tokens: of sessions, one-time links and API keys."""

from __future__ import annotations

import secrets

from awbridge.domain.people.credentials import KEY_PREFIX


def new_token() -> str:
    """256 random bits, as text that fits in a URL and a cookie."""
    return secrets.token_urlsafe(32)


def new_api_key() -> str:
    """A new API key: a prefix that names its origin, and 256 random bits."""
    return KEY_PREFIX + new_token()
