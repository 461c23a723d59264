"""Signs people in with an account at the identity provider: those who were added, and those whom the policy admits."""

from __future__ import annotations

from awbridge.domain.errors import NotPossible
from awbridge.domain.people.actor import Actor, ActorKind, acting
from awbridge.domain.people.audited import AuditAction
from awbridge.domain.people.identity import Identity, IdentityPolicy
from awbridge.domain.people.role import Role
from awbridge.steps.people.sign_in import open_session
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.engine.database import Session
from awbridge.store.people import audit_log, people
from awbridge.store.people.people import Person


async def sign_in_identity(
    *, store: Store, clock: Clock, identity: Identity, policy: IdentityPolicy, device: str
) -> str:
    """The token of a new session. Raises NotPossible, saying why this identity may not sign in.

    A person is bound to the first account that signs in with their mail address: an address that the provider gives to
    another account later does not sign in here.
    """
    login = identity.login
    if not login:
        raise NotPossible("Your account at the identity provider has no verified mail address.")
    by_claim = policy.role_by_claim(identity.claims) if policy.role_claim else None
    if policy.role_claim and by_claim is None:
        raise NotPossible("Your account at the identity provider has no role here. Ask an admin.")
    async with store.write() as session:
        person = await people.by_login(session, login)
        if person is None:
            if by_claim is None and not policy.admits(login):
                raise NotPossible(f"{login} may not sign in here. Ask an admin to add you.")
            person = await _added(session, login, by_claim or Role.VIEWER, clock)
        if not person.is_active:
            raise NotPossible(f"{login} may not sign in here. Ask an admin.")
        if person.oidc_subject not in (None, identity.subject):
            raise NotPossible(f"{login} belongs to another account at the identity provider. Ask an admin.")
        await people.bind(session, person.id, identity.subject, now=clock())
        if by_claim is not None and by_claim is not person.role:
            person = await _with_role(session, person, by_claim, clock)
        return await open_session(session, person, clock=clock, device=device, by="identity provider")


async def _added(session: Session, login: str, role: Role, clock: Clock) -> Person:
    person = await people.add(session, login, role, link=None, link_ends_at=None, now=clock())
    person = person or await people.by_login(session, login)  # two sign-ins at once
    assert person is not None
    with acting(Actor(kind=ActorKind.PERSON, name=login, role=role)):
        await audit_log.record(session, AuditAction.PERSON_ADDED, login, after={"role": role}, now=clock())
    return person


async def _with_role(session: Session, person: Person, role: Role, clock: Clock) -> Person:
    await people.set_role(session, person.id, role, now=clock())
    with acting(Actor(kind=ActorKind.PERSON, name=person.login, role=role)):
        sides = {"before": {"role": person.role}, "after": {"role": role}}
        await audit_log.record(session, AuditAction.PERSON_ROLE_SET, person.login, **sides, now=clock())
    found = await people.get(session, person.id)
    assert found is not None
    return found
