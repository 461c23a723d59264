"""The app of a shop that prints its labels here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from awbridge.store import Store
from tests.support.app import Web, web_on
from tests.support.labels import FakeFiles, a_fetcher


@dataclass
class Shop:
    """The app, and the files behind the links of labels."""

    web: Web
    files: FakeFiles


@pytest.fixture
async def shop(store: Store) -> AsyncIterator[Shop]:
    """A shop without shipments."""
    files = FakeFiles()
    async with web_on(store, labels=lambda clock: a_fetcher(store, clock, files)) as web:
        yield Shop(web, files)
