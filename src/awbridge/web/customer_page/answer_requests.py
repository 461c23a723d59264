"""The requests of POST .../answer: which are taken, and the responses. The answers themselves: `answering`."""

from __future__ import annotations

import math
from collections.abc import Sequence

from awbridge.domain.customer_page.answer_view import Asks, Told
from awbridge.domain.errors import NotFound
from awbridge.web.access.credentials import client_address
from awbridge.web.customer_page.answering import FORM, LARGEST_BODY, Answering, notice_query
from awbridge.web.customer_page.negotiation import header
from awbridge.web.customer_page.pages import PageMaker, Switch
from awbridge.web.customer_page.responses import NEVER, PAGE_HEADERS, PageResponse
from awbridge.web.key_limiter import WrongKeyLimiter
from awbridge.web.webhook.endpoint import Receive, Scope

WRONG_BURST, WRONG_INTERVAL = 30, 10.0  # wrong digits of an address at once, then one more in so many seconds


class AnswerRequests:
    """Takes the forms of the page, and says by a redirect what came of them."""

    def __init__(self, answering: Answering, limiter: WrongKeyLimiter | None = None) -> None:
        self._answering = answering
        self._limiter = limiter or WrongKeyLimiter(burst=WRONG_BURST, interval=WRONG_INTERVAL)

    def refusal(self, scope: Scope) -> PageResponse | None:
        """Why a request is not even read; None if it is."""
        headers = scope["headers"]
        if scope["method"] != "POST":
            return _plain(405, "POST only", (b"allow", b"POST"))
        if self._answering.is_from_another_site(headers):
            return _plain(403, "This form belongs to another site")
        if header(headers, b"content-type").partition(";")[0].strip().lower() != FORM:
            return _plain(415, f"Send {FORM}")
        if wait := self._limiter.wait(client_address(scope)):
            return _plain(429, "Too many tries", (b"retry-after", str(math.ceil(wait)).encode()))
        return None

    async def body(self, receive: Receive) -> bytes | PageResponse:
        """The body of a request, or the refusal of one that is too large or broken off."""
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return _plain(400, "The request was broken off")
            body += message.get("body", b"")
            if len(body) > LARGEST_BODY:
                return _plain(413, f"A form has at most {LARGEST_BODY} bytes", (b"connection", b"close"))
            if not message.get("more_body", False):
                return bytes(body)

    async def respond(
        self, scope: Scope, body: bytes, asked: Sequence[Asks], pages: PageMaker, switch: Switch
    ) -> PageResponse | None:
        """Hand on the answer; None if its parcel is gone. Raises StoreError."""
        try:
            outcome = await self._answering.answer(body, asked)
        except NotFound:
            return None
        if outcome.notice.told in (Told.DIGITS, Told.LIMIT):
            # Right ones are not counted: whoever knows one number could guess at others without a limit.
            self._limiter.count(client_address(scope), right=False)
        if outcome.proof_url:
            return PageResponse(status=200, body=pages.proof(switch, outcome.proof_url).plain, cache=NEVER)
        notice = outcome.notice
        anchor = f"#answer-{notice.key}-{notice.box}" if notice.key else ""
        where = f"../{switch.token}?{notice_query(notice, switch.language)}{anchor}"
        return _plain(303, "", (b"location", where.encode("ascii", "replace")))


def _plain(status: int, text: str, *headers: tuple[bytes, bytes]) -> PageResponse:
    body = f"{text}\n".encode() if text else b""
    return PageResponse(
        status=status, body=body, content_type=b"text/plain", cache=NEVER, headers=(*PAGE_HEADERS, *headers)
    )
