"""The shop's settings, from variables that begin with SHOP_."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Each is the variable of its name: `database_url` is SHOP_DATABASE_URL."""

    database_url: str = "sqlite:///shop.sqlite3"
    # awbridge: the schema with its tables, empty where it has another database; then the address of its API.
    shipping_schema: str = "awbridge"
    shipping_api: str = "http://127.0.0.1:8000"
    shipping_api_key: str = ""
    shipping_webhook_secret: str = ""
    transporter: str = "Delhivery Surface"

    @classmethod
    def from_environment(cls) -> Settings:
        given = {field.name: os.environ.get(f"SHOP_{field.name.upper()}") for field in fields(cls)}
        return cls(**{name: value for name, value in given.items() if value is not None})
