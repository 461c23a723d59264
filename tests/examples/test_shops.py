"""The example shops pass their own tests, alone on SQLite and beside awbridge on PostgreSQL."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from awbridge.store import Store
from awbridge.store.couriers import couriers
from awbridge.store.couriers.couriers import CourierAccount
from tests.support.app import web_on
from tests.support.postgres import PostgresServer
from tests.support.rows import T0, count

pytestmark = pytest.mark.heavy

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
COMMANDS = {
    "django_shop": ["manage.py", "test"],
    "fastapi_shop": ["-m", "pytest", "-q", "-p", "no:cacheprovider"],
    "flask_shop": ["-m", "pytest", "-q", "-p", "no:cacheprovider"],
}


def run_tests_of(shop: str, **env: str) -> str:
    """What the tests of a shop print."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWBRIDGE_", "SHOP_", "PYTEST"))}
    done = subprocess.run(
        [sys.executable, "-W", "error", *COMMANDS[shop]],
        cwd=EXAMPLES / shop,
        env={**kept, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **env},  # a shop has none of our plugins
        capture_output=True,
        text=True,
        check=False,
    )
    printed = done.stdout + done.stderr
    assert done.returncode == 0, printed
    return printed


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("shop", COMMANDS)
async def test_a_shop_on_sqlite_passes_its_tests_with_a_running_service(store: Store, shop: str) -> None:
    async with store.write() as session:
        await couriers.put(session, [CourierAccount(transporter="Delhivery Surface", courier_partner_id=4)], now=T0)
    async with web_on(store, served=True) as web:
        api = str(web.http.base_url)
        printed = await asyncio.to_thread(
            run_tests_of, shop, SHOP_DATABASE_URL="sqlite:///none.sqlite3", SHOP_SHIPPING_API=api
        )
    assert re.search(r"skipped=3\b|\b[345] skipped", printed), "only what needs PostgreSQL is left out"
    assert await count(store, "shipments") == 1


@pytest.mark.parametrize("shop", COMMANDS)
async def test_a_shop_passes_its_tests_on_postgresql(shop: str, postgres: PostgresServer) -> None:
    url = await postgres.new_database()
    run_tests_of(shop, SHOP_DATABASE_URL=url)
