"""The driver's errors as those of a store."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import asyncpg

from awbridge.domain.errors import StoreBusy, StoreDeadlock, StoreError

# The server is away, starting, full or restarting: the same request may work later.
AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InvalidCachedStatementError,  # within a transaction: the next one prepares it again
    asyncpg.TargetServerAttributeNotMatched,
)
# The session is not, or no longer, a primary's: a new one is needed, whatever error follows.
READ_ONLY = (asyncpg.ReadOnlySQLTransactionError,)


@contextmanager
def our_errors() -> Generator[None]:
    """The driver's errors become StoreBusy, StoreDeadlock or StoreError."""
    try:
        yield
    except asyncpg.DeadlockDetectedError as error:
        raise StoreDeadlock(f"PostgreSQL: {type(error).__name__}: {error}") from error
    except AWAY as error:
        raise StoreBusy(f"PostgreSQL: {type(error).__name__}: {error}") from error
    except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise StoreBusy(f"PostgreSQL connection: {error}") from error
    except asyncpg.PostgresError as error:
        raise StoreError(f"PostgreSQL: {type(error).__name__}: {error}") from error
