"""GET /track/{token} and /t/{token}: the customer's page, its files, what stands for it without a parcel; its forms.

No framework: the page is asked for by everyone who waits for a parcel, in the process that must answer webhooks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Protocol, TypeVar
from urllib.parse import parse_qsl

import structlog

from awbridge.domain.customer_page.links import HEALTH_PATH, HEALTH_TEXT
from awbridge.domain.customer_page.parcel import CustomerOrder
from awbridge.domain.customer_page.view import PageView
from awbridge.domain.errors import StoreBusy, StoreError
from awbridge.steps.customer_page.open_orders import LinkIds, OpenOrders
from awbridge.steps.runtime.clock import Clock
from awbridge.web.access.credentials import client_address
from awbridge.web.customer_page.answer_requests import AnswerRequests
from awbridge.web.customer_page.answering import ANSWER, read_notice
from awbridge.web.customer_page.files import PageFiles
from awbridge.web.customer_page.forms import JSON, Form, HtmlForm, JsonForm, Problem, depth
from awbridge.web.customer_page.guess_limiter import GuessLimiter
from awbridge.web.customer_page.negotiation import Headers, header, language_of_tag, preferred_language
from awbridge.web.customer_page.pages import PageMaker, Switch
from awbridge.web.customer_page.responses import (
    FRESH,
    NEVER,
    SHORT,
    PageResponse,
    WireResponse,
    encoded,
    on_wire,
    send_response,
)
from awbridge.web.webhook.endpoint import Receive, Scope, Send

log = structlog.get_logger()

T = TypeVar("T")
R = TypeVar("R")

LONG, SHORT_FORM = "/track", "/t"
STATIC = "/track/static/"
WIDGET = "/track/widget.js"
MOST_TOKEN = 64  # characters of a path that are looked at as a token

GONE = Problem(name="gone", status=404, cache=SHORT)
BUSY = Problem(name="busy", status=503, headers=((b"retry-after", b"5"),))

_OTHER = re.compile(r"[.?%]")  # in the path of a file, of another form, with a query, or to be decoded
_GET_ONLY = ((b"allow", b"GET, HEAD"),)


class ReadsTokens(Protocol):
    """The keys of links."""

    def read(self, token: str) -> LinkIds:
        """The link ids that a token may stand for; () if no key made it."""
        ...


class PageCaller(Protocol):
    """Who asked for a page without ASGI."""

    def done(self) -> bool:
        """Whether nobody waits any more."""
        ...

    def set_page(self, response: WireResponse, /) -> None:
        """The response."""
        ...

    def pass_on(self) -> None:
        """The request must be handled as an ASGI request after all."""
        ...


def is_customer_page(path: str) -> bool:
    """Whether a path belongs to the customer's page."""
    return path in (LONG, SHORT_FORM) or path.startswith((LONG + "/", SHORT_FORM + "/"))


