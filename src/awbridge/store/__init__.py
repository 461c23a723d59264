"""The only SQL: tables, migrations, one module per table. SQLite and PostgreSQL alike."""

from awbridge.store.engine.store import Store

__all__ = ["Store"]
