"""What admins do with people, and people with their own password and sessions."""

from __future__ import annotations

from dataclasses import dataclass, field

from awbridge.domain.errors import NotFound, NotPossible, NotValid
from awbridge.domain.people.actor import Actor, ActorKind, acting, current_actor
from awbridge.domain.people.audited import AuditAction
from awbridge.domain.people.credentials import LINK_LASTS, clean_login, digest, password_problem
from awbridge.domain.people.role import Role
from awbridge.steps.people.passwords import hash_password, verify_password
from awbridge.steps.people.tokens import new_token
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.engine.database import Session
from awbridge.store.people import audit_log, people, sessions
from awbridge.store.people.people import Person

_LAST_ADMIN = "{} is the only admin who can sign in: make another person an admin first"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """A person, and the token of the one-time link with which they set their password."""

    person: Person
    token: str = field(repr=False)

    @property
    def path(self) -> str:
        """The path of the link on awbridge's own address."""
        return f"/password/{self.token}"


async def add_person(*, store: Store, clock: Clock, login: str, role: Role) -> Invited:
    """Add a person with a one-time link. The first person must be an admin.

    Raises NotValid for a login that cannot be one, NotPossible where it is taken.
    """
    try:
        name = clean_login(login)
    except ValueError as error:
        raise NotValid(str(error)) from None
    token, now = new_token(), clock()
    async with store.write() as session:
        if role is not Role.ADMIN and not await people.lock_all(session):
            raise NotPossible("the first person must be an admin, who can add the others")
        added = await people.add(session, name, role, link=digest(token), link_ends_at=now + LINK_LASTS, now=now)
        if added is None:
            raise NotPossible(f"{name} was added before; see the list of people")
        await audit_log.record(session, AuditAction.PERSON_ADDED, name, after={"role": role}, now=now)
    return Invited(person=added, token=token)


async def set_role(*, store: Store, clock: Clock, login: str, role: Role) -> Person:
    """Give a person another role, from their next request on. Raises NotFound, NotPossible for the last admin."""
    async with store.write() as session:
        person = await _locked(session, login, keeps_admin=role is Role.ADMIN)
        await people.set_role(session, person.id, role, now=clock())
        before, after = {"role": person.role}, {"role": role}
        await audit_log.record(
            session, AuditAction.PERSON_ROLE_SET, person.login, before=before, after=after, now=clock()
        )
        return await _known(session, login)


async def disable(*, store: Store, clock: Clock, login: str) -> Person:
    """Let a person sign in no more, and end their sessions. Raises NotFound, NotPossible for the last admin."""
    async with store.write() as session:
        person = await _locked(session, login, keeps_admin=False)
        await people.set_disabled(session, person.id, disabled=True, now=clock())
        ended = await sessions.end_of_person(session, person.id)
        await audit_log.record(
            session, AuditAction.PERSON_DISABLED, person.login, after={"sessions_ended": ended}, now=clock()
        )
        return await _known(session, login)


async def enable(*, store: Store, clock: Clock, login: str) -> Person:
    """Let a disabled person sign in again, with the password that they had. Raises NotFound."""
    async with store.write() as session:
        person = await _known(session, login)
        await people.set_disabled(session, person.id, disabled=False, now=clock())
        await audit_log.record(session, AuditAction.PERSON_ENABLED, person.login, now=clock())
        return await _known(session, login)


async def make_link(*, store: Store, clock: Clock, login: str) -> Invited:
    """A one-time link with which a person sets a new password; it replaces an earlier link. Their password stays valid
    until then. Raises NotFound, NotPossible for a disabled person.
    """
    token, now = new_token(), clock()
    async with store.write() as session:
        person = await _known(session, login)
        if not person.is_active:
            raise NotPossible(f"{login} is disabled: enable them first")
        await people.set_link(session, person.id, digest(token), ends_at=now + LINK_LASTS, now=now)
        await audit_log.record(session, AuditAction.PERSON_LINK_MADE, person.login, now=now)
    return Invited(person=person, token=token)


