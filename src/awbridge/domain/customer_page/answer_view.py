"""The forms of the customer's page, and what became of the last answer, as texts of one language. Pure.

Nothing that a customer entered is repeated but the kind of the answer and its day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, tzinfo
from enum import StrEnum

from awbridge.domain.customer_page.answer_form import FormProblem
from awbridge.domain.customer_page.answerable import Answerable
from awbridge.domain.customer_page.answers import (
    REATTEMPTS,
    AnswerState,
    CustomerAnswer,
    CustomerAnswerKind,
    days_to_choose,
)
from awbridge.domain.customer_page.words import Words, as_beginning


@dataclass(frozen=True, slots=True, kw_only=True)
class Asks:
    """What may be answered about one parcel of the page. `key` names the parcel in forms; it tells nothing else.

    `boxes`: the waybills of a shipment of several boxes, in their order.
    """

    key: str
    reference_number: str = field(repr=False)
    boxes: tuple[str, ...] = ()
    about: tuple[Answerable, ...] = ()

    def box_number(self, waybill: str) -> int:
        """The number of a box, from 1; 0 for the whole shipment."""
        return self.boxes.index(waybill) + 1 if waybill in self.boxes else 0

    def waybill_of(self, number: int) -> str | None:
        """The waybill of a box by its number, "" for 0; None if there is no such box."""
        if number == 0:
            return ""
        return self.boxes[number - 1] if 0 < number <= len(self.boxes) else None


class Told(StrEnum):
    """What the customer is told after an answer."""

    RECEIVED = "received"
    SENT = "sent"
    CLOSED = "closed"
    LIMIT = "limit"
    KIND = FormProblem.KIND.value
    DIGITS = FormProblem.DIGITS.value
    DAY = FormProblem.DAY.value
    PHONE = FormProblem.PHONE.value
    ADDRESS = FormProblem.ADDRESS.value

    @property
    def is_problem(self) -> bool:
        """Whether a field is to be corrected."""
        return self.value in set(FormProblem)


@dataclass(frozen=True, slots=True, kw_only=True)
class FormNotice:
    """What is told about which form: that of a parcel's key and a box. `kind`: the answer that was chosen there."""

    told: Told
    key: str
    box: int = 0
    kind: CustomerAnswerKind | None = None

    @property
    def about(self) -> tuple[str, int]:
        """Which form."""
        return self.key, self.box


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceView:
    """One answer that may be chosen, and the fields that it needs."""

    kind: CustomerAnswerKind
    text: str
    has_day: bool
    is_chosen: bool

    @property
    def has_phone(self) -> bool:
        """Whether it needs a phone number."""
        return self.kind is CustomerAnswerKind.NEW_PHONE

    @property
    def has_address(self) -> bool:
        """Whether it needs an address."""
        return self.kind is CustomerAnswerKind.NEW_ADDRESS


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFormView:
    """The form about a parcel or a box, and what became of its last answer. Texts are "" where there is nothing to say.

    `title`: which of several. `told`: the outcome of what was just sent; `problem`: the field that is wrong, with the
    text in `problem_text`. `days`: the days to choose, each as (2026-11-24, its words).
    """

    anchor: str
    key: str
    box: int
    title: str
    heading: str
    last: str
    told: str
    problem: str
    problem_text: str
    choices: tuple[ChoiceView, ...]
    days: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswersView:
    """All forms of a page. `is_urgent`: they come before the parcels, since a delivery failed."""

    forms: tuple[AnswerFormView, ...]
    is_urgent: bool


