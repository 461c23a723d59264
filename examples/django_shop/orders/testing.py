"""Django's test runner, with awbridge's tables in the test database."""

import os
import subprocess
import sys
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db import connection
from django.test.runner import DiscoverRunner


class Runner(DiscoverRunner):
    """Adds awbridge's schema, with a courier account, to the database that Django made. SQLite needs nothing."""

    def setup_databases(self, **kwargs: Any) -> Any:
        made = super().setup_databases(**kwargs)
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f'CREATE SCHEMA IF NOT EXISTS "{settings.SHIPPING_SCHEMA}"')
            awbridge("migrate")
            awbridge("couriers", "add", settings.TRANSPORTER, "--courier-partner-id", "4")
        return made


def awbridge(*arguments: str) -> None:
    """Run a command of awbridge on the test database."""
    env = {**os.environ, "AWBRIDGE_DATABASE_URL": _url()}
    subprocess.run([sys.executable, "-m", "awbridge", *arguments], env=env, check=True, capture_output=True)


def _url() -> str:
    """The test database with awbridge's schema, for awbridge."""
    at = {name: quote(str(value or ""), safe="") for name, value in connection.settings_dict.items()}
    user = f"{at['USER']}:{at['PASSWORD']}" if at["PASSWORD"] else at["USER"]
    schema = quote(f"-c search_path={settings.SHIPPING_SCHEMA}")
    return f"postgresql://{user}@{at['HOST']}:{at['PORT'] or 5432}/{at['NAME']}?options={schema}"
