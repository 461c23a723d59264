"""The table `account_states`: the state of each courier account that has shipments, and which accounts are held."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from awbridge.domain.couriers.account_throttle import AccountState
from awbridge.domain.couriers.downtime import down_now
from awbridge.domain.orders.shipment import NO_COURIER, account_key
from awbridge.domain.people.audited import AuditAction
from awbridge.store.couriers import downtimes
from awbridge.store.engine.database import Session, row_as
from awbridge.store.engine.queries import Queries
from awbridge.store.people import audit_log

_sql = Queries(__name__)
_SAVED = tuple(f.name for f in fields(AccountState) if f.name != "rate_per_second")  # which an operator sets
OVERALL = "*"  # the row that carries the limit over all accounts


@dataclass(frozen=True, slots=True, kw_only=True)
class DueAccount:
    """An account with shipments that are due, and its state, which others may change meanwhile."""

    courier_partner_id: int
    urgent: bool
    state: AccountState

    @property
    def account(self) -> str:
        """Its key."""
        return self.state.account

    @property
    def knows_of_ramp(self) -> bool:
        """Whether a ramp follows already, whatever holds the account."""
        return self.state.has_incident or (self.state.ramp, self.state.ramp_left) == (1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A courier account that has or had shipments, and its state."""

    courier_partner_id: int
    account_code: str | None
    state: AccountState


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Why the shipments of an account do not go out now. `kind`: account, breaker or downtime."""

    kind: str
    problem: str
    until: datetime | None


async def ensure(session: Session, accounts: Iterable[tuple[int, str | None]]) -> None:
    """Make the rows of these (courier partner, account code) that have none yet. NO_COURIER is no account."""
    keyed = {account_key(courier, code): (courier, code) for courier, code in accounts if courier != NO_COURIER}
    if keyed:
        await session.write_rows(_sql.ensure, [(key, *keyed[key]) for key in sorted(keyed)])


async def make_overall(session: Session) -> None:
    """Make the row that carries the limit over all accounts."""
    await session.write_rows(_sql.ensure, [(OVERALL, 0, None)])


async def due(session: Session, *, now: datetime) -> list[DueAccount]:
    """The accounts with due shipments, without those whose incident allows none yet."""
    return [
        DueAccount(
            courier_partner_id=row["courier_partner_id"],
            urgent=row["urgent_at"] is not None,
            state=row_as(AccountState, row),
        )
        for row in await session.fetch(_sql.due, now)
    ]


async def states(session: Session, accounts: Collection[str]) -> dict[str, AccountState]:
    """These accounts, not locked: others may change them meanwhile."""
    return {row["account"]: row_as(AccountState, row) for row in await session.fetch(_sql.states, list(accounts))}


async def still_work(session: Session, accounts: Collection[str], *, now: datetime) -> None:
    """Note that calls of these accounts succeeded now. Never waits: where another changes the account, that counts."""
    if accounts:
        await session.execute(_sql.still_works, sorted(accounts), now)


async def lock(session: Session, accounts: Collection[str]) -> dict[str, AccountState]:
    """These accounts, locked until the transaction ends."""
    return {row["account"]: row_as(AccountState, row) for row in await session.fetch(_sql.lock, sorted(accounts))}


async def save(session: Session, states: Sequence[AccountState]) -> None:
    """Store the states of these accounts. Their rate limits stay unchanged."""
    await session.write_rows(_sql.save, [tuple(getattr(s, name) for name in _SAVED) for s in states])


async def every(session: Session) -> list[Account]:
    """Every account that has or had shipments."""
    return [row_as(Account, row, state=row_as(AccountState, row)) for row in await session.fetch(_sql.all)]


async def set_rate(
    session: Session, courier_partner_id: int, account_code: str | None, rate_per_second: float | None
) -> None:
    """Limit how many shipments of an account go out a second; None lifts the limit."""
    await ensure(session, [(courier_partner_id, account_code)])
    account = account_key(courier_partner_id, account_code)
    rates = {a.state.account: a.state.rate_per_second for a in await every(session)}
    await session.execute(_sql.set_rate, account, rate_per_second)
    before, after = {"rate_per_second": rates.get(account)}, {"rate_per_second": rate_per_second}
    await audit_log.record(session, AuditAction.RATE_SET, account, before=before, after=after)


async def held(session: Session, *, now: datetime) -> dict[str, Held]:
    """The accounts whose shipments are held now, by key, and why."""
    states = {a.state.account: a for a in await every(session)}
    down = down_now(
        await downtimes.open_ones(session, now=now), {key: a.courier_partner_id for key, a in states.items()}, now
    )
    found = {
        key: Held(kind=a.state.incident.value, problem=a.state.problem or "", until=a.state.probe_at)
        for key, a in states.items()
        if a.state.has_incident
    }
    for key, window in down.items():
        reason = f": {window.reason}" if window.reason else ""
        found[key] = Held(kind="downtime", problem=f"declared downtime{reason}", until=window.until)
    return found


async def count_unplaced(session: Session, accounts: Collection[str]) -> dict[str, dict[str, int]]:
    """How many shipments of these accounts wait to be placed: account -> state -> number."""
    counts: dict[str, dict[str, int]] = {}
    if accounts:
        for row in await session.fetch(_sql.unplaced, sorted(accounts)):
            counts.setdefault(row["account"], {})[row["state"]] = row["shipments"]
    return counts


def held_numbers(counts: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Account -> how many of its shipments wait to be placed."""
    return {account: sum(by_state.values()) for account, by_state in counts.items()}
