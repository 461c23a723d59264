"""API keys with roles: what each may do, how soon a change counts, and what a check costs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from awbridge.domain.errors import StoreBusy
from awbridge.domain.people.role import Role
from awbridge.steps.people import keys
from awbridge.store import Store
from awbridge.store.engine.database import Session
from awbridge.store.people import api_keys
from awbridge.web.access.access_list import LOOKUP_INTERVAL, STALE_AFTER, AccessList
from tests.support.app import Web, problem, web_on
from tests.support.people import a_key, a_person, sign_in
from tests.support.rows import add, fetch
from tests.support.stores import sqlite_only
from tests.support.world import SetClock, webhook

pytestmark = pytest.mark.heavy


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (Role.VIEWER, {"read"}),
        (Role.OPERATOR, {"read", "work"}),
        (Role.ADMIN, {"read", "work", "set up"}),
    ],
)
async def test_a_key_may_do_what_its_role_covers(store: Store, role: Role, allowed: set[str]) -> None:
    async with web_on(store) as web:
        await add(store, "R")
        headers = bearer(await a_key(store, web.clock, role))
        answers = {
            "read": await web.http.get("/v1/shipments/R", headers=headers),
            "work": await web.http.post("/v1/shipments/R/cancel", headers=headers),
            "set up": await web.http.post("/v1/keys", headers=headers, json={"name": "x", "role": "admin"}),
        }
        for kind, answer in answers.items():
            assert answer.is_success is (kind in allowed), (kind, answer.text)
            if kind not in allowed:
                assert "needs the role" in problem(answer, 403)["detail"]
    state = (await fetch(store, "SELECT state FROM shipments"))[0]["state"]
    assert (state == "cancelled") is ("work" in allowed)


async def test_once_a_key_is_stored_every_caller_needs_one(store: Store) -> None:
    async with web_on(store) as web:
        assert (await web.http.get("/v1/shipments")).status_code == 200
        made = await web.http.post("/v1/keys", json={"name": "order system", "role": "admin"})
        assert made.status_code == 201
        assert (await web.http.get("/v1/shipments")).status_code == 401
        assert (await web.http.get("/v1/shipments", headers=bearer(made.json()["secret"]))).status_code == 200
        assert (await web.http.get("/")).status_code == 401, "pages ask for a key too, while nobody was added"
        assert (await web.http.get("/", auth=("x", made.json()["secret"]))).status_code == 200


async def test_a_revoked_key_is_refused_at_once_here(store: Store) -> None:
    async with web_on(store, api_keys=["first"]) as web:
        secret = await a_key(store, web.clock, Role.VIEWER)
        assert (await web.http.get("/v1/shipments", headers=bearer(secret))).status_code == 200
        (listed,) = (await web.http.get("/v1/keys", headers=bearer("first"))).json()
        assert secret not in str(listed)
        assert listed["last_used_at"]
        answer = await web.http.delete(f"/v1/keys/{listed['id']}", headers=bearer("first"))
        assert answer.status_code == 204
        assert (await web.http.get("/v1/shipments", headers=bearer(secret))).status_code == 401
        assert (await web.http.delete("/v1/keys/7", headers=bearer("first"))).status_code == 404


async def test_only_the_hash_of_a_key_is_stored(store: Store) -> None:
    secret = await a_key(store, SetClock(), Role.VIEWER)
    assert secret.startswith("awbridge_")
    assert len(secret) > 40
    assert secret not in str(await fetch(store, "SELECT * FROM api_keys"))


async def test_a_name_is_used_by_one_accepted_key(store: Store) -> None:
    async with web_on(store, api_keys=["first"]) as web:
        body = {"name": "order  system", "role": "operator"}
        made = await web.http.post("/v1/keys", headers=bearer("first"), json=body)
        assert made.json()["name"] == "order system"
        assert (await web.http.post("/v1/keys", headers=bearer("first"), json=body)).status_code == 409
        await web.http.delete(f"/v1/keys/{made.json()['id']}", headers=bearer("first"))
        assert (await web.http.post("/v1/keys", headers=bearer("first"), json=body)).status_code == 201
        for wrong in ({"name": "  ", "role": "viewer"}, {"name": "x", "role": "boss"}, {"name": "x"}):
            assert (await web.http.post("/v1/keys", headers=bearer("first"), json=wrong)).status_code == 422


class CountingStore:
    """A store that counts reads, and fails on request."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.reads = 0
        self.fails = False

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Session]:
        self.reads += 1
        if self.fails:
            raise StoreBusy("away")
        async with self._store.read() as session:
            yield session

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class Listed:
    """An access list with a clock of its own."""

    def __init__(self, store: Store) -> None:
        self.store = CountingStore(store)
        self.now = 0.0
        self.list = AccessList(self.store, SetClock(), steady=lambda: self.now)  # pyright: ignore


