"""The API keys that are accepted, and whether people sign in: read from the database every few seconds.

A check of a key costs no round trip. A key that was just made is found at once, a revoked one works for at most
`STALE_AFTER` seconds more.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import math
import time
from collections.abc import Callable, Mapping, Sequence

from starlette.types import Scope

from awbridge.domain.errors import StoreError
from awbridge.domain.people.actor import CONFIGURED_KEY, Actor, ActorKind
from awbridge.domain.people.credentials import KEY_PREFIX, digest
from awbridge.domain.people.role import Role
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.people import api_keys, people
from awbridge.store.people.api_keys import USED_EVERY, AcceptedKey
from awbridge.web.access.credentials import client_address
from awbridge.web.access.sign_in_limits import SignInLimits
from awbridge.web.key_limiter import WrongKeyLimiter

STALE_AFTER = 5.0  # seconds
LOOKUP_INTERVAL = 1.0  # seconds between reads because of unknown keys


class AccessList:
    """The stored keys, whether people exist, and the limits of sign-ins. `steady` is monotonic, in seconds."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        steady: Callable[[], float] = time.monotonic,
        sign_ins: SignInLimits | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._steady = steady
        self._keys: Mapping[str, AcceptedKey] = {}
        self._people_exist = False
        self._read_at = float("-inf")
        self._was_read = False
        self._reading = asyncio.Lock()
        self.sign_ins = sign_ins or SignInLimits()

    async def people_exist(self) -> bool:
        """Whether a person was added, so that pages ask for a sign-in. Raises StoreError if that was never read."""
        await self._refresh(STALE_AFTER)
        return self._people_exist

    async def is_empty(self) -> bool:
        """Whether there are neither people nor stored keys. Raises StoreError if that was never read."""
        await self._refresh(STALE_AFTER)
        return not self._people_exist and not self._keys

    async def find(self, offered: str) -> AcceptedKey | None:
        """The stored key with this secret. Raises StoreError if the keys were never read."""
        if not offered.startswith(KEY_PREFIX):
            return None  # no key of ours: no reason to read
        sha256 = digest(offered)
        await self._refresh(STALE_AFTER)
        if sha256 not in self._keys:
            await self._refresh(LOOKUP_INTERVAL)
        key = self._keys.get(sha256)
        if key is not None:
            await self._note_use(key)
        return key

    def forget(self) -> None:
        """Read again at the next request: people or keys were changed here."""
        self._read_at = float("-inf")

    async def _refresh(self, stale_after: float) -> None:
        if self._steady() - self._read_at < stale_after:
            return
        async with self._reading:
            if self._steady() - self._read_at < stale_after:
                return
            try:
                async with self._store.read() as session:
                    accepted = await api_keys.accepted(session)
                    self._people_exist = await people.exist(session)
                self._keys = {key.sha256: key for key in accepted}
            except StoreError:
                if not self._was_read:
                    raise
            else:
                self._was_read = True
            self._read_at = self._steady()

    async def _note_use(self, key: AcceptedKey) -> None:
        now = self._clock()
        if key.last_used_at is not None and now - key.last_used_at < USED_EVERY:
            return
        noted = AcceptedKey(id=key.id, name=key.name, role=key.role, sha256=key.sha256, last_used_at=now)
        self._keys = {**self._keys, key.sha256: noted}
        with contextlib.suppress(StoreError):
            async with self._store.write() as session:
                await api_keys.used(session, key.id, now=now)


class Keys:
    """The API keys: those of the settings, which are admins, and stored ones. Limits guesses per client address."""

    def __init__(self, configured: Sequence[str], stored: AccessList, limiter: WrongKeyLimiter | None = None) -> None:
        self._configured = [key.encode() for key in configured]
        self._stored = stored
        self._limiter = limiter or WrongKeyLimiter()

    @property
    def are_configured(self) -> bool:
        """Whether the settings name a key."""
        return bool(self._configured)

    async def without_keys_and_people(self) -> bool:
        """Whether there are neither keys nor people, so that this machine needs no proof. Raises StoreError."""
        return not self._configured and await self._stored.is_empty()

    async def people_exist(self) -> bool:
        """Whether pages ask for a sign-in. Raises StoreError if that was never read."""
        return await self._stored.people_exist()

    async def actor(self, offered: bytes) -> Actor | None:
        """Whose key this is; None for a wrong one. A key of the settings needs no database. Raises StoreError."""
        if not offered:
            return None
        if self._is_configured(offered):
            return Actor(kind=ActorKind.KEY, name=CONFIGURED_KEY, role=Role.ADMIN)
        key = await self._stored.find(offered.decode("utf-8", "replace"))
        return Actor(kind=ActorKind.KEY, name=key.name, role=key.role) if key else None

    def _is_configured(self, offered: bytes) -> bool:
        """Takes the same time for right and wrong keys."""
        right = False
        for key in self._configured:
            right |= hmac.compare_digest(key, offered)
        return right

    def wait_seconds(self, scope: Scope, offered: bytes, *, right: bool) -> int:
        """Whole seconds until a key of this caller is accepted; 0 if it is now, or if none was sent."""
        return math.ceil(self._limiter.count(client_address(scope), right=right)) if offered else 0
