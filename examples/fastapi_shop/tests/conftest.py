"""An empty shop for each test: on SQLite, or on the PostgreSQL database of SHOP_DATABASE_URL, beside awbridge."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.schema import CreateSchema

from shop.app import app
from shop.models import Base
from shop.settings import Settings

SECRET = "whsec_c2hvcHMgdGVzdHMgc2hhcmUgdGhpcyBzZWNyZXQ="
URL = os.environ.get("SHOP_DATABASE_URL", "")
ON_POSTGRESQL = URL.startswith("postgresql://")
TRANSPORTER = "Delhivery Surface"
_ready: list[str] = []


def awbridge(*arguments: str) -> None:
    """Run a command of awbridge on the database of the tests."""
    env = {**os.environ, "AWBRIDGE_DATABASE_URL": f"{URL}?options=-c%20search_path%3Dawbridge"}
    subprocess.run([sys.executable, "-m", "awbridge", *arguments], env=env, check=True, capture_output=True)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """A client of the running application, on empty tables. `client.portal.call` runs a coroutine in its event loop."""
    url = URL if ON_POSTGRESQL else f"sqlite:///{tmp_path}/shop.sqlite3"
    app.state.settings = Settings(database_url=url, shipping_webhook_secret=SECRET, transporter=TRANSPORTER)

    async def in_database(work: object) -> None:
        async with app.state.sessions.kw["bind"].begin() as connection:
            await connection.run_sync(work)

    with TestClient(app) as client:
        assert client.portal
        client.portal.call(in_database, Base.metadata.create_all)
        if ON_POSTGRESQL and not _ready:
            client.portal.call(in_database, lambda c: c.execute(CreateSchema("awbridge", if_not_exists=True)))
            awbridge("migrate")
            awbridge("couriers", "add", TRANSPORTER, "--courier-partner-id", "4")
            _ready.append("awbridge's tables, with a courier account")
        yield client
        client.portal.call(in_database, Base.metadata.drop_all)
