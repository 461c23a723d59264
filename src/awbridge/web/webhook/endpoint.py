"""POST /webhooks/clickpost: authorization and responses. No framework, because this path must never be slow.

protocol.py answers most deliveries through `submit`, without ASGI. All others arrive as ASGI requests.

200 means committed in the database. A wrong key is 401, and nothing is stored. A body that is not JSON is 400, and its
bytes are stored for inspection. Internal errors return 503, so that ClickPost retries.
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
from awbridge.clickpost.tracking.webhook_registration import USUAL_HEADERS, offered_keys, webhook_identity
from awbridge.domain.errors import StoreBusy, StoreError
from awbridge.domain.tracking.dead_letter import DeadLetterReason
from awbridge.domain.tracking.scan import Source
from awbridge.steps.polling.watch import WebhookRefusals
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.runtime.meters import ACCOUNT_WEBHOOKS
from awbridge.steps.tracking.ingest import CAPACITY_BYTES, TIMEOUT, Caller, Ingest
from awbridge.store import Store
from awbridge.store.polling import webhook_keys
from awbridge.store.tracking.inbox import NewDelivery

log = structlog.get_logger()

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = Iterable[tuple[bytes, bytes]]  # names in lower case

PATH = "/webhooks/clickpost"
LARGEST_BODY = 1024 * 1024  # bytes
LOOKUP_INTERVAL = 0.05  # seconds between lookups of unknown keys, which bounds the cost of a flood of wrong ones
KEYS_STALE_AFTER = 15.0  # seconds after which the stored keys are read again, so that revoked ones stop working
LOOKUP_TIMEOUT = 0.8  # seconds; ClickPost hangs up after about 2

# `awbridge doctor` recognises by these texts whether a proxy drops the header. Such a proxy may add an Authorization
# header of its own.
WRONG_ELSEWHERE = "wrong_elsewhere"
REFUSED = {
    webhook_keys.WRONG_KEY: b'{"message":"wrong webhook_key"}',
    WRONG_ELSEWHERE: b'{"message":"no webhook_key was sent, and the key in another header or the URL is wrong"}',
    webhook_keys.NO_KEY: b'{"message":"no webhook_key was sent: does a proxy drop headers with an underscore?"}',
}

REPORT_EVERY = 1.0  # seconds between log lines about deliveries that were not stored


def is_webhook(path: str) -> bool:
    """Whether a path is the endpoint's, or has a key below it."""
    return path == PATH or path.startswith(PATH + "/")


