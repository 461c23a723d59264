"""POST /track/{token}/answer: hands what a customer answers to the steps; the outcome is a word in the page's URL.

No cookie, and nothing that was entered comes back: the page of the outcome says which field is wrong, and why.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit

from awbridge.domain.customer_page.answer_form import GivenForm, read_form
from awbridge.domain.customer_page.answer_view import Asks, FormNotice, Told
from awbridge.domain.customer_page.answers import CustomerAnswerKind
from awbridge.steps.customer_page import answers as steps
from awbridge.steps.customer_page.answers import AnswerPolicy, ReceiveOutcome
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store

LARGEST_BODY = 8 * 1024  # bytes
MOST_FIELDS = 20
FORM = "application/x-www-form-urlencoded"
ANSWER = "/answer"

_TOLD = {
    ReceiveOutcome.RECEIVED: Told.RECEIVED,
    ReceiveOutcome.SENT: Told.SENT,
    ReceiveOutcome.WRONG_DIGITS: Told.DIGITS,
    ReceiveOutcome.TOO_MANY: Told.LIMIT,
    ReceiveOutcome.CLOSED: Told.CLOSED,
}

Headers = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerOutcome:
    """What is told about which form. `proof_url`: the courier's proof of delivery, for those who may see it."""

    notice: FormNotice
    proof_url: str = field(default="", repr=False)


class Answering:
    """Receives the answers of one page. `hosts`: names of this page, besides that which a request names itself."""

    def __init__(self, store: Store, clock: Clock, policy: AnswerPolicy, hosts: Sequence[str] = ()) -> None:
        self._store = store
        self._clock = clock
        self.policy = policy
        self._hosts = frozenset(host.lower() for host in hosts if host)

    def is_from_another_site(self, headers: Headers) -> bool:
        """Whether a browser says that another site's page sent the form.

        Browsers say it in Sec-Fetch-Site; a shop that serves the page under its own host is the same site to them.
        Older ones name only the Origin, and null where the page asks them to send no referrer, as ours does.
        """
        given = {name: value.decode("latin-1").lower() for name, value in headers}
        if fetched := given.get(b"sec-fetch-site"):
            return fetched == "cross-site"
        origin = given.get(b"origin", "null")
        if origin == "null":
            return False
        known = {given.get(b"host", ""), *given.get(b"x-forwarded-host", "").split(","), *self._hosts}
        return urlsplit(origin).netloc not in {host.strip() for host in known}

    async def answer(self, body: bytes, asked: Sequence[Asks]) -> AnswerOutcome:
        """Hand on the answer in a form's body; `asked`: the parcels of the page. Raises StoreError."""
        fields = _fields(body)
        kind = _kind(fields.get("kind", ""))
        asks = next((one for one in asked if one.key == fields.get("parcel")), None)
        box = _number(fields.get("box", ""))
        waybill = asks.waybill_of(box) if asks else None
        if asks is None or waybill is None:
            return AnswerOutcome(notice=FormNotice(told=Told.CLOSED, key=asked[0].key if asked else ""))

        def told(what: Told) -> FormNotice:
            return FormNotice(told=what, key=asks.key, box=box, kind=kind)

        form = self._read(fields)
        if form.problem:
            return AnswerOutcome(notice=told(Told(form.problem.value)))
        received = await steps.receive(
            store=self._store,
            clock=self._clock,
            policy=self.policy,
            reference_number=asks.reference_number,
            waybill=waybill,
            form=form,
        )
        return AnswerOutcome(notice=told(_TOLD[received.outcome]), proof_url=received.proof_url)

    def _read(self, fields: Mapping[str, str]) -> GivenForm:
        day = fields.get(f"day-{fields.get('kind', '')}", "")
        today = self.policy.today(self._clock())
        return read_form({**fields, "day": day}, today=today, country=self.policy.country)


def notice_query(notice: FormNotice, language: str) -> str:
    """The query of the page that tells the outcome."""
    given = {"lang": language, "answer": notice.told.value, "parcel": notice.key, "box": notice.box or ""}
    return urlencode({name: value for name, value in {**given, "kind": notice.kind or ""}.items() if value})


def read_notice(query: Mapping[str, str]) -> FormNotice | None:
    """What a page is to tell; None without a known word. Anything else in it is left out."""
    if query.get("answer") not in set(Told):
        return None
    box, kind = _number(query.get("box", "")), _kind(query.get("kind", ""))
    return FormNotice(told=Told(query["answer"]), key=query.get("parcel", ""), box=box, kind=kind)


def _fields(body: bytes) -> dict[str, str]:
    """The fields of a form, the first of each name. What is not UTF-8 is replaced, what is too much left out."""
    found: dict[str, str] = {}
    text = body.decode("utf-8", "replace").replace("\x00", "")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        return found
    for name, value in pairs:
        found.setdefault(name, value.replace("\x00", ""))
    return found


def _kind(text: str) -> CustomerAnswerKind | None:
    return CustomerAnswerKind(text) if text in set(CustomerAnswerKind) else None


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 4 else 0
