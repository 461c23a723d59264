"""A primary fails, its replica takes over, the old one returns as standby: awbridge resumes without losing data."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tests.e2e.pushing import Pusher, pushing, ready, stored
from tests.support.postgres import PostgresServer, free_port, postgres_server, standby_of
from tests.support.processes import Running, bridge_environment, running

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

SOON = 3.0  # seconds after a new primary accepts writes


def both(one: PostgresServer, other: PostgresServer, database: str) -> str:
    return f"postgresql://awbridge@127.0.0.1:{one.port},127.0.0.1:{other.port}/{database}"


async def turn_over(old: PostgresServer, new: PostgresServer, bridge: Running, pusher: Pusher) -> None:
    """The primary stops, its standby takes over, and the old primary becomes its standby."""
    old.stop_fast()
    await asyncio.sleep(0.5)
    assert await asyncio.to_thread(ready, bridge) == 503, "no host accepts writes"
    await asyncio.to_thread(new.promote)
    promoted_at = time.monotonic()
    assert await pusher.until_taken(promoted_at) < SOON
    await asyncio.to_thread(old.follow, new)
    back_at = time.monotonic()
    assert await pusher.until_taken(back_at) < SOON
    assert await asyncio.to_thread(ready, bridge) == 200
    await asyncio.sleep(1)


async def test_a_new_primary_is_found_automatically_and_no_accepted_webhook_is_lost(tmp_path: Path) -> None:
    with postgres_server() as one, standby_of(one) as other:
        url = await one.new_database()
        hosts = both(one, other, url.rpartition("/")[2])
        port = free_port()
        with running(["serve"], bridge_environment(hosts, "http://127.0.0.1:9", port), tmp_path, port) as bridge:
            async with pushing(bridge) as pusher:
                await pusher.until_taken(time.monotonic())
                assert ready(bridge) == 200
                await turn_over(one, other, bridge, pusher)
                # And back, past a host that is a standby, listed first.
                await turn_over(other, one, bridge, pusher)
        assert pusher.refused, "without a primary a delivery cannot be stored"
        assert pusher.slowest < 2, "a refusal comes before ClickPost gives up"
        assert set(pusher.acknowledged) - await stored(hosts) == set()
