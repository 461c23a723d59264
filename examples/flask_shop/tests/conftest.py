"""An empty shop for each test: on SQLite, or on the PostgreSQL database of SHOP_DATABASE_URL, beside awbridge."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import create_engine
from sqlalchemy.schema import CreateSchema

from shop import create_app
from shop.models import Base, engine_url, sessions

SECRET = "whsec_c2hvcHMgdGVzdHMgc2hhcmUgdGhpcyBzZWNyZXQ="
URL = os.environ.get("SHOP_DATABASE_URL", "")
ON_POSTGRESQL = URL.startswith("postgresql://")


def awbridge(*arguments: str) -> None:
    """Run a command of awbridge on the database of the tests."""
    env = {**os.environ, "AWBRIDGE_DATABASE_URL": f"{URL}?options=-c%20search_path%3Dawbridge"}
    subprocess.run([sys.executable, "-m", "awbridge", *arguments], env=env, check=True, capture_output=True)


@pytest.fixture(scope="session")
def with_awbridge() -> None:
    """awbridge's tables, with a courier account. On SQLite there is nothing to add."""
    if ON_POSTGRESQL:
        engine = create_engine(engine_url(URL))
        with engine.begin() as connection:
            connection.execute(CreateSchema("awbridge", if_not_exists=True))
        engine.dispose()
        awbridge("migrate")
        awbridge("couriers", "add", "Delhivery Surface", "--courier-partner-id", "4")


@pytest.fixture
def app(with_awbridge: None, tmp_path: Path) -> Iterator[Flask]:
    settings = {"SHIPPING_WEBHOOK_SECRET": SECRET}
    if not ON_POSTGRESQL:
        settings["DATABASE_URL"] = f"sqlite:///{tmp_path}/shop.sqlite3"
    app = create_app(settings)
    with app.app_context():
        engine = sessions().kw["bind"]
        Base.metadata.create_all(engine)
        yield app
        Base.metadata.drop_all(engine)
        engine.dispose()
