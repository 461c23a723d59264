"""When commits that were acknowledged may be lost, by what PostgreSQL says of itself."""

from __future__ import annotations

import pytest

from awbridge.store import Store
from awbridge.store.engine.detect.standbys import Durability, durability


def server(**values: object) -> Durability:
    plain = {"fsync": True, "synchronous_commit": "on", "names_standbys": False}
    return Durability(**plain | {"standbys": 0, "synchronous": 0, "unseen": 0} | values)  # pyright: ignore


@pytest.mark.parametrize(
    ("values", "in_a_crash", "in_a_failover"),
    [
        ({}, False, False),
        ({"fsync": False}, True, False),
        ({"synchronous_commit": "off"}, True, False),
        ({"standbys": 1}, False, True),
        ({"standbys": 2, "names_standbys": True, "synchronous": 1}, False, False),
        ({"standbys": 1, "names_standbys": True}, False, True),  # it names another one
        ({"standbys": 1, "names_standbys": True, "unseen": 1}, False, False),  # a plain role cannot tell
        ({"standbys": 1, "unseen": 1}, False, True),
        ({"standbys": 1, "names_standbys": True, "synchronous": 1, "synchronous_commit": "local"}, False, True),
        ({"standbys": 1, "names_standbys": True, "synchronous": 1, "synchronous_commit": "off"}, True, True),
    ],
)
def test_what_a_server_may_lose(values: dict[str, object], in_a_crash: bool, in_a_failover: bool) -> None:
    found = server(**values)
    assert (found.crash_loses_commits, found.failover_loses_commits) == (in_a_crash, in_a_failover)


async def test_a_server_alone_has_no_standby_to_lose_anything_in(store: Store) -> None:
    async with store.read() as session:
        found = await durability(session)
    assert (found.standbys, found.failover_loses_commits) == (0, False)
