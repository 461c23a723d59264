"""A home with two accounts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.accounts import Accounts, accounts_on
from tests.support.people import cheap_passwords

__all__ = ["accounts", "cheap_passwords", "keyed"]


@pytest.fixture
async def accounts(tmp_path: Path) -> AsyncIterator[Accounts]:
    """A home and the accounts `acme` and `zest`, none of which has people or API keys."""
    async with accounts_on(tmp_path, "acme", "zest") as running:
        yield running


@pytest.fixture
async def keyed(tmp_path: Path) -> AsyncIterator[Accounts]:
    """The same with an API key each."""
    async with accounts_on(tmp_path, "acme", "zest", api_keys=True) as running:
        yield running
