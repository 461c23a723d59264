"""What can be drilled: each outage by its name, what happens in it, and what it needs of the machine."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from awbridge.rehearsal.outages.servers import find_pgbouncer, find_postgres

FASTER = 360  # retries, holds and probes are so many times as fast as their defaults
VENDOR_DOWN = 3600.0 / FASTER  # seconds
STOPPED_FOR = 10.0  # seconds
CLOCKS_APART = 30.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class OutagePlan:
    """What to drill: `names` in turn, for `minutes`, at least once each, under `per_second` new orders.

    `older` is the code of an older version: a wheel, or a folder with the package awbridge.
    """

    names: tuple[str, ...]
    minutes: float = 10.0
    per_second: float = 6.0
    seed: int = 1
    older: Path | None = None


@dataclass(frozen=True, slots=True)
class Outage:
    """An outage that can be drilled. `lacks` says what the machine or the plan lacks for it, or ""."""

    name: str
    what: str
    lacks: Callable[[OutagePlan], str] = lambda _: ""


def _lacks_pgbouncer(_: OutagePlan) -> str:
    return "" if find_pgbouncer() else "PgBouncer is not installed (Debian: apt-get install pgbouncer)"


def _lacks_older(plan: OutagePlan) -> str:
    if plan.older is None:
        return "no older version: give its wheel, or a folder with its package, with --from"
    return "" if plan.older.exists() else f"{plan.older} does not exist"


def _lacks_small_disk(_: OutagePlan) -> str:
    missing = [name for name in ("unshare", "nsenter") if not shutil.which(name)]
    return f"{' and '.join(missing)} not found: it needs Linux with util-linux" if missing else ""


OUTAGES = (
    Outage(
        "upgrade",
        "all replicas are of an older version (--from) and are replaced one by one; both versions work meanwhile",
        _lacks_older,
    ),
    Outage("kill", "kill -9 of serve or work, at random, three times"),
    Outage("postgres-restart", "PostgreSQL is stopped without a clean shutdown and started at once"),
    Outage("postgres-stop", f"PostgreSQL is stopped for {STOPPED_FOR:g} s"),
    Outage(
        "failover",
        "the primary crashes, its synchronous streaming replica is promoted, a new replica is made of the old",
    ),
    Outage(
        "pooler",
        "one serve and one work go through PgBouncer in transaction mode; every connection of all is cut, one by one",
        _lacks_pgbouncer,
    ),
    Outage("clocks", f"the clocks of one serve and one work are {CLOCKS_APART:g} s ahead of the others'"),
    Outage(
        "disk-full",
        "the disk of PostgreSQL has no space left for some seconds; on a small file system in memory that only the "
        "drill sees (needs root or user namespaces)",
        _lacks_small_disk,
    ),
    Outage(
        "vendor-down",
        f"ClickPost answers 503 for an hour; {VENDOR_DOWN:g} s here, as every delay is 1/{FASTER} of its default",
    ),
    Outage("storm", "webhooks over 48 connections as fast as they are answered, and every earlier one once more"),
)
NAMES = tuple(outage.name for outage in OUTAGES)


def lacking(plan: OutagePlan) -> dict[str, str]:
    """The outages of the plan that cannot be drilled here: name -> what is lacking."""
    if find_postgres() is None:
        missing = "PostgreSQL's server is not installed (Debian: apt-get install postgresql)"
        return dict.fromkeys(plan.names, missing)
    reasons = {outage.name: outage.lacks(plan) for outage in OUTAGES if outage.name in plan.names}
    return {name: reason for name, reason in reasons.items() if reason}
