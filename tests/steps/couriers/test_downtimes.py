"""An incident is ended by hand, once, for one account."""

from __future__ import annotations

from datetime import timedelta

import pytest

from awbridge.domain.errors import NotFound, NotPossible
from awbridge.steps.couriers.downtimes import reset_account
from awbridge.store import Store
from awbridge.store.couriers import accounts
from tests.support.rows import T0, add, sql
from tests.support.world import SetClock


async def reset(store: Store, code: str | None = "main") -> None:
    await reset_account(store=store, clock=SetClock(), courier_partner_id=4, account_code=code)


async def test_an_account_is_reset_once_and_keeps_its_limit(store: Store) -> None:
    await add(store, "R-1")
    async with store.write() as session:
        await accounts.set_rate(session, 4, "main", 2.0)
        await session.execute(sql("UPDATE account_states SET incident = 'account', problem = 'key', probe_at = $1"), T0)
    await reset(store)
    async with store.read() as session:
        assert await accounts.held(session, now=T0) == {}
        (account,) = await accounts.every(session)
    assert (account.state.ramp, account.state.ramp_left, account.state.rate_per_second) == (1, 1, 2.0)
    with pytest.raises(NotPossible):
        await reset(store)
    with pytest.raises(NotFound):
        await reset(store, "other")


async def test_a_requested_pause_is_ended_too(store: Store) -> None:
    await add(store, "R-1")
    async with store.write() as session:
        await session.execute(sql("UPDATE account_states SET rest_until_at = $1"), T0 + timedelta(minutes=5))
    await reset(store)
    async with store.read() as session:
        assert (await accounts.every(session))[0].state.rest_until_at is None
