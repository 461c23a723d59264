"""The stages of growth, and which one a need takes; docs/how-to/deploy/capacity.md lists their limits. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import ceil

from awbridge.domain.capacity.measured import Engine

GB = 1_000_000_000
SQLITE_BYTES = 100 * GB  # a backup and a restore copy the whole file
SQLITE_CORES = 1  # one process answers webhooks and does all steps
SERVER_BYTES = 1_000 * GB  # restored from a backup within hours; most of what is open fits into memory
SERVER_CORES = 8
LARGEST_BYTES = 8_000 * GB
LARGEST_CORES = 64
SERVERS_BY_HAND = 6  # so many are still looked after one by one


class Stage(StrEnum):
    """A stage of growth."""

    SQLITE = "one machine with SQLite"
    POSTGRES = "one PostgreSQL"
    REPLICAS = "a bigger PostgreSQL, with read replicas for pages and exports"
    SERVERS = "accounts over several servers"
    CITUS = "Citus by schema"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What decides the stage. `busy`: the share of a core that may be busy."""

    engine: Engine
    bytes: int
    own_cores: float
    server_cores: float
    busy: float
    accounts: int


def stage_of(need: Need) -> tuple[Stage, str]:
    """The first stage that holds a need, and why no earlier one does."""
    own, server = need.own_cores / need.busy, need.server_cores / need.busy
    if need.engine is Engine.SQLITE:
        if over := _over(need.bytes, SQLITE_BYTES, own, SQLITE_CORES):
            return Stage.POSTGRES, f"{over} for one file and one process; estimate again with --database postgres"
        return Stage.SQLITE, "one file and one process hold it"
    if not (over := _over(need.bytes, SERVER_BYTES, server, SERVER_CORES)):
        return Stage.POSTGRES, "one server of usual size holds it"
    servers = max(ceil(need.bytes / LARGEST_BYTES), ceil(server / LARGEST_CORES))
    if servers == 1:
        return Stage.REPLICAS, f"{over} for a server of usual size"
    over = _over(need.bytes, LARGEST_BYTES, server, LARGEST_CORES)
    if need.accounts < servers:
        return Stage.SERVERS, (
            f"{over} for one server, and an account is never split: it takes {servers} servers, so at least so many "
            "accounts, or fewer days of retention"
        )
    if servers <= SERVERS_BY_HAND:
        return Stage.SERVERS, f"{over} for one server: it takes {servers}"
    return Stage.CITUS, f"{over} for one server: it takes {servers}, more than are looked after one by one"


def _over(size: int, most_bytes: int, cores: float, most_cores: int) -> str:
    """What exceeds a limit; "" if nothing does."""
    found: list[str] = []
    if size > most_bytes:
        found.append(f"{size / GB:,.0f} GB are more than {most_bytes / GB:,.0f}")
    if cores > most_cores:
        found.append(f"{cores:,.1f} cores are more than {most_cores}")
    return " and ".join(found)
