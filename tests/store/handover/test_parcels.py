"""Which parcels wait for their courier, and that the others are not read."""

from __future__ import annotations

import pytest

from awbridge.domain.tracking.lifecycle import Bucket
from awbridge.store import Store
from awbridge.store.handover import parcels
from tests.steps.tracking.test_mark_stuck import change, hear, placed
from tests.support.rows import MINUTE, T0, fetch


async def waiting(store: Store) -> int:
    async with store.read() as session:
        return sum(account.parcels for account in await parcels.by_account(session, since=T0))


@pytest.mark.parametrize("is_step", [True, False], ids=["as most scans", "as a rare one"])
async def test_a_parcel_waits_until_its_status_leaves_the_first_bucket(store: Store, is_step: bool) -> None:
    await placed(store, "R")
    assert await waiting(store) == 1
    await hear(store, change("R", T0 + MINUTE, Bucket.ORDER_PLACED, is_step=is_step))
    assert await waiting(store) == 1
    await hear(store, change("R", T0 + 2 * MINUTE, Bucket.IN_TRANSIT, is_step=is_step))
    assert (await waiting(store), await fetch(store, "SELECT picked_up FROM shipments")) == (0, [{"picked_up": True}])
    await hear(store, change("R", T0 + MINUTE, Bucket.ORDER_PLACED, is_step=is_step))
    assert await waiting(store) == 1, "as when a status is corrected"


async def test_a_row_of_a_version_without_the_column_is_not_counted_either(store: Store) -> None:
    await placed(store, "R")
    await hear(store, change("R", T0 + MINUTE, Bucket.IN_TRANSIT))
    async with store.write() as session:
        await session.script("UPDATE shipments SET picked_up = NULL")
    assert await waiting(store) == 0
