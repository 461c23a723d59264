"""The example shops pass their own tests, alone on SQLite and beside awbridge on PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.postgres import PostgresServer

pytestmark = pytest.mark.heavy

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
COMMANDS = {
    "django_shop": ["manage.py", "test"],
    "fastapi_shop": ["-m", "pytest", "-q", "-p", "no:schemathesis", "-p", "no:asyncio", "-p", "no:cacheprovider"],
    "flask_shop": ["-m", "pytest", "-q", "-p", "no:schemathesis", "-p", "no:asyncio", "-p", "no:cacheprovider"],
}


def run_tests_of(shop: str, **env: str) -> str:
    """What the tests of a shop print."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWBRIDGE_", "SHOP_", "PYTEST"))}
    done = subprocess.run(
        [sys.executable, "-W", "error", *COMMANDS[shop]],
        cwd=EXAMPLES / shop,
        env={**kept, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    printed = done.stdout + done.stderr
    assert done.returncode == 0, printed
    return printed


@pytest.mark.parametrize("shop", COMMANDS)
def test_a_shop_passes_its_tests_on_sqlite(shop: str) -> None:
    run_tests_of(shop, SHOP_DATABASE_URL="sqlite:///not-there.sqlite3")


@pytest.mark.parametrize("shop", COMMANDS)
async def test_a_shop_passes_its_tests_on_postgresql(shop: str, postgres: PostgresServer) -> None:
    url = await postgres.new_database()
    run_tests_of(shop, SHOP_DATABASE_URL=url)
