"""The customer's page as texts, days and times of one language: what the HTML, the JSON and the widget show. Pure.

Nothing here is private but the first name and the city. Times are local, aware; where a text says a time, the time
itself stands beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import msgspec

from awbridge.domain.customer_page.answer_view import AnswersView
from awbridge.domain.customer_page.journey import Arriving, Event, Journey, ParcelBox, journey_of, summary
from awbridge.domain.customer_page.ladder import ProgressStep, StepState
from awbridge.domain.customer_page.meanings import Meaning, Reason
from awbridge.domain.customer_page.parcel import CustomerOrder, ReturnSeen
from awbridge.domain.customer_page.stage import ParcelStage, Tone, tone_of
from awbridge.domain.customer_page.words import Words, as_beginning


class StepView(msgspec.Struct, frozen=True, kw_only=True):
    """A step of the progress line. `day`: when it was reached, "" if unknown. `state_text` says the state in words."""

    text: str
    state: StepState
    state_text: str
    day: str = ""
    date: date | None = None


class ScanText(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened: what, where ("" if unknown), when."""

    text: str
    place: str
    time: str
    at: datetime


class DayView(msgspec.Struct, frozen=True, kw_only=True):
    """What happened on a day, newest first."""

    text: str
    date: date
    scans: tuple[ScanText, ...]


class BoxView(msgspec.Struct, frozen=True, kw_only=True):
    """One box: its number in words, where it stands, the place and the time of its newest scan."""

    title: str
    stage: ParcelStage
    tone: Tone
    headline: str
    place: str
    moment: str
    at: datetime | None


class ReturnText(msgspec.Struct, frozen=True, kw_only=True):
    """An event of a return or an exchange."""

    text: str
    moment: str
    at: datetime


class ParcelView(msgspec.Struct, frozen=True, kw_only=True):
    """One parcel. Texts are "" where there is nothing to say.

    `title`: which of several it is. `reason`: why the delivery failed. `next`: what happens next or what to do.
    `expected`: the expected day, or when it arrived, under the label `expected_label`; `promise`: how the day changed.
    `can_answer`: a delivery failed, and the customer may say how it goes on.
    """

    title: str
    is_return: bool
    stage: ParcelStage
    tone: Tone
    headline: str
    reason: str
    next: str
    where: str
    where_moment: str
    where_at: datetime | None
    expected_label: str
    expected: str
    expected_date: date | None
    promise: str
    courier: str
    city: str
    steps: tuple[StepView, ...]
    boxes: tuple[BoxView, ...]
    days: tuple[DayView, ...]
    returns: tuple[ReturnText, ...]
    can_answer: bool = False


class PageView(msgspec.Struct, frozen=True, kw_only=True):
    """The whole page. `text` stands under the headline where there are several parcels."""

    language: str
    direction: str
    greeting: str
    headline: str
    text: str
    tone: Tone
    parcels: tuple[ParcelView, ...]
    note: str = ""
    answers: AnswersView | None = None


_ENDED = frozenset(
    {
        *(
            ParcelStage.DELIVERED,
            ParcelStage.EXCHANGE_DONE,
            ParcelStage.RETURN_RECEIVED,
            ParcelStage.BACK,
            ParcelStage.RETURN_BACK,
            ParcelStage.EXPIRED,
        ),
        *(
            ParcelStage.CANCELLED,
            ParcelStage.RETURN_CANCELLED,
            ParcelStage.LOST,
            ParcelStage.DAMAGED,
            ParcelStage.REPLACED,
        ),
    }
)
_WITH_US = frozenset(
    {ParcelStage.PREPARING, ParcelStage.HANDED_OVER, ParcelStage.PICKUP_COMING, ParcelStage.PICKUP_FAILED}
)
_WITH_YOU = frozenset({ParcelStage.RETURN_ARRANGED, ParcelStage.RETURN_PICKUP_COMING, ParcelStage.RETURN_PICKUP_FAILED})
_CAN_ANSWER = frozenset({ParcelStage.FAILED, ParcelStage.OUT_OF_AREA, ParcelStage.GOING_BACK_ASKED})


