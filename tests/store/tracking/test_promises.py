from __future__ import annotations

import random
from datetime import timedelta

from awbridge.domain.tracking.promise import Promise, current
from awbridge.store import Store
from awbridge.store.tracking import promises
from tests.support.rows import MINUTE, T0


async def test_the_newest_promise_is_the_current_one(store: Store) -> None:
    dice = random.Random(3)

    def made() -> Promise:
        at = T0 + dice.randrange(3) * MINUTE
        edd = dice.choice(["2026-11-05", "2026-11-06", "soon", "Über morgen"])
        return Promise(edd=edd, stated_at=at, received_at=at + timedelta(hours=dice.randrange(2)), source="webhook")

    for number in range(40):
        async with store.write() as session:
            await promises.add(session, [(f"R{number % 20}", made()) for _ in range(dice.randrange(6))])
    references = [f"R{number}" for number in range(25)]
    async with store.read() as session:
        every = await promises.of_shipments(session, references)
        newest = await promises.newest(session, references)
    assert newest == {reference: current(found) for reference, found in every.items() if found}
    assert 0 < len(newest) < len(references)
