"""A shop in Flask: `flask --app shop run`. Settings are variables that begin with SHOP_."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

from shop import commands, views, webhooks
from shop.models import engine_url


def create_app(settings: Mapping[str, Any] | None = None) -> Flask:
    """The application. `settings` take precedence over the variables."""
    app = Flask(__name__)
    app.config.from_mapping(
        DATABASE_URL="sqlite:///shop.sqlite3",
        # awbridge: the schema with its tables, empty where it has another database; then the address of its API.
        SHIPPING_SCHEMA="awbridge",
        SHIPPING_API="http://127.0.0.1:8000",
        SHIPPING_API_KEY="",
        SHIPPING_WEBHOOK_SECRET="",
        TRANSPORTER="Delhivery Surface",
    )
    app.config.from_prefixed_env("SHOP", loads=str)
    app.config.from_mapping(settings or {})
    engine = create_engine(engine_url(app.config["DATABASE_URL"]))
    app.extensions["sessions"] = sessionmaker(engine)
    app.register_blueprint(views.pages)
    app.register_blueprint(webhooks.hooks)
    app.cli.add_command(commands.create_tables)
    app.cli.add_command(commands.send_orders)
    return app
