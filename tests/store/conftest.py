"""A store whose plans tell something."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from awbridge.store import Store
from tests.store.filling import fill
from tests.store.stores import migrate, migrated_file
from tests.support.postgres import PostgresServer

_filled: dict[int, str] = {}  # a server's port -> its filled database


async def _filled_url(server: PostgresServer) -> str:
    if server.port not in _filled:
        url = await migrate(await server.new_database())
        await fill(url)
        _filled[server.port] = url
    return _filled[server.port]


@pytest.fixture(params=["sqlite", "postgres"])
async def filled(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """A store to ask for plans. SQLite, which is never analysed, plans the same whatever is in its tables."""
    postgres = request.param == "postgres"
    url = await (_filled_url(request.getfixturevalue("postgres")) if postgres else migrated_file(tmp_path))
    opened = await Store.open(url)
    yield opened
    await opened.close()