def page_view(order: CustomerOrder, words: Words, *, today: date) -> PageView:
    """The page of an order in one language, as it is on this day."""
    refund = any(seen.refund for parcel in order.parcels for seen in parcel.returns)
    journeys = [journey_of(parcel, today=today, refund=refund) for parcel in order.parcels]
    makes = _ViewMaker(words, today)
    titles = _titles(journeys, words)
    parcels = tuple(makes.parcel(j, title) for j, title in zip(journeys, titles, strict=True))
    key, numbers = summary(journeys)
    first_name = next((parcel.first_name for parcel in order.parcels if parcel.first_name), "")
    return PageView(
        language=words.code,
        direction=words.direction,
        greeting=words.text("page.greeting", name=first_name) if first_name else "",
        headline=words.text(key, **numbers) if key else parcels[0].headline,
        text=words.text("next.several") if key else "",
        tone=Tone.GOOD if key == "headline.all_delivered" else Tone.ACTIVE if key else parcels[0].tone,
        parcels=parcels,
        note=words.text("page.more_parcels") if order.has_more else "",
    )


def _titles(journeys: Sequence[Journey], words: Words) -> list[str]:
    """Which of several each parcel is. Parcels and returns are counted apart, as they are shown."""
    if len(journeys) == 1:
        only = journeys[0].parcel
        return [words.text("page.return") if only.is_return else ""]
    forward = [j for j in journeys if not j.parcel.is_return and j.stage is not ParcelStage.REPLACED]
    titles: list[str] = []
    for journey in journeys:
        if journey.parcel.is_return:
            titles.append(words.text("page.return"))
        elif len(forward) < 2 or journey not in forward:
            titles.append(words.text("page.replacement") if journey.parcel.replaces else "")
        else:
            number = next(place for place, one in enumerate(forward, 1) if one is journey)
            titles.append(words.text("page.parcel", number=number, count=len(forward)))
    return titles