class CustomerPage:
    """The ASGI app of the customer's page."""

    def __init__(
        self,
        orders: OpenOrders,
        keys: ReadsTokens,
        pages: PageMaker,
        files: PageFiles,
        json: JsonForm,
        clock: Clock,
        guesses: GuessLimiter | None = None,
        answers: AnswerRequests | None = None,
    ) -> None:
        self._guesses = guesses or GuessLimiter()
        self._orders = orders
        self._keys = keys
        self._pages = pages
        self._html = HtmlForm(pages)
        self._json = json
        self._files = files
        self._clock = clock
        self._answers = answers
        self._handed: list[tuple[_Direct, CustomerOrder]] = []
        self._today = date.min
        orders.on_some = self._answer_handed

    @property
    def is_crowded(self) -> bool:
        """Whether many wait for their pages."""
        return self._orders.is_crowded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if self._answers and scope["path"].endswith(ANSWER):
            response = await self._answered(self._answers, scope, receive)
        else:
            response = await self._answer(scope)
        await send_response(response, scope, send)

    async def _answered(self, answers: AnswerRequests, scope: Scope, receive: Receive) -> PageResponse:
        """The response to a form of the page."""
        if refusal := answers.refusal(scope):
            return refusal
        body = await answers.body(receive)
        if isinstance(body, PageResponse):
            return body
        token = token_of(scope["path"].removesuffix(ANSWER))
        try:
            order = await self._open(token)
            if order is None:
                return self._nothing(self._html, scope)
            language, _ = self._language(scope, order.language)
            asked = [parcel.asks for parcel in order.parcels if parcel.asks]
            switch = Switch(language, depth(scope["path"]), token)
            response = await answers.respond(scope, body, asked, self._pages, switch)
            return response or self._problem(GONE, self._html, scope)
        except StoreError as error:
            log.warning("customer_page.not_answered", problem=str(error))
            return self._problem(BUSY, self._html, scope)

    async def _answer(self, scope: Scope) -> PageResponse:
        path: str = scope["path"]
        if scope["method"] == "OPTIONS" and path.endswith(JSON):
            return self._json.preflight(scope)
        if scope["method"] not in ("GET", "HEAD"):
            return PageResponse(
                status=405, body=b"GET only\n", content_type=b"text/plain", cache=NEVER, headers=_GET_ONLY
            )
        if path == HEALTH_PATH:
            return PageResponse(status=200, body=HEALTH_TEXT.encode(), content_type=b"text/plain", cache=NEVER)
        if path.startswith(STATIC):
            file = self._files.by_name.get(path.removeprefix(STATIC))
            return file or PageResponse(status=404, body=b"no such file\n", content_type=b"text/plain", cache=SHORT)
        if path == WIDGET:
            return self._files.widget
        form = self._json if path.endswith(JSON) else self._html
        return await self._page(token_of(path), form, scope)

    async def _page(self, token: str, form: Form, scope: Scope) -> PageResponse:
        try:
            order = await self._open(token)
        except StoreError as error:
            log.warning("customer_page.not_read", problem=str(error))
            return self._problem(BUSY, form, scope)
        if order is None:
            return self._nothing(form, scope)
        return self._shown(order, token, form, scope)

    def _shown(self, order: CustomerOrder, token: str, form: Form, scope: Scope) -> PageResponse:
        language, vary = self._language(scope, order.language)
        today = self._clock().astimezone(self._orders.policy.zone).date()
        query = scope["query_string"]
        notice = read_notice(_asked(query)) if query and form is self._html else None
        view = self._pages.view(order, language, today, notice)
        return form.page(view, scope, token=token, vary=vary, cache=NEVER if notice else FRESH)

    def link_ids(self, url: str) -> LinkIds:
        """The link ids that a URL may stand for; () if it is no page's in its usual form: a query, a file, JSON."""
        is_plain = is_customer_page(url) and not _OTHER.search(url)
        token = token_of(url) if is_plain else ""
        return self._keys.read(token) if token else ()

    def submit(self, url: str, link_ids: LinkIds, headers: Headers, caller: PageCaller) -> bool:
        """Answer a GET of a page with these headers, whose names are in lower case. `link_ids`: those of its URL.

        Returns False if the request must be handled as an ASGI request: too many wait. The caller may learn later that
        it must: that a link opens nothing is counted by the address of the client, which only ASGI knows.
        """
        try:
            self._orders.ask(link_ids, _Direct(self, token_of(url), url, headers, caller))
        except StoreBusy:
            return False
        return True

    def hand(self, asked: _Direct, order: CustomerOrder) -> None:
        """Give a submitted request the order that it is about."""
        self._handed.append((asked, order))

    def not_read(self, asked: _Direct, error: StoreError) -> None:
        """Answer a submitted request whose order could not be read."""
        log.warning("customer_page.not_read", problem=str(error))
        if response := asked.made(self._busy, error):
            asked.send(response)

    def _answer_handed(self) -> None:
        """Answer those who were handed their orders.

        Stage by stage: all views are made before the first is written as HTML, and all HTML before the first is packed.
        It takes a sixth less processor time than page by page.
        """
        handed, self._handed = self._handed, []
        self._today = self._clock().astimezone(self._orders.policy.zone).date()
        viewed = [(asked, view) for asked, order in handed if (view := asked.made(self._direct_view, order))]
        shown = [(asked, page) for asked, view in viewed if (page := asked.made(self._direct_page, view))]
        make = self._encoded_quickly if self._orders.is_crowded else self._encoded
        ready = [(asked, response) for asked, page in shown if (response := asked.made(make, page))]
        for asked, response in ready:
            asked.send(response)

    def _direct_view(self, asked: _Direct, order: CustomerOrder) -> PageView:
        language, asked.vary = self._language(asked.scope, order.language)
        return self._pages.view(order, language, self._today)

    def _direct_page(self, asked: _Direct, view: PageView) -> PageResponse:
        return self._html.page(view, asked.scope, token=asked.token, vary=asked.vary, cache=FRESH)

    def _encoded(self, asked: _Direct, page: PageResponse) -> WireResponse:
        return on_wire(encoded(page, asked.scope["headers"]))

    def _encoded_quickly(self, asked: _Direct, page: PageResponse) -> WireResponse:
        return on_wire(encoded(page, asked.scope["headers"], quickly=True))

    def _busy(self, asked: _Direct, _: StoreError) -> WireResponse:
        return self._encoded(asked, self._problem(BUSY, self._html, asked.scope))

    def _nothing(self, form: Form, scope: Scope) -> PageResponse:
        """The response to a token that opens nothing."""
        wait = self._guesses.count(client_address(scope))
        return self._problem(_too_many(wait) if wait else GONE, form, scope)

    async def _open(self, token: str) -> CustomerOrder | None:
        return await self._orders.open(self._keys.read(token)) if token else None

    def _language(self, scope: Scope, of_customer: str = "") -> tuple[str, bytes]:
        """The language of the page, and on which header it depends: asked for, the browser's, the customer's."""
        if asked := self._asked_language(scope["query_string"]):
            return asked, b""
        accepted = preferred_language(header(scope["headers"], b"accept-language"), self._pages.codes)
        return accepted or language_of_tag(of_customer, self._pages.codes) or self._pages.default, b"accept-language"

    def _asked_language(self, query: bytes) -> str:
        asked = _asked(query).get("lang", "")
        return language_of_tag(asked, self._pages.codes) if asked else ""

    def _problem(self, problem: Problem, form: Form, scope: Scope) -> PageResponse:
        language, vary = self._language(scope)
        return form.problem(problem, language, scope, vary=vary)


