"""One request and its response: received within limits, recorded as a Call, and parsed for each API."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Protocol, Self

import httpx2
from msgspec import Struct
from opentelemetry import trace

from awbridge.clickpost.orders.create import parse_create_order, parse_fetch_order
from awbridge.clickpost.tracking.track import UpdatedPage, parse_track_order, parse_updated_order
from awbridge.clickpost.tracking.webhook_registration import (
    WEBHOOK_EXISTS,
    WEBHOOK_MISSING,
    Registration,
    parse_registration,
)
from awbridge.clickpost.wire.answer_codes import AnswerKind, advice_for, classify
from awbridge.clickpost.wire.answers import (
    CancelAnswer,
    FoundOrder,
    OrderAnswer,
    TrackAnswer,
    describe,
    parse_cancel_order,
)
from awbridge.clickpost.wire.endpoints import ApiRequest, Pages
from awbridge.clickpost.wire.lenient_json import Reply, as_object, as_text, read_http_date, read_reply
from awbridge.domain.call import Call, longest_call
from awbridge.domain.errors import VendorError
from awbridge.domain.json import JsonObject
from awbridge.domain.orders.outcome import Outcome, Placed, Rejected, TryLater, Unknown
from awbridge.domain.privacy import without_people

LARGEST_ANSWER = 32 * 1024 * 1024  # bytes; no answer of ClickPost is larger
LARGEST_FILE = 256 * 1024 * 1024  # bytes
LONGEST_DOWNLOAD = 600.0  # seconds
NO_SUCH_ORDER = (321, 330, 350, 400, 422)
NO_SUCH_WAYBILL = (321, 330, 350)
_NOT_ANSWERED = (
    AnswerKind.TRANSIENT,
    AnswerKind.THROTTLED,
    AnswerKind.PENDING,
    AnswerKind.CONFIGURATION,
)  # the request itself was not answered
_CODE_COUNTS = (200, 400, 404, 422)  # HTTP statuses under which the code in the body decides

log = logging.getLogger(__name__)

# Errors after which it is certain that ClickPost has not seen the request.
_NOT_SENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
    httpx2.LocalProtocolError,
    httpx2.InvalidURL,
)


class HttpExchange(Struct, frozen=True, kw_only=True, gc=False):
    """A request and its reply; `reply` is None if there was none; `call.error` gives the reason."""

    call: Call
    request: ApiRequest
    reply: Reply | None = None
    sent: bool = True
    content: bytes = b""  # of a file

    def __repr__(self) -> str:
        """Its call alone: bodies name people."""
        return f"HttpExchange({self.call!r})"

    def masked(self, text: str) -> str:
        """A text for people, without the secrets that an answer may echo."""
        return self.request.masked(text)


class ResponseTooLarge(Exception):
    """An answer exceeds the limit on size or time."""


class Answered(Protocol):
    """Status and headers of an answer, of any HTTP client."""

    @property
    def status_code(self) -> int: ...
    @property
    def headers(self) -> httpx2.Headers: ...


class ResponseReceiver:
    """Receives one answer within a span; `receive` enforces the limits on size and time.

    A context manager: entering starts the clock and the span, leaving ends the span. `longest` is the seconds that the
    whole call may take; `timeout` bounds each single wait on the network.
    """

    def __init__(
        self,
        request: ApiRequest,
        *,
        timeout: float,
        on_request: Callable[[Call], None] | None,
        on_call: Callable[[Call], None] | None,
        tracer: trace.Tracer,
    ) -> None:
        self._request = request
        self.longest = max(longest_call(timeout), LONGEST_DOWNLOAD if request.file else 0.0)
        self._on_request = on_request
        self._on_call = on_call
        self._tracer = tracer
        self._parts: list[bytes] = []
        self._size = 0

    def __enter__(self) -> Self:
        self._span = self._tracer.start_span(f"clickpost {self._request.api}", kind=trace.SpanKind.CLIENT)
        # Without a tracer there is no span to make current.
        self._current = None if self._span is trace.INVALID_SPAN else trace.use_span(self._span, end_on_exit=True)
        if self._current:
            self._current.__enter__()
        if self._on_request:
            _call_hook(self._on_request, self._request.call())
        self._started = time.perf_counter()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._current:
            self._current.__exit__(None, None, None)

    def receive(self, part: bytes) -> None:
        """Add a part of the body. Raises ResponseTooLarge."""
        if self._request.into:
            self._request.into(part)
        else:
            self._parts.append(part)
        self._size += len(part)
        largest = LARGEST_FILE if self._request.file else LARGEST_ANSWER
        if self._size > largest:
            raise ResponseTooLarge(f"the answer is larger than {largest} bytes")
        if time.perf_counter() - self._started > self.longest:
            raise ResponseTooLarge(f"the answer was not complete after {self.longest:g} s")

    def completed(self, response: Answered) -> HttpExchange:
        """The exchange of a complete answer."""
        whole = b"".join(self._parts)
        file = self._request.file and response.status_code == 200
        now, retry_after = datetime.now(UTC), response.headers.get("retry-after")
        if retry_after:
            now = read_http_date(response.headers.get("date")) or now
        reply = read_reply(response.status_code, b"" if file else whole, retry_after=retry_after, now=now)
        call = self._request.call(
            http_status=reply.http_status,
            business_status=reply.business_status,
            response=reply.text,
            ms=self._ms(),
        )
        return self._finish(HttpExchange(call=call, request=self._request, reply=reply, content=whole if file else b""))

    def failed(self, error: Exception) -> HttpExchange:
        """The exchange of a call without a complete answer."""
        text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        call = self._request.call(error=text, ms=self._ms())
        return self._finish(HttpExchange(call=call, request=self._request, sent=not isinstance(error, _NOT_SENT)))

    def _ms(self) -> int:
        return round((time.perf_counter() - self._started) * 1000)

    def _finish(self, exchange: HttpExchange) -> HttpExchange:
        if self._span.is_recording():
            self._span.set_attributes(span_attributes(exchange.call))
            if exchange.reply is None or exchange.reply.http_status >= 400:
                self._span.set_status(trace.StatusCode.ERROR, exchange.call.error or None)
        if self._on_call:
            _call_hook(self._on_call, exchange.call)
        return exchange


def _call_hook(hook: Callable[[Call], None], call: Call) -> None:
    try:
        hook(call)
    except Exception as error:  # a hook must not break the call
        log.error("a hook of the client failed: %s", type(error).__name__)


def span_attributes(call: Call) -> dict[str, str | int]:
    """The span attributes of a call: never a body, because bodies hold names, phones and addresses."""
    known = {
        "http.request.method": call.method,
        "url.full": call.url,
        "http.response.status_code": call.http_status,
        "error.type": call.error.partition(":")[0],
        "clickpost.api": call.api,
        "clickpost.business_status": call.business_status,
    }
    return {name: value for name, value in known.items() if value is not None and value != ""}


FAILURES = (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, ResponseTooLarge, OSError)


def unwritable_order(error: ValueError) -> OrderAnswer:
    """The answer for a payload that cannot be written as JSON; nothing was sent."""
    call = Call(api="create-order", method="POST", url="", error=str(error))
    return OrderAnswer(
        outcome=Rejected(message=str(error)), call=call, advice="Correct the payload: it cannot be written as JSON."
    )


def reference_of(payload: JsonObject) -> str:
    """The reference number of a payload; "" if it has none."""
    order = as_object(payload)
    details = as_object(order.get("shipment_details")) or as_object(order.get("shipment_info")) or order
    return as_text(details.get("reference_number"))


def order_answer(exchange: HttpExchange, reference_number: str) -> OrderAnswer:
    """The outcome of an exchange of create-order."""
    reply, call = exchange.reply, exchange.call
    if reply is not None:
        outcome = parse_create_order(reply, reference_number)
        if not isinstance(outcome, Placed):
            outcome = replace(outcome, message=exchange.masked(outcome.message))
        return OrderAnswer(outcome=outcome, call=call, reply=reply, advice=_order_advice(reply, outcome))
    if exchange.sent:
        outcome = Unknown(message=f"no answer from ClickPost ({call.error})")
        return OrderAnswer(outcome=outcome, call=call, advice=advice_for(None, None))
    outcome = TryLater(message=f"ClickPost was not reached ({call.error})")
    return OrderAnswer(outcome=outcome, call=call, advice="Nothing was sent. Retry.")


def _order_advice(reply: Reply, outcome: Outcome) -> str:
    if isinstance(outcome, Placed) and not outcome.already:
        return ""
    return advice_for(reply.http_status, reply.business_status)


def cancel_answer(exchange: HttpExchange) -> CancelAnswer:
    """The outcome of an exchange of cancel-order."""
    reply = exchange.reply
    if reply is not None:
        answer = parse_cancel_order(reply, exchange.call)
        advice = "" if answer.cancelled else advice_for(reply.http_status, reply.business_status)
        return replace(answer, message=exchange.masked(answer.message), advice=advice)
    message = f"no answer from ClickPost ({exchange.call.error})"
    advice = "Cancel again: an order that is already cancelled is answered as cancelled."
    return CancelAnswer(cancelled=False, again=True, message=message, call=exchange.call, advice=advice)


def successful_reply(exchange: HttpExchange, *, also: Sequence[int] = (), proof: str = "") -> Reply:
    """The reply of a call that succeeded, or whose code is in `also`. Raises VendorError for any other.

    `proof`: the field whose presence is success, for endpoints that send no status.
    """
    reply = exchange.reply
    if reply is None:
        raise failure(exchange)
    code = reply.http_status if reply.business_status is None else reply.business_status
    success = classify(reply.http_status, reply.business_status) is AnswerKind.SUCCESS
    if success or (reply.http_status in _CODE_COUNTS and code in also):
        return reply
    if proof and reply.http_status == 200 and reply.business_status is None and proof in as_object(reply.body):
        return reply
    raise failure(exchange)


def failure(exchange: HttpExchange) -> VendorError:
    """The error of a failed exchange, classified by the table of failures."""
    reply, call = exchange.reply, exchange.call
    if reply is None:
        kind, message = AnswerKind.TRANSIENT, f"no answer from ClickPost ({call.error})"
    else:
        kind = classify(reply.http_status, reply.business_status, is_json=reply.is_json)
        # The text reaches logs, alarms and chats, so personal data that the answer quotes is removed.
        text = exchange.masked(describe(reply))
        message = f"HTTP {reply.http_status}" if exchange.request.file else without_people(text, exchange.request.body)
    return VendorError(
        f"{call.api}: {message}",
        call=call,
        again=kind.again,
        retry_after=reply.retry_after if reply else None,
        kind=kind.value,
        advice=advice_for(call.http_status, call.business_status) if reply else "Retry.",
        sent=exchange.sent,
    )


def reply_or_missing(exchange: HttpExchange, missing: int) -> Reply | None:
    """The reply of a call that succeeded; None if its body carries the code `missing`.

    Raises VendorError. An HTTP status alone does not prove that an object is missing: the address may be wrong.
    """
    reply = exchange.reply
    if reply is not None and reply.http_status in _CODE_COUNTS and reply.business_status == missing:
        return None
    return successful_reply(exchange)


def file_of(exchange: HttpExchange) -> bytes:
    """The file in an exchange. Raises VendorError; `again` is False if the link has expired (HTTP 403)."""
    if exchange.reply is not None and exchange.reply.http_status == 200:
        return exchange.content
    raise failure(exchange)


def fetched_order(exchange: HttpExchange, reference_number: str = "") -> Placed | None:
    """The order that ClickPost holds, or None. Raises VendorError."""
    return parse_fetch_order(successful_reply(exchange, also=NO_SUCH_ORDER), reference_number)


def found_order(exchange: HttpExchange, reference_number: str) -> FoundOrder:
    """The outcome of an exchange of fetch-order by reference."""
    reply = exchange.reply
    if reply is None or classify(reply.http_status, reply.business_status) in _NOT_ANSWERED:
        return FoundOrder(placed=None, known=False, call=exchange.call)
    placed = parse_fetch_order(reply, reference_number)
    denied = placed is None and reply.business_status in NO_SUCH_WAYBILL
    return FoundOrder(placed=placed, known=True, denied=denied, call=exchange.call)


def track_answer(exchange: HttpExchange, cp_id: int) -> TrackAnswer:
    """The timelines in an exchange of track-order. Raises VendorError."""
    return TrackAnswer(
        items=parse_track_order(successful_reply(exchange, also=NO_SUCH_WAYBILL), cp_id), call=exchange.call
    )


def page_of(exchange: HttpExchange, pages: Pages) -> UpdatedPage:
    """The page in an exchange of updated-order; `pages` turns to the next. Raises VendorError, also if the
    answer holds no list."""
    page = parse_updated_order(successful_reply(exchange))
    if not page.is_list:  # as an empty page, its minutes would count as polled
        raise VendorError("updated-order: the answer holds no list of shipments", call=exchange.call, again=True)
    return replace(page, next_page=pages.turn(page.next_url, exchange.call))


def registration_of(exchange: HttpExchange) -> Registration:
    """The outcome of registering a webhook. Raises VendorError."""
    return parse_registration(successful_reply(exchange, also=(WEBHOOK_EXISTS, WEBHOOK_MISSING)))
