"""The app on a store."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from awbridge.store import Store
from tests.support.app import Web, web_on


@pytest.fixture
async def web(store: Store) -> AsyncIterator[Web]:
    """The app, called from loopback, with the webhook key `right`."""
    async with web_on(store) as running:
        yield running