class _Direct:
    """A request for a page that is answered without ASGI."""

    __slots__ = ("_caller", "_page", "scope", "token", "vary")

    def __init__(self, page: CustomerPage, token: str, url: str, headers: Headers, caller: PageCaller) -> None:
        self._page = page
        self._caller = caller
        self.token = token
        self.vary = b""
        self.scope: Scope = {"path": url, "query_string": b"", "headers": headers}

    def done(self) -> bool:
        return self._caller.done()

    def set_result(self, order: CustomerOrder | None, /) -> None:
        if order is None:
            self._caller.pass_on()
        else:
            self._page.hand(self, order)

    def set_exception(self, exception: StoreError, /) -> None:
        self._page.not_read(self, exception)

    def made(self, make: Callable[[_Direct, T], R], given: T) -> R | None:
        """What is made for this request; None if that failed, and ASGI answers instead."""
        try:
            return make(self, given)
        except Exception as error:  # others wait for their pages behind this one
            log.exception("customer_page.failed", error=type(error).__name__)
            self._caller.pass_on()
            return None

    def send(self, response: WireResponse) -> None:
        """Answer, unless nobody waits any more."""
        if not self._caller.done():
            self._caller.set_page(response)


def token_of(path: str) -> str:
    """The token of a path; "" if there is none."""
    _, _, token = path.removeprefix("/").removesuffix(JSON).partition("/")
    return token if 0 < len(token) <= MOST_TOKEN else ""


def _too_many(wait: int) -> Problem:
    """Too many tokens that open nothing. `wait`: whole seconds until the next may be tried."""
    return Problem(name="limit", status=429, headers=((b"retry-after", str(wait).encode()),))


def _asked(query: bytes) -> Mapping[str, str]:
    """The parameters of a query."""
    return dict(parse_qsl(query[:500].decode("latin-1"))) if query else {}