@dataclass(frozen=True, eq=False)  # no slots, no __eq__: a dictionary key by identity
class WebhookResponse:
    """A response, created once and sent often."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes


async def send_response(response: WebhookResponse, send: Send) -> None:
    """Send a response as ASGI messages."""
    await send({"type": "http.response.start", "status": response.status, "headers": response.headers})
    await send({"type": "http.response.body", "body": response.body})


def _response(status: int, body: bytes, *headers: tuple[bytes, bytes]) -> WebhookResponse:
    length = (b"content-length", str(len(body)).encode())
    return WebhookResponse(status, [(b"content-type", b"application/json"), length, *headers], body)


_STORED = _response(200, b'{"status":"stored"}')
_NOT_JSON = _response(400, b'{"message":"not JSON; the bytes are stored for inspection"}')
_INCOMPLETE = _response(400, b'{"message":"the body is incomplete"}')
_REFUSED = {reason: _response(401, body) for reason, body in REFUSED.items()}
_POST_ONLY = _response(405, b'{"message":"POST only"}', (b"allow", b"POST"))
_TOO_LARGE = _response(413, b'{"message":"the limit is 1 MiB"}')
_NOT_STORED = _response(503, b'{"message":"not stored, retry"}', (b"retry-after", b"1"))


class _HungUp(Exception):
    """The client disconnected before the body was complete. Nothing is stored: ClickPost retries."""


_digest = lru_cache(maxsize=64)(webhook_keys.digest)  # ClickPost sends the same key every time


class KeyRing:
    """The accepted webhook keys: those of the settings, and those stored by registration.

    A key is refused only after a lookup that began after the delivery arrived, so a key stored a moment ago is accepted
    even during a flood of wrong ones. All deliveries that arrive before a lookup begins share it.
    """

    def __init__(self, store: Store, keys: Iterable[str]) -> None:
        self._store = store
        self._configured = frozenset(webhook_keys.digest(key) for key in keys)
        self._digests = self._configured
        self._lookup_began_at = self._looked_up_at = float("-inf")
        self._problem = ""
        self._lookup_lock = asyncio.Lock()
        self._refreshing: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._digests)

    def contains(self, offered: Iterable[str]) -> bool:
        """Whether one of the offered keys is in memory. Compares in constant time."""
        right = self._match([_digest(key) for key in offered])
        if right:
            self._refresh()
        return right

    async def accepts(self, offered: Iterable[str]) -> bool:
        """Whether one of the offered keys is right. Reads the database if necessary; raises StoreBusy if that fails."""
        digests = [webhook_keys.digest(key) for key in offered]
        if self._match(digests):
            return True
        if not digests:
            return False
        arrived_at = time.monotonic()
        async with self._lookup_lock:
            if not self._match(digests) and not self._is_looked_up(arrived_at):
                await asyncio.sleep(max(self._lookup_began_at + LOOKUP_INTERVAL - time.monotonic(), 0.0))
                await self._look_up()
        if self._match(digests):
            return True
        if self._problem:
            raise StoreBusy(self._problem)
        return False

    def _is_looked_up(self, arrived_at: float) -> bool:
        """Whether the last lookup covers a delivery that arrived then: it began later, or it failed later."""
        return self._lookup_began_at >= arrived_at or (bool(self._problem) and self._looked_up_at >= arrived_at)

    def _refresh(self) -> None:
        """Read the keys in the background if the last lookup is old, so that revoked keys stop working."""
        if (
            time.monotonic() - self._looked_up_at >= KEYS_STALE_AFTER
            and not self._lookup_lock.locked()
            and not self._refreshing
        ):
            self._refreshing = asyncio.create_task(self._look_up_in_background())

    async def _look_up_in_background(self) -> None:
        try:
            async with self._lookup_lock:
                await self._look_up()
        finally:
            self._refreshing = None

    def _match(self, digests: list[str]) -> bool:
        right = False
        for mine in self._digests:
            for theirs in digests:
                right |= hmac.compare_digest(mine, theirs)
        return right

    async def _look_up(self) -> None:
        self._lookup_began_at = time.monotonic()
        self._problem = ""
        try:
            async with asyncio.timeout(LOOKUP_TIMEOUT), self._store.read() as session:
                self._digests = self._configured | frozenset(await webhook_keys.every(session))
        except TimeoutError:
            self._problem = f"the webhook keys were not read within {LOOKUP_TIMEOUT:g} s"
        except StoreError as error:
            self._problem = f"the webhook keys were not read: {error}"
        self._looked_up_at = time.monotonic()


class WebhookEndpoint:
    """The ASGI app of the endpoint. `counts` has the number of deliveries by response status.

    `account`: whose endpoint it is; "" is the home.
    """

    def __init__(
        self,
        ingest: Ingest,
        keys: KeyRing,
        clock: Clock,
        refusals: WebhookRefusals | None = None,
        *,
        account: str = "",
    ) -> None:
        self._ingest = ingest
        self._account = account
        self.p99 = ingest.p99
        """Seconds to commit a delivery, the 99th percentile of the newest; None before the first."""
        self._keys = keys
        self._clock = clock
        self._refusals = refusals or WebhookRefusals()
        self.counts: dict[int, int] = {}
        self.last_at: datetime | None = None
        self._being_read = 0  # bytes of incomplete bodies
        self._unreported = _Unreported()
        self._without_account = _Unreported()

    @property
    def is_storing(self) -> bool:
        """Whether deliveries wait to be stored."""
        return self._ingest.is_storing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await send_response(self._counted(await self._answer(scope, receive)), send)

    def submit(self, url: str, headers: Headers, body: bytes, caller: Caller) -> bool:
        """Store a complete delivery if its key is in memory and its body is valid. The caller receives the result.

        `url`: the path with the query. Returns False if the delivery must be handled as an ASGI request. Raises
        StoreBusy if it cannot be accepted now.
        """
        if not self._keys.contains(_offered_keys(url, headers)):
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
        """The response to a submitted delivery that is committed."""
        return self._counted(_STORED)

    def not_stored(self, error: StoreError) -> WebhookResponse:
        """The response to a submitted delivery that is not stored."""
        self._report(error)
        return self._counted(_NOT_STORED)

    def count_without_account(self, status: int) -> None:
        """Count a delivery to an account that does not exist, and the status of its response."""
        self._refusals.add(webhook_keys.NO_ACCOUNT, self._clock())
        if deliveries := self._without_account.count():
            log.warning("webhook.no_account", deliveries=deliveries)
        self._count(status)

    def _counted(self, response: WebhookResponse) -> WebhookResponse:
        self._count(response.status)
        return response

    def _count(self, status: int) -> None:
        self.counts[status] = self.counts.get(status, 0) + 1
        if self._account:
            ACCOUNT_WEBHOOKS.add(self._account, str(status))

    async def _answer(self, scope: Scope, receive: Receive) -> WebhookResponse:
        if scope["method"] != "POST":
            return _POST_ONLY
        try:
            query = scope.get("query_string", b"").decode("latin-1")
            offered = _offered_keys(f"{scope['path']}?{query}" if query else scope["path"], scope["headers"])
            if self._keys.contains(offered):
                return await self._accept(receive)
            return await self._look_up_and_accept(offered, scope["headers"], receive)
        except _HungUp:
            return _INCOMPLETE
        except StoreError as error:
            self._report(error)
            return _NOT_STORED

    def _refuse(self, offered: list[str], headers: Headers) -> WebhookResponse:
        reason = webhook_keys.WRONG_KEY if offered else webhook_keys.NO_KEY
        if any(key.startswith(PROBE_PREFIX) for key in offered):
            # The doctor's own check is not counted. It sends its value as webhook_key alone: a proxy that moved it to
            # another of the headers lets keys arrive.
            return _REFUSED[reason]
        self._refusals.add(reason, self._clock())
        is_elsewhere = offered and not any(name in USUAL_HEADERS for name, _ in headers)
        return _REFUSED[WRONG_ELSEWHERE if is_elsewhere else reason]

    async def _look_up_and_accept(self, offered: list[str], headers: Headers, receive: Receive) -> WebhookResponse:
        started = time.monotonic()
        if not await self._keys.accepts(offered):
            return self._refuse(offered, headers)
        try:
            async with asyncio.timeout(started + TIMEOUT - time.monotonic()):
                return await self._accept(receive)
        except TimeoutError:
            raise StoreBusy(f"the key lookup and storing took longer than {TIMEOUT:g} s") from None

    async def _accept(self, receive: Receive) -> WebhookResponse:
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
        """The body; None if it is too large. Raises StoreBusy if too many bytes are being read."""
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
        if deliveries := self._unreported.count():
            log.warning("webhook.not_stored", deliveries=deliveries, problem=str(error))


class _Unreported:
    """Deliveries that the log reports at intervals: a line for each of thousands per second would add to the load."""

    def __init__(self) -> None:
        self._deliveries = 0
        self._reported_at = -REPORT_EVERY

    def count(self) -> int:
        """Count a delivery. Returns how many to report now; 0: not yet."""
        self._deliveries += 1
        now = time.monotonic()
        if now - self._reported_at < REPORT_EVERY:
            return 0
        deliveries, self._deliveries = self._deliveries, 0
        self._reported_at = now
        return deliveries


def _not_json(body: bytes, now: datetime, error: ValueError) -> NewDelivery:
    identity = f"raw:{hashlib.blake2b(body, digest_size=16).hexdigest()}"
    return NewDelivery(identity, Source.WEBHOOK, body, now, problem=DeadLetterReason.NOT_JSON.of(str(error)[:200]))


def _offered_keys(url: str, headers: Headers) -> list[str]:
    """Every key that a request carries in its headers or URL, which may begin with the prefix of an account."""
    if url == PATH:
        return offered_keys("", "", headers)
    path, _, query = url.partition("?")
    return offered_keys(path.partition(PATH)[2], query, headers)
