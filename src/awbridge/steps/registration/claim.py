"""Claims due shipments for push, by courier account.

An account that nothing limits is neither locked nor written: any number of processes claim its shipments at once, and
the statement that takes them looks once more whether it is still unlimited. An account with an incident, a ramp or a
rate limit counts its shipments. It is locked while it is served, and only if it has turns.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from msgspec import Struct

from awbridge.domain.couriers.account_throttle import (
    AccountState,
    Due,
    after_claim,
    during_downtime,
    shares,
    still_allowed,
)
from awbridge.domain.couriers.downtime import down_now
from awbridge.domain.orders.shipment import Shipment
from awbridge.steps.registration.verdict import PushPolicy
from awbridge.store import Store
from awbridge.store.couriers import accounts, downtimes
from awbridge.store.couriers.accounts import DueAccount
from awbridge.store.engine.database import Session
from awbridge.store.registration import dispatch


class Claimed(Struct, frozen=True, kw_only=True, gc=False):
    """A shipment under a lease of `owner` that ends at `until`. `probe`: its account has an incident."""

    shipment: Shipment
    owner: str
    until: datetime
    probe: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    """The accounts that are served in one claim: by key, how many shipments of each, in the order of their turns.

    `limited` accounts must be locked for it. `down` ones are in a downtime and do not know of the ramp after it.
    """

    unlimited: Mapping[str, int]
    limited: Mapping[str, int]
    down: Collection[str]
    urgent: Collection[str]


@dataclass(kw_only=True, eq=False)
class Claims:
    """The claims of one process, which remembers when it served each unlimited account, to take turns."""

    store: Store
    policy: PushPolicy
    _served: dict[str, datetime] = field(default_factory=dict[str, datetime], init=False)
    _overall_exists: bool = field(default=False, init=False)

    async def take(
        self, *, now: datetime, free: int, in_use: Mapping[str, int]
    ) -> AsyncGenerator[Sequence[Claimed], None]:
        """Claim up to `free` due shipments; `in_use` counts those of each account that are in flight here.

        Each item was claimed in one transaction. Raises StoreError.
        """
        choice = await self._choose(now, free, in_use)
        if choice.unlimited:
            yield await self._take_unlimited(choice, now)
        if choice.limited or choice.down:
            yield await self._take_limited(choice, now)

    async def _choose(self, now: datetime, free: int, in_use: Mapping[str, int]) -> _Choice:
        """Deal the turns by what the accounts look like, without a lock."""
        rate = self.policy.rate_per_second
        async with self.store.read() as session:
            due = await accounts.due(session, now=now)
            declared = await downtimes.open_ones(session, now=now) if due else []
            overall = (await accounts.states(session, [accounts.OVERALL])).get(accounts.OVERALL) if rate else None
        down = down_now(declared, {a.account: a.courier_partner_id for a in due}, now)
        turns = shares(
            [Due(state=self._as_served(a), urgent=a.urgent) for a in due],
            now=now,
            policy=self.policy.throttle,
            free=free,
            in_use=in_use,
            down=down,
            overall=replace(overall, rate_per_second=rate) if overall else None,
        )
        counted = {a.account for a in due if rate or not a.state.is_unlimited}
        return _Choice(
            unlimited={key: number for key, number in turns.items() if key not in counted},
            limited={key: number for key, number in turns.items() if key in counted},
            down={a.account for a in due if a.account in down and not a.knows_of_ramp},
            urgent={a.account for a in due if a.urgent},
        )

    def _as_served(self, due: DueAccount) -> AccountState:
        here, anywhere = self._served.get(due.account), due.state.served_at
        return replace(due.state, served_at=max(filter(None, (here, anywhere)), default=None))

    async def _take_unlimited(self, choice: _Choice, now: datetime) -> Sequence[Claimed]:
        owner, until = uuid.uuid4().hex, now + self.policy.lease
        async with self.store.write() as session:
            taken = await dispatch.claim(
                session, choice.unlimited, choice.urgent, owner=owner, now=now, until=until, locked=False
            )
        self._served |= dict.fromkeys((s.account for s in taken), now)
        return [Claimed(shipment=s, owner=owner, until=until, probe=False) for s in taken]

    async def _take_limited(self, choice: _Choice, now: datetime) -> Sequence[Claimed]:
        """Whatever the states looked like, what is counted is what they are under the lock."""
        owner, until, policy = uuid.uuid4().hex, now + self.policy.lease, self.policy.throttle
        async with self.store.write() as session:
            states = await self._lock(session, {*choice.limited, *choice.down})
            overall = states.pop(accounts.OVERALL, None)
            turns = still_allowed(choice.limited, states, now=now, policy=policy, overall=overall)
            taken = await dispatch.claim(session, turns, choice.urgent, owner=owner, now=now, until=until)
            numbers = Counter(s.account for s in taken)
            after = {key: after_claim(states[key], number, now, policy) for key, number in numbers.items()}
            after |= {key: during_downtime(states[key]) for key in choice.down if key in states}
            if overall and taken:
                after[accounts.OVERALL] = after_claim(overall, len(taken), now, policy)
            before = {**states, accounts.OVERALL: overall}
            await accounts.save(session, [after[key] for key in sorted(after) if after[key] != before[key]])
        return [Claimed(shipment=s, owner=owner, until=until, probe=states[s.account].has_incident) for s in taken]

    async def _lock(self, session: Session, keys: Collection[str]) -> dict[str, AccountState]:
        rate = self.policy.rate_per_second
        if not rate:
            return await accounts.lock(session, keys)
        if not self._overall_exists:
            # Before any row is locked: another process that creates it may wait for such a row.
            await accounts.make_overall(session)
        states = await accounts.lock(session, [accounts.OVERALL, *keys])
        self._overall_exists = True
        states[accounts.OVERALL] = replace(states[accounts.OVERALL], rate_per_second=rate)
        return states
