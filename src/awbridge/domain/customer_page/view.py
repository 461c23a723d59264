"""The customer's page as texts, days and times of one language: what the HTML, the JSON and the widget show. Pure.

Nothing here is private but the first name and the city. Times are local, aware; where a text says a time, the time
itself stands beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from functools import lru_cache

import msgspec

from awbridge.domain.customer_page.answer_view import AnswersView
from awbridge.domain.customer_page.journey import Arriving, Event, Journey, ParcelBox, journey_of, summary
from awbridge.domain.customer_page.ladder import StepState
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


class ScanText(msgspec.Struct, frozen=True):
    """Something that happened: what, where ("" if unknown), when."""

    text: str
    place: str
    time: str
    at: datetime


class DayView(msgspec.Struct, frozen=True):
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
    makes = _maker(words, today)
    titles = _titles(journeys, words)
    parcels = tuple([makes.parcel(j, title) for j, title in zip(journeys, titles, strict=True)])
    key, numbers = summary(journeys)
    first_name = order.parcels[0].first_name or next((p.first_name for p in order.parcels if p.first_name), "")
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


@lru_cache(maxsize=64)
def _maker(words: Words, today: date) -> _ViewMaker:
    return _ViewMaker(words, today)


class _ViewMaker:
    """Makes the views of one language on one day. What repeats from page to page is made once: days, times, steps."""

    def __init__(self, words: Words, today: date) -> None:
        self.words = words
        self.today = today
        self._near_day = lru_cache(maxsize=1024)(self._new_near_day)
        self._day_title = lru_cache(maxsize=1024)(self._new_day_title)
        self._expected_on = lru_cache(maxsize=1024)(self._new_expected_on)
        self._with_days = lru_cache(maxsize=1024)(self._new_with_days)
        self._with_city = lru_cache(maxsize=4096)(self._new_with_city)
        self._moment_of = lru_cache(maxsize=4096)(self._new_moment)
        self._step = lru_cache(maxsize=4096)(self._new_step)
        self._scan_text = lru_cache(maxsize=1024)(self._new_scan_text)
        self._time = lru_cache(maxsize=1500)(self._new_time)

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
            steps=tuple([self._step(step.key, step.state, step.day) for step in j.steps]),
            boxes=tuple([self._box(box, place, len(j.boxes)) for place, box in enumerate(j.boxes, 1)]),
            days=tuple([self._day(day, events, j.parcel.is_return) for day, events in j.days]),
            returns=tuple(map(self._return, sorted(j.parcel.returns, key=_newest_first))) if j.parcel.returns else (),
            can_answer=j.stage in _CAN_ANSWER and not j.parcel.is_return,
        )

    def _headline(self, j: Journey) -> str:
        text = self.words.text
        if j.arriving is Arriving.ON_A_DAY and j.expected:
            return self._with_days("headline.arriving_on", j.expected.day)
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
        return self.words.text("page.expected"), self._expected_on(j.expected.day), j.expected.day

    def _promise(self, j: Journey) -> str:
        """How the expected day changed, or that it is over."""
        if j.expected is None:
            return ""
        if j.expected.is_missed:
            return self._with_days("promise.missed", j.expected.day)
        if j.expected.first is None:
            return ""
        key = "promise.changed" if j.expected.changes == 1 else "promise.changed_often"
        return self._with_days(key, j.expected.day, j.expected.first, j.expected.changes)

    def _city(self, j: Journey) -> str:
        return self._with_city("page.from" if j.parcel.is_return else "page.to", j.parcel.city) if j.parcel.city else ""

    def _new_with_city(self, key: str, city: str) -> str:
        return self.words.text(key, city=city)

    def _new_with_days(self, key: str, day: date, first: date | None = None, count: int = 0) -> str:
        if key == "headline.arriving_on":
            return self.words.text(key, day=self.words.dates.day_in_words(day, year=self.today.year))
        near = self._near_day(day)
        before = self._near_day(first) if first else ""
        return self.words.text(key, day=near, now=near, first=before, count=count)

    def _new_expected_on(self, day: date) -> str:
        return as_beginning(self.words.dates.by_evening_of(self._near_day(day)))

    def _new_step(self, key: str, state: StepState, day: date | None) -> StepView:
        state_text = self.words.text(f"page.{'now' if state is StepState.WRONG else state}")
        text = self.words.dates.day_in_words(day, year=self.today.year, short=True) if day else ""
        return StepView(text=self.words.text(f"step.{key}"), state=state, state_text=state_text, day=text, date=day)

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
        said, clock = self._scan_text, self._time
        scans = [
            ScanText(said(event.meaning, event.reason, is_return), event.place, clock(at.hour, at.minute), at)
            for event in events
            for at in (event.at,)
        ]
        return DayView(self._day_title(day), day, tuple(scans))

    def _new_scan_text(self, meaning: Meaning, reason: Reason, is_return: bool) -> str:
        if meaning is Meaning.FAILED and reason is not Reason.UNKNOWN and not is_return:
            return self.words.text("scan.failed_because", reason=self.words.text(f"reason.{reason}"))
        texts = self.words.texts
        return (is_return and texts.get(f"scan_return.{meaning}")) or texts[f"scan.{meaning}"]

    def _new_time(self, hour: int, minute: int) -> str:
        return self.words.dates.time_in_words(time(hour, minute))

    def _return(self, seen: ReturnSeen) -> ReturnText:
        return ReturnText(text=self.words.text(f"return.{seen.news}"), moment=self._moment(seen.at), at=seen.at)

    def _moment(self, at: datetime) -> str:
        return self._moment_of(at.date(), at.hour, at.minute)

    def _new_moment(self, day: date, hour: int, minute: int) -> str:
        return as_beginning(self.words.dates.at_time(self._near_day(day), time(hour, minute)))

    def _new_near_day(self, day: date) -> str:
        return self.words.dates.near_day(day, today=self.today)

    def _new_day_title(self, day: date) -> str:
        return as_beginning(self._near_day(day))


def _newest_first(seen: ReturnSeen) -> tuple[float, str]:
    return -seen.at.timestamp(), seen.news
