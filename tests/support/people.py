"""People, their sessions and keys for tests."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from argon2 import PasswordHasher

from awbridge.domain.people.role import Role
from awbridge.steps.people import keys, passwords, people
from awbridge.store import Store
from awbridge.store.people import people as table
from tests.support.app import Web
from tests.support.pages import OUR_FORM
from tests.support.world import SetClock

PASSWORD = "three blind mice"


async def a_person(store: Store, clock: Any, login: str, role: Role = Role.ADMIN) -> None:
    """A person who can sign in with PASSWORD."""
    invited = await people.add_person(store=store, clock=clock, login=login, role=role)
    async with store.write() as session:
        await table.set_password(session, invited.person.id, await passwords.hash_password(PASSWORD), now=clock())


async def people_of_each_role(store: Store, clock: Any) -> None:
    """`admin`, `operator` and `viewer`, who can sign in with PASSWORD."""
    for role in (Role.ADMIN, Role.OPERATOR, Role.VIEWER):
        await a_person(store, clock, role.value, role)


async def a_key(store: Store, clock: SetClock, role: Role, name: str = "") -> str:
    """The secret of a new API key with this role."""
    made = await keys.add_key(store=store, clock=clock, name=name or f"key of a {role}", role=role)
    return made.secret


async def sign_in(
    web: Web, login: str, password: str = PASSWORD, *, address: str = "127.0.0.1", next_page: str = "/"
) -> httpx2.Response:
    """The answer to a sign-in. The client keeps the cookie."""
    fields = {"login": login, "password": password, "next": next_page}
    if address == "127.0.0.1":
        return await web.http.post("/sign-in", headers=OUR_FORM, data=fields)
    async with web.client(address) as client:
        return await client.post("/sign-in", headers=OUR_FORM, data=fields)


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are hashed with the least work. Import this where people sign in."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    passwords._decoy_hash.cache_clear()  # pyright: ignore[reportPrivateUsage]
