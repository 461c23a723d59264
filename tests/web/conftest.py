"""The store of tests/store/stores.py in place of the general one, and the app on it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from awbridge.store import Store
from tests.store.stores import store, store_url
from tests.web.app import Web, web_on

__all__ = ["store", "store_url", "web"]


@pytest.fixture
async def web(store: Store) -> AsyncIterator[Web]:
    """The app, called from loopback, with the webhook key `right`."""
    async with web_on(store) as running:
        yield running
