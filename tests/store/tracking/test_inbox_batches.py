"""New deliveries are due by the batch in which they were stored, and their own rows are left alone."""

from __future__ import annotations

import pytest

from awbridge.store import Store
from awbridge.store.audit import figures
from awbridge.store.privacy import retention
from awbridge.store.tracking import inbox
from tests.support.rows import MINUTE, T0, count, delivery, fetch, sql


async def put(store: Store, *identities: str) -> None:
    async with store.write() as session:
        await inbox.add(session, [delivery(identity) for identity in identities])


async def take(store: Store, limit: int = 100) -> list[str]:
    """Claim and apply."""
    async with store.write() as session:
        taken = await inbox.claim(session, now=T0, limit=limit)
        await inbox.applied(session, [(one, None, 1) for one in taken], now=T0)
    return [one.identity for one in taken]


async def test_a_delivery_is_taken_once_and_a_copy_is_none(store: Store) -> None:
    await put(store, "a", "b")
    await put(store, "b", "c", "c")
    assert sorted(await take(store)) == ["a", "b", "c"]
    await put(store, "a", "b")
    assert await take(store) == []
    assert await count(store, "inbox_batches") == 0


@pytest.mark.parametrize("limit", [1, 7, 64, 100])
async def test_as_many_are_taken_as_asked_for_and_none_is_lost(store: Store, limit: int) -> None:
    names = [f"osid:{10**11 + number}" for number in range(150)]
    await put(store, *names)
    taken: list[str] = []
    while some := await take(store, limit):
        assert len(some) == min(limit, len(names) - len(taken))
        taken += some
    assert taken == names


async def test_no_batch_is_taken_apart_where_nearly_as_many_are_enough(store: Store) -> None:
    for first in (0, 100, 200):  # 100 of a commit are in two or three batches
        await put(store, *(f"osid:{10**11 + first + number}" for number in range(100)))
    whole = {row["first_id"] for row in await fetch(store, "SELECT first_id FROM inbox_batches")}
    sizes: list[int] = []
    while True:
        async with store.write() as session:
            taken = await inbox.claim(session, now=T0, limit=128, enough=96)
        if not taken:
            break
        sizes.append(len(taken))
        left = {row["first_id"] for row in await fetch(store, "SELECT first_id FROM inbox_batches")}
        assert left <= whole or len(taken) == 128, "only what is too much is put back"
    assert sum(sizes) == 300
    assert min(sizes[:-1]) >= 96


async def test_a_batch_is_of_64_at_most(store: Store) -> None:
    await put(store, *(f"osid:{10**11 + number}" for number in range(500)))
    sizes = [row["deliveries"] for row in await fetch(store, "SELECT deliveries FROM inbox_batches")]
    assert sum(sizes) == 500
    assert max(sizes) <= 64


async def test_what_an_applier_does_not_commit_is_due_again(store: Store) -> None:
    await put(store, "a", "b")

    async def fail() -> None:
        async with store.write() as session:
            assert len(await inbox.claim(session, now=T0, limit=1)) == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert sorted(await take(store)) == ["a", "b"]


async def test_ids_of_another_process_in_between_are_no_part_of_a_batch(store: Store) -> None:
    await put(store, "osid:1", "osid:2")
    async with store.write() as session:
        between = "UPDATE inbox SET id = (SELECT MIN(first_id) FROM inbox_batches) + 1 WHERE identity = 'osid:2'"
        await session.execute(sql(between))
    assert await take(store) == ["osid:1"]


async def test_what_is_settled_meanwhile_or_cannot_be_read_is_not_taken(store: Store) -> None:
    async with store.write() as session:
        await inbox.add(session, [delivery("test"), delivery("raw:1", problem="not JSON"), delivery("fine")])
        await inbox.settle(session, "test", now=T0)
    assert await take(store) == ["fine"]


async def test_what_is_settled_while_it_is_applied_waits_for_no_shipment(store: Store) -> None:
    await put(store, "test")
    async with store.write() as session:
        [test] = await inbox.claim(session, now=T0, limit=9)
        await inbox.settle(session, "test", now=T0)
        await inbox.wait(session, test, key="w:1", until=T0 + MINUTE)
    assert await fetch(store, "SELECT due_at, applied_at, waiting_for FROM inbox") == [
        {"due_at": None, "applied_at": T0, "waiting_for": None}
    ]


async def test_deliveries_that_an_older_version_stored_are_taken_too(store: Store) -> None:
    await put(store, "older", "newer")
    async with store.write() as session:
        await session.execute(sql("DELETE FROM inbox_batches"))
        await session.execute(sql("UPDATE inbox SET due_at = $1 WHERE identity = 'older'"), T0)
    await put(store, "newest")
    assert await take(store) == ["older", "newest"]
    assert await take(store) == []


async def test_only_what_has_more_to_say_is_written_to_its_row(store: Store) -> None:
    await put(store, "plain", "partly")
    async with store.write() as session:
        taken = await inbox.claim(session, now=T0, limit=9)
        problems = {"plain": None, "partly": "a part of it"}
        await inbox.applied(session, [(one, problems[one.identity], 1) for one in taken], now=T0)
    found = {row["identity"]: row["applied_at"] for row in await fetch(store, "SELECT identity, applied_at FROM inbox")}
    assert found == {"plain": None, "partly": T0}


async def applied_before(store: Store) -> dict[str, bool]:
    async with store.write() as session:
        await session.execute(sql("UPDATE inbox SET due_at = $1"), T0)
        return {one.identity: one.again for one in await inbox.claim(session, now=T0, limit=9)}


async def test_whether_one_was_applied_before_is_known_from_what_it_updated(store: Store) -> None:
    await put(store, "updated", "new")
    async with store.write() as session:
        [updated] = [one for one in await inbox.claim(session, now=T0, limit=9) if one.identity == "updated"]
        await session.execute(
            sql(
                "INSERT INTO update_sources (shard, reference_number, delivery_id, delivery_shard, entries) "
                "VALUES (1, 'R', $1, $2, '0')"
            ),
            updated.id,
            updated.shard,
        )
    assert await applied_before(store) == {"updated": True, "new": False}


async def test_what_is_due_by_its_batch_is_counted_and_stays(store: Store) -> None:
    await put(store, "applied")
    await take(store)
    async with store.write() as session:
        late = [delivery("first", received_at=T0 + MINUTE), delivery("second", received_at=T0 + 2 * MINUTE)]
        await inbox.add(session, late)
    async with store.read() as session:
        counts = await inbox.counts(session)
        assert (counts["total"], counts["applied"], counts["due"]) == (3, 1, 2)
        assert await inbox.longest_due(session, now=T0) == T0 + MINUTE
        assert (await figures.read(session, now=T0)).inbox["due"] == 2
        settled = [
            row.settled
            for shard in range(64)
            for row in await retention.page(session, retention.INBOX, shard, after=-1, limit=9)
        ]
    assert sorted(settled) == [False, False, True]
