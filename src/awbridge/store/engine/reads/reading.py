"""What the current request reads from: the read replica, or the database itself."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Reading:
    """A request that may read from a replica. `age`: seconds by which what it shows may lag, at its start.

    `replica`: whose requests these are. `changed`: it has written, and reads from the database itself from then on.
    """

    replica: object
    age: float
    changed: bool = False


READING: ContextVar[Reading | None] = ContextVar("reading_from_replica", default=None)


def data_age() -> float | None:
    """By how many seconds what this request shows may lag; None where it reads from the database itself."""
    reading = READING.get()
    return reading.age if reading and not reading.changed else None
