"""People and keys: the first admin, the last admin, roles, links, and what the audit log says."""

from __future__ import annotations

from typing import Any

import pytest

from awbridge.domain.errors import NotFound, NotPossible, NotValid
from awbridge.domain.people.actor import Actor, ActorKind, acting
from awbridge.domain.people.credentials import clean_login, password_problem
from awbridge.domain.people.role import Role
from awbridge.steps.people import people, sign_in
from awbridge.store import Store
from awbridge.store.people import audit_log
from tests.support.people import PASSWORD, a_person
from tests.support.world import SetClock

ADMIN = Actor(kind=ActorKind.PERSON, name="asha", role=Role.ADMIN, person_id=1)


def world(store: Store) -> dict[str, Any]:
    return {"store": store, "clock": SetClock()}


async def test_the_first_person_is_an_admin_and_the_last_admin_stays(store: Store) -> None:
    with pytest.raises(NotPossible, match="first person must be an admin"):
        await people.add_person(**world(store), login="vikram", role=Role.OPERATOR)
    await people.add_person(**world(store), login="asha", role=Role.ADMIN)
    await people.add_person(**world(store), login="vikram", role=Role.OPERATOR)
    for change in (
        people.disable(**world(store), login="asha"),
        people.set_role(**world(store), login="asha", role=Role.VIEWER),
    ):
        with pytest.raises(NotPossible, match="asha is the only admin"):
            await change
    assert (await people.set_role(**world(store), login="asha", role=Role.ADMIN)).role is Role.ADMIN
    await people.set_role(**world(store), login="vikram", role=Role.ADMIN)
    assert not (await people.disable(**world(store), login="asha")).is_active
    with pytest.raises(NotPossible, match="vikram is the only admin"):
        await people.disable(**world(store), login="vikram")
    assert (await people.enable(**world(store), login="asha")).is_active
    await people.disable(**world(store), login="vikram")


async def test_a_login_is_taken_whatever_its_case(store: Store) -> None:
    invited = await people.add_person(**world(store), login=" Asha@Shop.example", role=Role.ADMIN)
    assert invited.person.login == "asha@shop.example"
    with pytest.raises(NotPossible, match="added before"):
        await people.add_person(**world(store), login="ASHA@shop.EXAMPLE", role=Role.VIEWER)
    assert (
        await people.set_role(**world(store), login="ASHA@shop.example", role=Role.ADMIN)
    ).login == "asha@shop.example"


@pytest.mark.parametrize("login", ["", "  ", "two words", "a" * 201, "a/b", "a\x00b", "<b>", '"'])
async def test_what_is_no_login_is_refused(store: Store, login: str) -> None:
    with pytest.raises(NotValid, match="without spaces"):
        await people.add_person(**world(store), login=login, role=Role.ADMIN)
    with pytest.raises(ValueError, match="without spaces"):
        clean_login(login)


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("short", "at least 12"),
        ("x" * 201, "at most 200"),
        ("abababababab", "easy to guess"),
        ("asha@shop.example", "easy to guess"),
        ("three blind mice", ""),
        ("пароль из слов", ""),
    ],
)
def test_a_password_is_long_and_not_the_name(password: str, problem: str) -> None:
    found = password_problem(password, "asha@shop.example")
    assert problem in found
    assert bool(found) is bool(problem)


async def test_unknown_people_are_not_found(store: Store) -> None:
    for change in (
        people.set_role(**world(store), login="nobody", role=Role.ADMIN),
        people.disable(**world(store), login="nobody"),
        people.enable(**world(store), login="nobody"),
        people.make_link(**world(store), login="nobody"),
        people.end_sessions(**world(store), login="nobody"),
        people.set_password(**world(store), login="nobody", password=PASSWORD),
    ):
        with pytest.raises(NotFound, match="nobody"):
            await change


async def test_disabling_ends_sessions_and_links(store: Store) -> None:
    clock = SetClock()
    await a_person(store, clock, "asha")
    await a_person(store, clock, "vikram", Role.OPERATOR)
    token = await sign_in.sign_in(store=store, clock=clock, login="vikram", password=PASSWORD, device="x")
    link = await people.make_link(store=store, clock=clock, login="vikram")
    assert token
    actor = await sign_in.actor_of(store=store, clock=clock, token=token)
    assert actor
    assert (actor.name, actor.role) == ("vikram", Role.OPERATOR)
    await people.set_role(store=store, clock=clock, login="vikram", role=Role.VIEWER)
    changed = await sign_in.actor_of(store=store, clock=clock, token=token)
    assert changed
    assert changed.role is Role.VIEWER, "from the next request on"
    await people.disable(store=store, clock=clock, login="vikram")
    assert await sign_in.actor_of(store=store, clock=clock, token=token) is None
    with pytest.raises(NotPossible, match="disabled"):
        await people.make_link(store=store, clock=clock, login="vikram")
    await people.enable(store=store, clock=clock, login="vikram")
    with pytest.raises(NotFound):
        await people.person_of_link(store=store, clock=clock, token=link.token)
    assert await sign_in.actor_of(store=store, clock=clock, token=token) is None
    assert await sign_in.sign_in(store=store, clock=clock, login="vikram", password=PASSWORD, device="x")


async def test_the_log_tells_what_was_done_with_people(store: Store) -> None:
    clock = SetClock()
    with acting(ADMIN):
        await people.add_person(store=store, clock=clock, login="asha", role=Role.ADMIN)
        invited = await people.add_person(store=store, clock=clock, login="vikram", role=Role.VIEWER)
        await people.set_role(store=store, clock=clock, login="vikram", role=Role.OPERATOR)
    await people.set_password_by_link(store=store, clock=clock, token=invited.token, password=PASSWORD)
    token = await sign_in.sign_in(store=store, clock=clock, login="vikram", password=PASSWORD, device="x")
    assert token
    assert await sign_in.sign_in(store=store, clock=clock, login="vikram", password="wrong", device="x") is None
    async with store.read() as session:
        entries = await audit_log.page(session, subject="vikram", limit=50)
    assert [(e.actor, e.action, e.before, e.after) for e in reversed(entries)] == [
        ("asha", "person.added", None, {"role": "viewer"}),
        ("asha", "person.role_set", {"role": "viewer"}, {"role": "operator"}),
        ("vikram", "person.password_set", None, {"how": "one-time link", "sessions_ended": 0}),
        ("vikram", "person.signed_in", None, {"with": "password", "role": "operator"}),
    ]
    assert PASSWORD not in str(entries)
    assert token not in str(entries)