async def person_of_link(*, store: Store, clock: Clock, token: str) -> Person:
    """Whose one-time link this is. Raises NotFound if it was used, was replaced, or has expired."""
    async with store.read() as session:
        return await _of_link(session, token, clock)


async def set_password_by_link(*, store: Store, clock: Clock, token: str, password: str) -> Person:
    """Set a password with a one-time link, which ends; so do the person's sessions. Raises NotFound, NotValid."""
    person = await person_of_link(store=store, clock=clock, token=token)
    hashed = await _hashed(password, person)
    async with store.write() as session:
        person = await _of_link(session, token, clock)
        with acting(Actor(kind=ActorKind.PERSON, name=person.login, role=person.role, person_id=person.id)):
            await _store_password(session, person, hashed, clock, how="one-time link")
    return person


async def set_password(*, store: Store, clock: Clock, login: str, password: str) -> None:
    """Set a person's password on a command's request; their sessions end. Raises NotFound, NotValid."""
    async with store.read() as session:
        person = await _known(session, login)
    hashed = await _hashed(password, person)
    async with store.write() as session:
        await _store_password(session, person, hashed, clock, how="set by another")


async def change_own_password(*, store: Store, clock: Clock, person_id: int, old: str, new: str) -> None:
    """Change one's own password; all other sessions end. Raises NotValid for a wrong old or a weak new one."""
    async with store.read() as session:
        person = await people.get(session, person_id)
    if person is None or not await verify_password(person.password_hash, old):
        raise NotValid("The present password is wrong.")
    hashed = await _hashed(new, person)
    async with store.write() as session:
        await _store_password(session, person, hashed, clock, how="changed")


async def end_sessions(*, store: Store, clock: Clock, login: str, but: str = "") -> int:
    """End a person's sessions, but for the one whose token has the SHA-256 `but`; how many ended. Raises NotFound."""
    async with store.write() as session:
        person = await _known(session, login)
        ended = await sessions.end_of_person(session, person.id, but=but)
        await audit_log.record(
            session, AuditAction.PERSON_SESSIONS_ENDED, person.login, after={"sessions_ended": ended}, now=clock()
        )
    return ended


async def _store_password(session: Session, person: Person, hashed: str, clock: Clock, *, how: str) -> None:
    actor = current_actor()
    await people.set_password(session, person.id, hashed, now=clock())
    ended = await sessions.end_of_person(session, person.id, but=actor.session if actor else "")
    after = {"how": how, "sessions_ended": ended}
    await audit_log.record(session, AuditAction.PERSON_PASSWORD_SET, person.login, after=after, now=clock())


async def _hashed(password: str, person: Person) -> str:
    if problem := password_problem(password, person.login):
        raise NotValid(problem)
    return await hash_password(password)


async def _of_link(session: Session, token: str, clock: Clock) -> Person:
    person = await people.by_link(session, digest(token))
    if person is None or not person.is_active or person.link_ends_at is None or person.link_ends_at <= clock():
        raise NotFound("This link was used, was replaced, or has expired. Ask an admin for a new one.")
    return person


async def _known(session: Session, login: str) -> Person:
    person = await people.by_login(session, login.strip().casefold())
    if person is None:
        raise NotFound(f"there is no person {login}")
    return person


async def _locked(session: Session, login: str, *, keeps_admin: bool) -> Person:
    """The person, with all people locked. Raises NotPossible if no active admin would remain."""
    everyone = await people.lock_all(session)
    person = await _known(session, login)
    others = [p for p in everyone if p.id != person.id and p.is_active and p.role is Role.ADMIN]
    if person.is_active and person.role is Role.ADMIN and not keeps_admin and not others:
        raise NotPossible(_LAST_ADMIN.format(person.login))
    return person
