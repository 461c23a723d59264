"""POST /webhooks/clickpost: who may, what is answered. Nothing of a framework, because this must never be slow.

Most deliveries are answered where their bytes are read (protocol.py), by `hand_in`; all that is out of the ordinary
comes as a request of ASGI.

200 means: committed in the database. A wrong key is 401 and nothing is stored; a body that is not JSON is 400 and its
bytes are kept for inspection; our own trouble is 503, so that ClickPost tries again.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import structlog

from awbridge.clickpost.client.probe import PROBE_PREFIX
from awbridge.clickpost.tracking.webhooks import USUAL_HEADER, offered_keys, webhook_identity
from awbridge.domain.errors import StoreBusy, StoreError
from awbridge.domain.tracking.scan import Source
from awbridge.steps.polling.watch import WebhookRefusals
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.tracking.ingest import CAPACITY_BYTES, TIMEOUT, Caller, Ingest
from awbridge.store import Store
from awbridge.store.polling import webhook_keys
from awbridge.store.tracking.inbox import NewDelivery

log = structlog.get_logger()

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = Iterable[tuple[bytes, bytes]]  # names in small letters

PATH = "/webhooks/clickpost"
LARGEST_BODY = 1024 * 1024  # bytes
LOOKS_APART = 0.05  # seconds between looks into the database for unknown keys: what a flood of wrong ones may cost
STALE = 15.0  # seconds after which stored keys are read anew, so that one taken back is no longer accepted
LOOK_TIMEOUT = 0.8  # seconds that a look may take; ClickPost hangs up after about 2

# `awbridge doctor` tells by these words whether a proxy lets the header through. One that drops it may well add an
# Authorization of its own.
WRONG_ELSEWHERE = "wrong_elsewhere"
REFUSED = {
    webhook_keys.WRONG_KEY: b'{"message":"wrong webhook_key"}',
    WRONG_ELSEWHERE: b'{"message":"no webhook_key came, and the key in another header or the address is wrong"}',
    webhook_keys.NO_KEY: b'{"message":"no webhook_key came: does a proxy drop headers with an underscore?"}',
}

REPORT_EVERY = 1.0  # seconds between lines in the log about deliveries that were not stored


@dataclass(frozen=True, eq=False)  # no slots, no __eq__: it is a key of dictionaries by which it is
class WebhookResponse:
    """An answer; made once, sent often."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes


def _answer(status: int, body: bytes, *more: tuple[bytes, bytes]) -> WebhookResponse:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *more]
    return WebhookResponse(status, headers, body)


_STORED = _answer(200, b'{"status":"stored"}')
_NOT_JSON = _answer(400, b'{"message":"not JSON; the bytes are kept for inspection"}')
_NOT_WHOLE = _answer(400, b'{"message":"the body did not come whole"}')
_REFUSED = {reason: _answer(401, said) for reason, said in REFUSED.items()}
_POST_ONLY = _answer(405, b'{"message":"POST only"}', (b"allow", b"POST"))
_TOO_LARGE = _answer(413, b'{"message":"a delivery has at most 1 MiB"}')
_NOT_STORED = _answer(503, b'{"message":"not stored, try again"}', (b"retry-after", b"1"))


class _HungUp(Exception):
    """The caller went away before the body had come whole. There is nothing to keep: ClickPost tries again."""


_digest = lru_cache(maxsize=64)(webhook_keys.digest)  # ClickPost sends the same one every time


class KeyRing:
    """The keys that webhooks may carry: from the settings, and those that registration stored.

    A key is refused only by a look into the database that began after the delivery came: one that was stored a moment
    ago is accepted, whoever came with wrong ones meanwhile. All that come before a look begins share it.
    """

    def __init__(self, store: Store, keys: Iterable[str]) -> None:
        self._store = store
        self._configured = frozenset(webhook_keys.digest(key) for key in keys)
        self._digests = self._configured
        self._begun_at = self._looked_at = float("-inf")
        self._problem = ""
        self._looking = asyncio.Lock()
        self._refreshing: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._digests)

    def knows(self, offered: Iterable[str]) -> bool:
        """Whether one of the offered keys is right, as far as known. Compares in constant time."""
        right = self._match([_digest(key) for key in offered])
        if right:
            self._refresh()
        return right

    async def accepts(self, offered: Iterable[str]) -> bool:
        """The same, but what is not known is looked for in the database. Raises StoreBusy when that fails."""
        digests = [webhook_keys.digest(key) for key in offered]
        if self._match(digests):
            return True
        if not digests:
            return False
        came_at = time.monotonic()
        async with self._looking:
            if not self._match(digests) and not self._is_answered(came_at):
                await asyncio.sleep(max(self._begun_at + LOOKS_APART - time.monotonic(), 0.0))
                await self._look()
        if self._match(digests):
            return True
        if self._problem:
            raise StoreBusy(self._problem)
        return False

    def _is_answered(self, came_at: float) -> bool:
        """Whether the last look holds for who came then: it began later, or it failed later."""
        return self._begun_at >= came_at or (bool(self._problem) and self._looked_at >= came_at)

    def _refresh(self) -> None:
        """Look beside the path of the delivery when the last look is old: a key taken back is then accepted no more."""
        if time.monotonic() - self._looked_at >= STALE and not self._looking.locked() and not self._refreshing:
            self._refreshing = asyncio.create_task(self._look_beside())

    async def _look_beside(self) -> None:
        try:
            async with self._looking:
                await self._look()
        finally:
            self._refreshing = None

    def _match(self, digests: list[str]) -> bool:
        right = False
        for mine in self._digests:
            for theirs in digests:
                right |= hmac.compare_digest(mine, theirs)
        return right

    async def _look(self) -> None:
        self._begun_at = time.monotonic()
        self._problem = ""
        try:
            async with asyncio.timeout(LOOK_TIMEOUT), self._store.read() as session:
                self._digests = self._configured | frozenset(await webhook_keys.every(session))
        except TimeoutError:
            self._problem = f"the webhook keys were not read within {LOOK_TIMEOUT:g} s"
        except StoreError as error:
            self._problem = f"the webhook keys were not read: {error}"
        self._looked_at = time.monotonic()


