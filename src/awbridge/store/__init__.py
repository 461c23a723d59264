"""The only SQL: tables, migrations, one module per table. SQLite and PostgreSQL alike."""

from awbridge.store.store import Store

__all__ = ["Store"]
