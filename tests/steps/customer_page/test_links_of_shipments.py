"""Links of shipments: revoked, erased, given to shipments of older versions, and what a link opens."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from awbridge.domain.customer_page.links import LinkKeys, TrackLinks, link_id
from awbridge.domain.errors import NotFound, NotPossible
from awbridge.domain.people.actor import Actor, ActorKind, acting
from awbridge.domain.people.role import Role
from awbridge.sinks.folder import Folder
from awbridge.steps.customer_page import link_shipments
from awbridge.steps.customer_page.check_link import LinkFinding, LinkState, check_link
from awbridge.steps.customer_page.revoke_link import revoke_link
from awbridge.steps.privacy.erase import ask_erasure, erase_due
from awbridge.store import Store
from awbridge.store.customer_page import links
from awbridge.store.orders import shipments
from tests.support.rows import MINUTE, T0, add, count, sql
from tests.support.world import SetClock, get

KEYS = LinkKeys(["a key of the tests"])
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


async def opened(store: Store, link: str, *, at: SetClock | None = None) -> LinkFinding:
    return await check_link(store=store, clock=at or SetClock(), keys=KEYS, link=link, valid_for=90 * DAY)


async def forget_links(store: Store) -> None:
    """As an older version stores shipments."""
    async with store.write() as session:
        await session.execute(sql("DELETE FROM track_links"))


async def looked_through(store: Store, clock: SetClock) -> int:
    found = 0
    while done := await link_shipments.link_shipments(store=store, clock=clock):
        found += done
    return found


async def test_a_link_opens_its_shipment_until_it_expires(store: Store) -> None:
    await add(store, "A")
    token = KEYS.token("A")
    finding = LinkFinding(state=LinkState.OPENS, reference_number="A", expires_at=T0 + 90 * DAY)
    for link in (
        token,
        token.upper(),
        f"https://shop.example/track/{token}",
        f"https://shop.example/t/{token}/?lang=hi",
    ):
        assert await opened(store, link) == finding
    assert (await opened(store, token, at=SetClock(T0 + 90 * DAY))).state is LinkState.EXPIRED
    assert await opened(store, KEYS.token("B")) == LinkFinding(state=LinkState.GONE)
    assert await opened(store, LinkKeys(["another key of them"]).token("A")) == LinkFinding(state=LinkState.UNKNOWN)


async def test_a_revoked_link_opens_nothing_and_the_new_one_does(store: Store) -> None:
    await add(store, "A")
    clock = SetClock()
    for generation in (1, 2):
        renewed = await revoke_link(store=store, clock=clock, reference_number="A")
        assert renewed.link_generation == generation
        assert (await opened(store, KEYS.token("A", generation))).state is LinkState.OPENS
        for earlier in range(generation):
            assert (await opened(store, KEYS.token("A", earlier))).state is LinkState.GONE
    assert await count(store, "track_links") == 1
    with pytest.raises(NotFound):
        await revoke_link(store=store, clock=clock, reference_number="B")


async def test_a_revoked_link_stays_closed_even_if_its_row_comes_back(store: Store) -> None:
    """As where the step that links shipments of older versions had read the shipment just before."""
    await add(store, "A")
    await revoke_link(store=store, clock=SetClock(), reference_number="A")
    async with store.write() as session:
        await links.add_many(session, [("A", 0)])
    assert (await opened(store, KEYS.token("A"))).state is LinkState.GONE


async def test_a_link_that_is_revoked_meanwhile_does_not_come_back(store: Store) -> None:
    await add(store, "A")
    stale = await get(store, "A")
    await forget_links(store)
    await revoke_link(store=store, clock=SetClock(), reference_number="A")
    async with store.write() as session:
        await links.add_missing(session, [stale])
        assert await links.find(session, [link_id("A"), link_id("A", 1)]) == {link_id("A", 1): "A"}


async def test_an_erased_shipment_has_no_link_and_gets_none(store: Store, tmp_path: Path) -> None:
    await add(store, "A", "B")
    clock = SetClock()
    async with store.write() as session:
        await shipments.cancel(session, "A", now=T0)
    await ask_erasure(store=store, clock=clock, reference="A")
    await erase_due(store=store, objects=None, reports_in=Folder(tmp_path), clock=clock)
    assert await opened(store, KEYS.token("A")) == LinkFinding(state=LinkState.GONE)
    with pytest.raises(NotPossible, match="erased"):
        await revoke_link(store=store, clock=clock, reference_number="A")
    clock.now += 3 * DAY
    await looked_through(store, clock)
    assert await opened(store, KEYS.token("A")) == LinkFinding(state=LinkState.GONE)
    assert (await opened(store, KEYS.token("B"))).state is LinkState.OPENS


async def test_shipments_of_an_older_version_get_their_links_page_by_page(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_shipments, "BATCH", 3)
    names = [f"R{n}" for n in range(8)]
    for place, name in enumerate(names):
        await add(store, name, now=T0 + place // 2 * MINUTE)  # several at one time
    await revoke_link(store=store, clock=SetClock(), reference_number="R3")
    await forget_links(store)
    clock = SetClock(T0 + 4 * DAY)
    assert await looked_through(store, clock) == 2 * len(names), "each is looked at twice"
    assert await looked_through(store, clock) == 0
    wanted = {link_id(name, int(name == "R3")): name for name in names}
    async with store.read() as session:
        assert await links.find(session, wanted) == wanted
    assert await count(store, "track_links") == len(names)


async def test_what_an_older_version_stores_beside_this_one_has_its_link_within_minutes(store: Store) -> None:
    clock = SetClock(T0 + DAY)
    await add(store, "A")
    await looked_through(store, clock)
    await add(store, "B", now=clock.now)
    await forget_links(store)
    await looked_through(store, clock)
    assert await count(store, "track_links") == 0, "it waits for what is being stored now"
    clock.now += 3 * MINUTE
    await looked_through(store, clock)
    assert (await opened(store, KEYS.token("B"))).state is LinkState.OPENS


async def test_what_was_committed_long_after_it_was_dated_has_its_link_after_a_day(store: Store) -> None:
    clock = SetClock(T0 + HOUR)
    await add(store, "A", now=T0 + HOUR / 2)
    await looked_through(store, clock)
    await add(store, "LATE", now=T0)
    await forget_links(store)
    await looked_through(store, clock)
    assert await count(store, "track_links") == 0
    clock.now += 3 * DAY
    await looked_through(store, clock)
    assert (await opened(store, KEYS.token("LATE"), at=clock)).state is LinkState.OPENS


async def test_who_may_not_see_personal_data_gets_no_link(store: Store) -> None:
    await add(store, "A")
    made = TrackLinks("https://shop.example", KEYS)
    shipment = await get(store, "A")
    for role, shown in ((Role.VIEWER, False), (Role.OPERATOR, True), (Role.ADMIN, True)):
        with acting(Actor(kind=ActorKind.PERSON, name="asha", role=role)):
            assert bool(made.url(shipment)) is bool(made.short_url(shipment)) is shown