class WebhookEndpoint:
    """The ASGI app of the endpoint. `counts` tells how many deliveries got which answer."""

    def __init__(self, ingest: Ingest, keys: KeyRing, clock: Clock, refusals: WebhookRefusals | None = None) -> None:
        self._ingest = ingest
        self._keys = keys
        self._clock = clock
        self._refusals = refusals or WebhookRefusals()
        self.counts: dict[int, int] = {}
        self.last_at: datetime | None = None
        self._being_read = 0  # bytes of bodies that have not come whole
        self._unreported = 0
        self._reported_at = -REPORT_EVERY

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        answer = self._counted(await self._answer(scope, receive))
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": answer.body})

    def hand_in(self, address: str, headers: Headers, body: bytes, caller: Caller) -> bool:
        """Store a delivery that came whole, if it is in order and its key known; the caller is told then.

        `address` is the path, with the query behind it.

        Else return False: it must come as a request of ASGI. Raises StoreBusy where it cannot be taken now.
        """
        if not self._keys.knows(_offered_keys(address, headers)):
            return False
        try:
            identity = webhook_identity(body)
        except ValueError:
            return False
        now = self._clock()
        self._ingest.hand_in(NewDelivery(identity, Source.WEBHOOK, body, now), caller)
        self.last_at = now
        return True

    def stored(self) -> WebhookResponse:
        """The answer for what was handed in and is committed."""
        return self._counted(_STORED)

    def not_stored(self, error: StoreError) -> WebhookResponse:
        """The answer for what was handed in and is not."""
        self._report(error)
        return self._counted(_NOT_STORED)

    def _counted(self, answer: WebhookResponse) -> WebhookResponse:
        self.counts[answer.status] = self.counts.get(answer.status, 0) + 1
        return answer

    async def _answer(self, scope: Scope, receive: Receive) -> WebhookResponse:
        if scope["method"] != "POST":
            return _POST_ONLY
        try:
            query = scope.get("query_string", b"").decode("latin-1")
            offered = _offered_keys(f"{scope['path']}?{query}" if query else scope["path"], scope["headers"])
            if self._keys.knows(offered):
                return await self._take(receive)
            return await self._look_and_take(offered, scope["headers"], receive)
        except _HungUp:
            return _NOT_WHOLE
        except StoreError as error:
            self._report(error)
            return _NOT_STORED

    def _refuse(self, offered: list[str], headers: Headers) -> WebhookResponse:
        reason = webhook_keys.WRONG_KEY if offered else webhook_keys.NO_KEY
        if not any(key.startswith(PROBE_PREFIX) for key in offered):  # else every look of the doctor would be a finding
            self._refusals.add(reason, self._clock())
        elsewhere = offered and not any(name == USUAL_HEADER for name, _ in headers)
        return _REFUSED[WRONG_ELSEWHERE if elsewhere else reason]

    async def _look_and_take(self, offered: list[str], headers: Headers, receive: Receive) -> WebhookResponse:
        started = time.monotonic()
        if not await self._keys.accepts(offered):
            return self._refuse(offered, headers)
        try:
            async with asyncio.timeout(started + TIMEOUT - time.monotonic()):
                return await self._take(receive)
        except TimeoutError:
            raise StoreBusy(f"looking for the key and storing took longer than {TIMEOUT:g} s") from None

    async def _take(self, receive: Receive) -> WebhookResponse:
        self._ingest.check_room()
        body = await self._read(receive)
        if body is None:
            return _TOO_LARGE
        self.last_at = now = self._clock()
        try:
            identity = webhook_identity(body)
        except ValueError as error:
            await self._ingest.accept(_not_json(body, now, error))
            return _NOT_JSON
        await self._ingest.accept(NewDelivery(identity, Source.WEBHOOK, body, now))
        return _STORED

    async def _read(self, receive: Receive) -> bytes | None:
        """The whole body; None when it is too large. Raises StoreBusy when too many are being read."""
        chunks: list[bytes] = []
        size = 0
        try:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _HungUp
                chunk: bytes = message.get("body", b"")
                size += len(chunk)
                self._being_read += len(chunk)
                if size > LARGEST_BODY:
                    return None
                if self._being_read > CAPACITY_BYTES:
                    raise StoreBusy("too many deliveries are being read")
                chunks.append(chunk)
                if not message.get("more_body"):
                    return b"".join(chunks)
        finally:
            self._being_read -= size

    def _report(self, error: StoreError) -> None:
        """In an overload thousands a second are refused; a line for each would be a load of its own."""
        self._unreported += 1
        now = time.monotonic()
        if now - self._reported_at >= REPORT_EVERY:
            log.warning("webhook.not_stored", deliveries=self._unreported, problem=str(error))
            self._unreported = 0
            self._reported_at = now


def _not_json(body: bytes, now: datetime, error: ValueError) -> NewDelivery:
    identity = f"raw:{hashlib.blake2b(body, digest_size=16).hexdigest()}"
    return NewDelivery(identity, Source.WEBHOOK, body, now, problem=f"not JSON: {str(error)[:200]}")


def _offered_keys(address: str, headers: Headers) -> list[str]:
    """Every key that a request brings; none of the address where that is the endpoint's own."""
    if address == PATH:
        return offered_keys("", "", headers)
    path, _, query = address.partition("?")
    return offered_keys(path.removeprefix(PATH), query, headers)