@dataclass(frozen=True, slots=True)
class _ViewMaker:
    """Makes the views of one language on one day."""

    words: Words
    today: date

    def parcel(self, j: Journey, title: str) -> ParcelView:
        where, moment, where_at = self._where(j)
        label, expected, expected_date = self._expected(j)
        reason = self._reason(j)
        return ParcelView(
            title=title,
            is_return=j.parcel.is_return,
            stage=j.stage,
            tone=tone_of(j.stage),
            headline=self._headline(j),
            reason=as_beginning(reason),
            next=self._next(j),
            where=where,
            where_moment=moment,
            where_at=where_at,
            expected_label=label,
            expected=expected,
            expected_date=expected_date,
            promise=self._promise(j),
            courier=j.parcel.courier,
            city=self._city(j),
            steps=tuple(map(self._step, j.steps)),
            boxes=tuple(self._box(box, place, len(j.boxes)) for place, box in enumerate(j.boxes, 1)),
            days=tuple(self._day(day, events, j.parcel.is_return) for day, events in j.days),
            returns=tuple(map(self._return, sorted(j.parcel.returns, key=_newest_first))),
            can_answer=j.stage in _CAN_ANSWER and not j.parcel.is_return,
        )

    def _headline(self, j: Journey) -> str:
        text = self.words.text
        if j.arriving is Arriving.ON_A_DAY and j.expected:
            return text("headline.arriving_on", day=self._long_day(j.expected.day))
        if j.arriving:
            return text(f"headline.arriving_{j.arriving}")
        if j.is_today and j.stage in (ParcelStage.DELIVERED, ParcelStage.OUT_FOR_DELIVERY):
            return text(f"headline.{j.stage}_today")
        return text(f"headline.{j.stage}")

    def _next(self, j: Journey) -> str:
        if j.stage is ParcelStage.FAILED:
            return self.words.text(f"advice.{j.reason}")
        if j.arriving in (Arriving.TODAY, Arriving.TOMORROW):
            return self.words.text(f"next.arriving_{j.arriving}")
        if j.stage is ParcelStage.OUT_FOR_DELIVERY and not j.is_today:
            return self.words.text("next.out_for_delivery_before")
        if j.stage is ParcelStage.RETURN_RECEIVED and j.steps[-1].key == "refund":
            return self.words.text("next.return_received_refund")
        return self.words.text(f"next.{j.stage}")

    def _reason(self, j: Journey) -> str:
        return self.words.text(f"reason.{j.reason}") if j.reason is not Reason.UNKNOWN else ""

    def _where(self, j: Journey) -> tuple[str, str, datetime | None]:
        """Where the parcel is, and since when as text and time."""
        if j.stage in _ENDED:
            return "", "", None
        if j.stage in _WITH_US or j.stage in _WITH_YOU:
            return self.words.text("page.where_with_us" if j.stage in _WITH_US else "page.where_with_you"), "", None
        if j.seen is None:
            return self.words.text("page.where_no_place"), "", None
        return j.seen.place, self._moment(j.seen.at), j.seen.at

    def _expected(self, j: Journey) -> tuple[str, str, date | None]:
        """The label, the text and the day of the expected delivery, or of the delivery."""
        if j.stage in (ParcelStage.DELIVERED, ParcelStage.RETURN_RECEIVED, ParcelStage.BACK) and j.stage_at:
            label = "page.delivered_at" if j.stage is ParcelStage.DELIVERED else "page.received_at"
            return self.words.text(label), self._moment(j.stage_at), j.stage_at.date()
        if j.expected is None or j.expected.is_missed:
            return "", "", None
        day = self.words.dates.near_day(j.expected.day, today=self.today)
        by_evening = self.words.dates.by_evening_of(day)
        return self.words.text("page.expected"), as_beginning(by_evening), j.expected.day

    def _promise(self, j: Journey) -> str:
        """How the expected day changed, or that it is over."""
        if j.expected is None:
            return ""
        if j.expected.is_missed:
            return self.words.text("promise.missed", day=self._near_day(j.expected.day))
        if j.expected.first is None:
            return ""
        key = "promise.changed" if j.expected.changes == 1 else "promise.changed_often"
        first, now = self._near_day(j.expected.first), self._near_day(j.expected.day)
        return self.words.text(key, first=first, now=now, count=j.expected.changes)

    def _city(self, j: Journey) -> str:
        if not j.parcel.city:
            return ""
        return self.words.text("page.from" if j.parcel.is_return else "page.to", city=j.parcel.city)

    def _step(self, step: ProgressStep) -> StepView:
        state = self.words.text(f"page.{'now' if step.state is StepState.WRONG else step.state}")
        day = self.words.dates.day_in_words(step.day, year=self.today.year, short=True) if step.day else ""
        text = self.words.text(f"step.{step.key}")
        return StepView(text=text, state=step.state, state_text=state, day=day, date=step.day)

    def _box(self, box: ParcelBox, number: int, count: int) -> BoxView:
        return BoxView(
            title=self.words.text("page.box", number=number, count=count),
            stage=box.stage,
            tone=tone_of(box.stage),
            headline=self.words.text(f"headline.{box.stage}"),
            place=box.place if box.stage not in _ENDED else "",
            moment=self._moment(box.at) if box.at else "",
            at=box.at,
        )

    def _day(self, day: date, events: Sequence[Event], is_return: bool) -> DayView:
        text = as_beginning(self._near_day(day))
        return DayView(text=text, date=day, scans=tuple(self._scan(event, is_return) for event in events))

    def _scan(self, event: Event, is_return: bool) -> ScanText:
        texts = self.words.texts
        text = (is_return and texts.get(f"scan_return.{event.meaning}")) or texts[f"scan.{event.meaning}"]
        if event.meaning is Meaning.FAILED and event.reason is not Reason.UNKNOWN and not is_return:
            text = self.words.text("scan.failed_because", reason=self.words.text(f"reason.{event.reason}"))
        return ScanText(text=text, place=event.place, time=self.words.dates.time_in_words(event.at), at=event.at)

    def _return(self, seen: ReturnSeen) -> ReturnText:
        return ReturnText(text=self.words.text(f"return.{seen.news}"), moment=self._moment(seen.at), at=seen.at)

    def _moment(self, at: datetime) -> str:
        return as_beginning(self.words.dates.at_time(self._near_day(at.date()), at))

    def _near_day(self, day: date) -> str:
        return self.words.dates.near_day(day, today=self.today)

    def _long_day(self, day: date) -> str:
        return self.words.dates.day_in_words(day, year=self.today.year)


def _newest_first(seen: ReturnSeen) -> tuple[float, str]:
    return -seen.at.timestamp(), seen.news
