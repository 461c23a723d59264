"""What rows and work were measured to take: the constants of the estimate. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Engine(StrEnum):
    """The database."""

    SQLITE = "sqlite"
    POSTGRES = "postgres"


class Work(StrEnum):
    """Work whose processor time was measured."""

    INTAKE = "intake"
    """An order is stored."""
    PUSH = "push"
    """An order is registered with ClickPost, and the call recorded."""
    RECEIVE = "receive"
    """A webhook is read and answered, without its row."""
    STORE = "store"
    """The row of a webhook is stored, 64 to a commit."""
    APPLY = "apply"
    """A webhook is applied."""
    LIST = "updated-order"
    """An item of updated-order is fetched and stored."""
    APPLY_LISTED = "apply updated-order"
    """Such an item is applied. Usually its scan is known."""
    POLL = "track-order"
    """A parcel is polled, five to a call, and its timeline stored."""
    APPLY_POLLED = "apply track-order"
    """Such a timeline is applied. Usually all of its scans are known."""
    EVENT = "event"
    """An event is delivered to one subscriber."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowBytes:
    """Bytes of one row: in its table, with what does not fit into a page, and in all indexes of the table."""

    table: float
    indexes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkTime:
    """Microseconds of processor time: of awbridge, and of the database server (0 for SQLite, which runs within)."""

    own: float
    server: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineFigures:
    """What was measured on one database. `empty`: bytes of a database without rows. `rows`: by kind of row."""

    empty: float
    rows: Mapping[str, RowBytes]
    work: Mapping[Work, WorkTime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The constants.

    `day`, `machine`: when they were measured, on what. `scans`: of a parcel in that run. `waybills`, `milestones`:
    rows of a parcel. `repeated`: the share of polled items that are stored; others repeat the one before.
    `updates`: rows of update_sources for each stored item of polling. `promises`, `events`: rows for each scan.
    """

    day: str
    machine: str
    scans: float
    waybills: float
    milestones: float
    stored_items: float
    updates: float
    promises: float
    events: float
    engines: Mapping[Engine, EngineFigures]


def read_measured(found: Mapping[str, Any]) -> Measured:
    """The constants from a table of TOML. Raises KeyError, TypeError or ValueError where something is missing."""
    shares = found["rows_of_a_parcel"]
    return Measured(
        day=str(found["about"]["day"]),
        machine=str(found["about"]["machine"]),
        engines={engine: _engine(found[engine.value]) for engine in Engine},
        **{name: float(shares[name]) for name in _SHARES},
    )


_SHARES = ("scans", "waybills", "milestones", "stored_items", "updates", "promises", "events")


def _engine(found: Mapping[str, Any]) -> EngineFigures:
    rows = {kind: RowBytes(table=float(b["table"]), indexes=float(b["indexes"])) for kind, b in found["bytes"].items()}
    missing = [kind for kind in KINDS if kind not in rows]
    if missing:
        raise ValueError(f"no bytes of {', '.join(missing)}")
    work = {kind: _work(found["microseconds"][kind.value]) for kind in Work}
    return EngineFigures(empty=float(found["empty"]), rows=rows, work=work)


def _work(found: Mapping[str, Any]) -> WorkTime:
    return WorkTime(own=float(found["own"]), server=float(found["server"]))


KINDS = (
    *("shipments", "waybills", "track_links", "milestones", "attempts", "scans", "promises"),
    *("inbox.webhook", "inbox.updated_order", "inbox.track_order", "update_sources"),
    *("events", "event_deliveries", "notices"),
)
"""The kinds of rows that grow with parcels. Of every other table there are few rows."""
