"""API keys: made and revoked on the page, in the API and by commands."""

from __future__ import annotations

from dataclasses import dataclass, field

from awbridge.domain.errors import NotFound, NotPossible, NotValid
from awbridge.domain.people.actor import current_actor
from awbridge.domain.people.audited import AuditAction
from awbridge.domain.people.credentials import digest
from awbridge.domain.people.role import Role
from awbridge.steps.people.tokens import new_api_key
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.people import api_keys, audit_log
from awbridge.store.people.api_keys import ApiKey

LONGEST_NAME = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key that was just made. `secret` is shown once; only its SHA-256 is stored."""

    key: ApiKey
    secret: str = field(repr=False)


async def add_key(*, store: Store, clock: Clock, name: str, role: Role) -> NewKey:
    """Make a key of a program. Raises NotValid for a name that is none, NotPossible where an accepted key has it."""
    shown = " ".join(name.split())
    if not shown or len(shown) > LONGEST_NAME or not shown.isprintable():
        raise NotValid(f"name the program that uses the key, in at most {LONGEST_NAME} characters")
    secret, actor = new_api_key(), current_actor()
    async with store.write() as session:
        if await api_keys.is_named(session, shown):
            raise NotPossible(f"a key is named {shown} already: revoke that one, or choose another name")
        by = actor.label if actor else "unknown"
        key = await api_keys.add(session, shown, role, sha256=digest(secret), created_by=by, now=clock())
        after = {"role": role, "id": key.id}
        await audit_log.record(session, AuditAction.KEY_ADDED, shown, after=after, now=clock())
    return NewKey(key=key, secret=secret)


async def revoke_key(*, store: Store, clock: Clock, key_id: int) -> ApiKey:
    """Accept a key no more; every process follows within seconds. Raises NotFound. Revoking twice changes nothing."""
    async with store.write() as session:
        key = await api_keys.get(session, key_id)
        if key is None:
            raise NotFound(f"there is no API key {key_id}")
        if await api_keys.revoke(session, key_id, now=clock()):
            before = {"role": key.role, "id": key.id}
            await audit_log.record(session, AuditAction.KEY_REVOKED, key.name, before=before, now=clock())
        return await api_keys.get(session, key_id) or key


async def every_key(store: Store) -> list[ApiKey]:
    """All keys, newest first, revoked ones too."""
    async with store.read() as session:
        return await api_keys.every(session)
