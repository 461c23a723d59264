"""The customer's page, on SQLite."""

from tests.support.stores import store_url_of_web

__all__ = ["store_url_of_web"]