def answers_view(
    asked: Sequence[tuple[Asks, str]], words: Words, *, today: date, zone: tzinfo, notice: FormNotice | None = None
) -> AnswersView | None:
    """The forms of a page; None if there are none. `asked`: each parcel with its title; times are shown in `zone`."""
    makes = _FormMaker(words, today, zone, notice)
    forms = tuple(makes.form(asks, about, title) for asks, title in asked for about in asks.about)
    urgent = any(CustomerAnswerKind.NOT_RECEIVED not in about.kinds for asks, _ in asked for about in asks.about)
    if notice and not notice.told.is_problem and not any((form.key, form.box) == notice.about for form in forms):
        forms, urgent = (makes.only_told(notice), *forms), True
    return AnswersView(forms=forms, is_urgent=urgent) if forms else None


@dataclass(frozen=True, slots=True)
class _FormMaker:
    words: Words
    today: date
    zone: tzinfo
    notice: FormNotice | None

    def form(self, asks: Asks, about: Answerable, title: str) -> AnswerFormView:
        box = asks.box_number(about.waybill)
        if box:
            of_box = self.words.text("page.box", number=box, count=len(asks.boxes))
            title = f"{title} · {of_box}" if title else of_box
        notice = self.notice if self.notice and self.notice.about == (asks.key, box) else None
        told = notice.told if notice else None
        is_late = CustomerAnswerKind.NOT_RECEIVED in about.kinds
        heading = self.words.text("answers.heading_late" if is_late else "answers.heading") if about.kinds else ""
        chosen = notice.kind if notice and notice.kind in about.kinds else None
        if len(about.kinds) == 1:
            chosen = about.kinds[0]
        problem = _shown_problem(told, chosen) if about.kinds else ""
        return AnswerFormView(
            anchor=f"answer-{asks.key}-{box}",
            key=asks.key,
            box=box,
            title=title,
            heading=heading,
            last=self._last(about.last) if about.last else "",
            told=self.words.text(f"answers.told_{told}") if told and not told.is_problem else "",
            problem=problem,
            problem_text=self.words.text(f"answers.problem_{problem}") if problem else "",
            choices=tuple(self._choice(kind, chosen) for kind in about.kinds),
            days=tuple((day.isoformat(), as_beginning(self._day(day))) for day in days_to_choose(self.today)),
        )

    def only_told(self, notice: FormNotice) -> AnswerFormView:
        """What is told about a parcel of which nothing can be answered any more."""
        return AnswerFormView(
            anchor="answer",
            key=notice.key,
            box=notice.box,
            title="",
            heading="",
            last="",
            told=self.words.text(f"answers.told_{notice.told}"),
            problem="",
            problem_text="",
            choices=(),
            days=(),
        )

    def _choice(self, kind: CustomerAnswerKind, chosen: CustomerAnswerKind | None) -> ChoiceView:
        text = self.words.text(f"answers.{kind}")
        return ChoiceView(kind=kind, text=text, has_day=kind in REATTEMPTS, is_chosen=kind is chosen)

    def _last(self, last: CustomerAnswer) -> str:
        wish = self.words.text(f"answers.{last.kind}")
        if last.day:
            wish = self.words.text("answers.wish_on_day", wish=wish, day=self._day(last.day))
        at = last.received_at if last.state is AnswerState.RECEIVED else last.settled_at or last.received_at
        task = "_task" if last.is_task and last.state in (AnswerState.RECEIVED, AnswerState.DONE) else ""
        day = self.words.dates.near_day(at.astimezone(self.zone).date(), today=self.today)
        return self.words.text(f"answers.was_{last.state}{task}", wish=wish, day=day)

    def _day(self, day: date) -> str:
        return self.words.dates.near_day(day, today=self.today)


_FIELDS_OF = {
    Told.DAY: REATTEMPTS,
    Told.PHONE: (CustomerAnswerKind.NEW_PHONE,),
    Told.ADDRESS: (CustomerAnswerKind.NEW_ADDRESS,),
}


def _shown_problem(told: Told | None, chosen: CustomerAnswerKind | None) -> str:
    """The field that is wrong; "" if it is none of those that the form shows."""
    if told is None or not told.is_problem:
        return ""
    return told.value if chosen in _FIELDS_OF.get(told, (chosen,)) else ""
