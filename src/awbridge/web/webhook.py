"""POST /webhooks/clickpost: a bare ASGI callable, because this is the path that must never be slow.

200 means: committed in the database. A wrong key is 401 and nothing is stored; a body that is not JSON is 400 and its
bytes are kept for inspection; our own trouble is 503, so that ClickPost tries again.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from datetime import datetime
from typing import Any

import structlog

from awbridge.clickpost.webhooks import webhook_identity
from awbridge.domain.errors import StoreBusy, StoreError
from awbridge.domain.scan import Source
from awbridge.steps.clock import Clock
from awbridge.steps.ingest import Ingest
from awbridge.steps.watch import Refusals
from awbridge.store import Store, webhook_keys
from awbridge.store.inbox import NewDelivery

log = structlog.get_logger()

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PATH = "/webhooks/clickpost"
LARGEST_BODY = 1024 * 1024  # bytes
LOOK_AGAIN = 1.0  # seconds between looks into the database for keys registered meanwhile
STALE = 15.0  # seconds after which stored keys are read anew, so that one taken back is no longer accepted
LOOK_TIMEOUT = 1.0  # seconds that a look may take; ClickPost hangs up after about 2

# `awbridge doctor` tells by these words whether a proxy lets the header through.
REFUSED = {
    webhook_keys.WRONG_KEY: b'{"message":"wrong webhook_key"}',
    webhook_keys.NO_KEY: b'{"message":"no webhook_key came: does a proxy drop headers with an underscore?"}',
}

_JSON = (b"content-type", b"application/json")


class _HungUp(Exception):
    """The caller went away before the body had come whole. There is nothing to keep: ClickPost tries again."""


class KeyRing:
    """The keys that webhooks may carry: from the settings, and those that registration stored."""

    def __init__(self, store: Store, keys: Iterable[str]) -> None:
        self._store = store
        self._configured = frozenset(webhook_keys.digest(key) for key in keys)
        self._digests = self._configured
        self._looked_at = -LOOK_AGAIN
        self._looking = asyncio.Lock()
        self._refreshing: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._digests)

    async def accepts(self, offered: Iterable[str]) -> bool:
        """Whether one of the offered keys is right. Compares in constant time."""
        digests = [webhook_keys.digest(key) for key in offered]
        if self._match(digests):
            self._refresh()
            return True
        if not digests:
            return False
        async with self._looking:  # who comes during a look waits for what it finds
            if time.monotonic() - self._looked_at >= LOOK_AGAIN:
                await self._look()
        return self._match(digests)

    def _refresh(self) -> None:
        """Look beside the path of the delivery when the last look is old: a key taken back is then accepted no more."""
        if time.monotonic() - self._looked_at >= STALE and not self._looking.locked() and not self._refreshing:
            self._refreshing = asyncio.create_task(self._look_quietly())

    async def _look_quietly(self) -> None:
        try:
            async with self._looking:
                await self._look()
        except StoreError:
            pass  # storing the delivery fails too, and says so
        finally:
            self._refreshing = None

    def _match(self, digests: list[str]) -> bool:
        right = False
        for mine in self._digests:
            for theirs in digests:
                right |= hmac.compare_digest(mine, theirs)
        return right

    async def _look(self) -> None:
        try:
            async with asyncio.timeout(LOOK_TIMEOUT), self._store.read() as session:
                self._digests = self._configured | frozenset(await webhook_keys.every(session))
        except TimeoutError:
            raise StoreBusy(f"the webhook keys were not read within {LOOK_TIMEOUT:g} s") from None
        self._looked_at = time.monotonic()


class WebhookEndpoint:
    """The ASGI app of the endpoint. `counts` tells how many deliveries got which answer."""

    def __init__(self, ingest: Ingest, keys: KeyRing, clock: Clock, refusals: Refusals | None = None) -> None:
        self._ingest = ingest
        self._keys = keys
        self._clock = clock
        self._refusals = refusals or Refusals()
        self.counts: dict[int, int] = {}
        self.last_at: datetime | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        status, message = await self._answer(scope, receive)
        self.counts[status] = self.counts.get(status, 0) + 1
        headers = [_JSON, (b"content-length", str(len(message)).encode())]
        if status == 503:
            headers.append((b"retry-after", b"1"))
        if status == 405:
            headers.append((b"allow", b"POST"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": message})

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, bytes]:
        if scope["method"] != "POST":
            return 405, b'{"message":"POST only"}'
        try:
            offered = _offered_keys(scope)
            if not await self._keys.accepts(offered):
                return self._refuse(webhook_keys.WRONG_KEY if offered else webhook_keys.NO_KEY)
            body = await _read(receive)
            if body is None:
                return 413, b'{"message":"a delivery has at most 1 MiB"}'
            return await self._store(body)
        except _HungUp:
            return 400, b'{"message":"the body did not come whole"}'
        except StoreError as error:
            log.warning("webhook.not_stored", problem=str(error))
            return 503, b'{"message":"not stored, try again"}'

    def _refuse(self, reason: str) -> tuple[int, bytes]:
        self._refusals.add(reason, self._clock())
        return 401, REFUSED[reason]

    async def _store(self, body: bytes) -> tuple[int, bytes]:
        now = self._clock()
        self.last_at = now
        try:
            identity = webhook_identity(body)
        except ValueError as error:
            await self._ingest.accept(_not_json(body, now, error))
            return 400, b'{"message":"not JSON; the bytes are kept for inspection"}'
        await self._ingest.accept(NewDelivery(identity, Source.WEBHOOK, body, now))
        return 200, b'{"status":"stored"}'


def _not_json(body: bytes, now: datetime, error: ValueError) -> NewDelivery:
    identity = f"raw:{hashlib.blake2b(body, digest_size=16).hexdigest()}"
    return NewDelivery(identity, Source.WEBHOOK, body, now, problem=f"not JSON: {str(error)[:200]}")


def _offered_keys(scope: Scope) -> list[str]:
    """Keys as ClickPost sends them: header `webhook_key`, `X-Api-Key`, or the last part of the path."""
    offered = [value.decode("latin-1") for name, value in scope["headers"] if name in (b"webhook_key", b"x-api-key")]
    token = scope["path"].removeprefix(PATH).strip("/")
    return [*offered, token] if token else offered


async def _read(receive: Receive) -> bytes | None:
    """The whole body; None when it is too large."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _HungUp
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > LARGEST_BODY:
            return None
        chunks.append(chunk)
        if not message.get("more_body"):
            return b"".join(chunks)
