"""Signs people in and out, and finds whose session a token is."""

from __future__ import annotations

import structlog

from awbridge.domain.people.actor import Actor, ActorKind, acting
from awbridge.domain.people.audited import AuditAction
from awbridge.domain.people.credentials import digest
from awbridge.domain.people.role import Role
from awbridge.steps.people.passwords import hash_password, is_outdated, verify_password
from awbridge.steps.people.tokens import new_token
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.engine.database import Session
from awbridge.store.people import audit_log, people, sessions
from awbridge.store.people.people import Person

log = structlog.get_logger()


async def sign_in(*, store: Store, clock: Clock, login: str, password: str, device: str) -> str | None:
    """Sign in with a password: the token of the new session. None for a wrong password, an unknown or disabled name.

    All three take the same time. The caller limits attempts.
    """
    async with store.read() as session:
        person = await people.by_login(session, login)
    usable = person.password_hash if person is not None and person.is_active else None
    if not await verify_password(usable, password):
        log.warning("person.sign_in_refused")
        return None
    assert person is not None
    assert usable is not None
    fresh = await hash_password(password) if is_outdated(usable) else None
    async with store.write() as session:
        if fresh:
            await people.rehash(session, person, fresh)
        return await open_session(session, person, clock=clock, device=device, by="password")


async def open_session(session: Session, person: Person, *, clock: Clock, device: str, by: str) -> str:
    """A new session of a person who has proved who they are; its token. `by`: how."""
    token = new_token()
    await sessions.add(session, digest(token), person.id, device=device, now=clock())
    with acting(_actor(person)):
        await audit_log.record(
            session, AuditAction.PERSON_SIGNED_IN, person.login, after={"with": by, "role": person.role}, now=clock()
        )
    log.info("person.signed_in", role=person.role.value)
    return token


async def sign_out(*, store: Store, clock: Clock, token_sha256: str) -> None:
    """End the session of the current actor."""
    async with store.write() as session:
        found = await sessions.find(session, token_sha256, now=clock())
        if await sessions.end(session, token_sha256) and found:
            await audit_log.record(session, AuditAction.PERSON_SIGNED_OUT, found.login, now=clock())


async def actor_of(*, store: Store, clock: Clock, token: str) -> Actor | None:
    """Whose session a token is; None if it has ended. Its use is recorded every few minutes. Raises StoreError."""
    sha256, now = digest(token), clock()
    async with store.read() as session:
        found = await sessions.find(session, sha256, now=now)
    if found is None:
        return None
    if now - found.seen_at > sessions.SEEN_EVERY:
        async with store.write() as session:
            await sessions.seen(session, sha256, now=now)
    return Actor(
        kind=ActorKind.PERSON, name=found.login, role=Role(found.role), person_id=found.person_id, session=sha256
    )


def _actor(person: Person) -> Actor:
    return Actor(kind=ActorKind.PERSON, name=person.login, role=person.role, person_id=person.id)