@pytest.fixture
def listed(store: Store) -> Listed:
    return Listed(store)


@sqlite_only
async def test_a_thousand_checks_cost_one_read(store: Store, listed: Listed) -> None:
    secret = await a_key(store, SetClock(), Role.VIEWER)
    for _ in range(1000):
        assert await listed.list.find(secret)
        assert await listed.list.find("a key of another system") is None
        assert not await listed.list.people_exist()
        listed.now += STALE_AFTER / 2000
    assert listed.store.reads == 1


@sqlite_only
async def test_another_process_refuses_a_revoked_key_after_seconds(store: Store, listed: Listed) -> None:
    secret = await a_key(store, SetClock(), Role.VIEWER)
    found = await listed.list.find(secret)
    assert found
    await keys.revoke_key(store=store, clock=SetClock(), key_id=found.id)
    listed.now += STALE_AFTER - 0.1
    assert await listed.list.find(secret)
    listed.now += 0.2
    assert await listed.list.find(secret) is None


@sqlite_only
async def test_a_new_key_works_at_once_and_unknown_ones_cost_a_read_a_second(store: Store, listed: Listed) -> None:
    assert not await listed.list.people_exist()
    listed.now += LOOKUP_INTERVAL + 0.1
    secret = await a_key(store, SetClock(), Role.VIEWER)
    assert await listed.list.find(secret)
    before = listed.store.reads
    for n in range(100):
        assert await listed.list.find(f"awbridge_{n}") is None
    assert listed.store.reads == before


@sqlite_only
async def test_while_the_database_is_away_known_keys_still_count(store: Store, listed: Listed) -> None:
    listed.store.fails = True
    with pytest.raises(StoreBusy):
        await listed.list.people_exist()
    listed.store.fails = False
    secret = await a_key(store, SetClock(), Role.VIEWER)
    assert await listed.list.find(secret)
    listed.store.fails = True
    listed.now += 100
    assert await listed.list.find(secret)


async def test_the_last_use_is_written_once_an_hour(store: Store) -> None:
    clock = SetClock()
    access = AccessList(store, clock)
    secret = await a_key(store, clock, Role.VIEWER)
    times: list[Any] = []
    for _ in range(5):
        assert await access.find(secret)
        times += [key.last_used_at for key in await keys.every_key(store)]
        clock.forward(minutes=20)
    assert len(set(times)) == 2


class Untouchable:
    """An access list that nobody may ask."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


async def test_a_webhook_asks_neither_keys_nor_people(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async with web_on(store) as web:
        await a_person(store, web.clock, "asha")
        for name in ("find", "people_exist", "is_empty", "forget"):
            monkeypatch.setattr(AccessList, name, Untouchable())
        body = webhook("AWB1", 4, web.clock())
        answer = await web.http.post("/webhooks/clickpost", json=body, headers={"webhook_key": "right"})
        assert answer.status_code == 200


async def test_a_key_of_the_settings_needs_no_database(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async with web_on(store, api_keys=["first"]) as web:
        monkeypatch.setattr(api_keys, "accepted", Untouchable())
        for headers, status in ((bearer("first"), 200), (bearer("wrong"), 401), ({}, 401)):
            assert (await web.http.get("/v1/shipments", headers=headers)).status_code == status


async def test_an_api_without_its_database_answers_503(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(_session: Session) -> Any:
        raise StoreBusy("away")

    monkeypatch.setattr(api_keys, "accepted", away)
    async with web_on(store) as web:
        assert problem(await web.http.get("/v1/shipments"), 503)["title"] == "The database is busy"
        page = await web.http.get("/")
        assert (page.status_code, page.headers["retry-after"]) == (503, "1")
        assert (await web.http.get("/healthz")).status_code == 200


async def test_neither_a_session_nor_basic_opens_the_api(web: Web) -> None:
    await a_person(web.store, web.clock, "asha")
    assert (await sign_in(web, "asha")).status_code == 303
    assert (await web.http.get("/")).status_code == 200
    assert (await web.http.get("/v1/shipments")).status_code == 401
    secret = await a_key(web.store, web.clock, Role.ADMIN)
    assert (await web.http.get("/v1/shipments", auth=("x", secret))).status_code == 401
