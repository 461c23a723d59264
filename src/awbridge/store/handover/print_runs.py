"""The tables `print_runs` and `print_lines`: labels that were printed together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from awbridge.domain.handover.labels import Layout
from awbridge.domain.orders.shipment import shard_of
from awbridge.store.engine.database import Session, row_as
from awbridge.store.engine.ids import Ids
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)
_ids = Ids()
_LAST = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintRun:
    """Labels printed together. `problems`: how many of the shipments have no label in it."""

    id: int
    layout: Layout
    shipments: int
    problems: int
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintLine:
    """A shipment of a print run. `problem`: why its label is not in it; `warning`: what to check on paper."""

    reference_number: str
    problem: str | None = None
    warning: str | None = None


async def add(
    session: Session,
    layout: Layout,
    lines: Sequence[PrintLine],
    *,
    accounts: dict[str, str],
    by: str,
    now: datetime,
) -> PrintRun:
    """Store a print run. `accounts`: the courier account of each reference number."""
    run = PrintRun(
        id=_ids.next(),
        layout=layout,
        shipments=len(lines),
        problems=sum(line.problem is not None for line in lines),
        created_at=now,
        created_by=by,
    )
    await session.execute(_sql.add, run.id, layout.value, run.shipments, run.problems, now, by)
    rows = [
        (
            *(shard_of(line.reference_number), line.reference_number, run.id, position),
            *(accounts.get(line.reference_number, ""), line.problem, line.warning, now),
        )
        for position, line in enumerate(lines)
    ]
    await session.write_rows(_sql.add_lines, sorted(rows, key=lambda row: row[:2]))
    return run


async def get(session: Session, run_id: int) -> PrintRun | None:
    """One print run."""
    rows = await session.fetch(_sql.get, run_id)
    return row_as(PrintRun, rows[0]) if rows else None


async def newest(session: Session, *, before: int | None = None, limit: int = 50) -> list[PrintRun]:
    """Print runs, newest first; those before this id."""
    return [row_as(PrintRun, row) for row in await session.fetch(_sql.newest, before or _LAST, limit)]


async def lines(session: Session, run_id: int) -> list[PrintLine]:
    """The shipments of a print run, in their order."""
    return [row_as(PrintLine, row) for row in await session.fetch(_sql.lines, run_id)]


async def accounts_since(session: Session, since: datetime) -> list[str]:
    """The courier accounts of which labels were printed since then."""
    return [row["account"] for row in await session.fetch(_sql.accounts_since, since)]
