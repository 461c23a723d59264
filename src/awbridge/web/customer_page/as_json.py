"""The customer's page as JSON, for the shop's own site and the widget (docs/how-to/operate/customer-page.md).

It says what the page says, and nothing more. The names of its fields are a contract of their own: the view may change,
they stay, and `version` grows if they must not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

import msgspec

from awbridge.domain.customer_page.brand import Brand, text_on
from awbridge.domain.customer_page.view import BoxView, DayView, PageView, ParcelView, ReturnText, StepView
from awbridge.domain.customer_page.words import Words
from awbridge.domain.json import JsonObject

VERSION = 1
# What the widget writes beside the values.
_LABELS = ("title", "where", "next", "courier", "progress", "history")


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonPages:
    """Makes the JSON of pages. `base_url`: the address of the customer's page. `logo`: the name of its file, or ""."""

    base_url: str
    brand: Brand
    logo: str = ""

    def page(self, view: PageView, words: Words, token: str) -> bytes:
        """The page of an order, opened by this token."""
        found: JsonObject = {
            "version": VERSION,
            "language": view.language,
            "direction": view.direction,
            "url": f"{self.base_url}/track/{token}?lang={view.language}",
            "brand": self._brand(),
            "support": {
                "url": self.brand.support_url or None,
                "phone": self.brand.support_phone or None,
                "mail": self.brand.support_mail or None,
            },
            "labels": {name: words.text(f"page.{name}") for name in _LABELS},
            "greeting": view.greeting,
            "headline": view.headline,
            "text": view.text,
            "tone": view.tone,
            "note": view.note,
            "parcels": [_parcel(one) for one in view.parcels],
        }
        return msgspec.json.encode(found)

    def problem(self, name: str, words: Words) -> bytes:
        """Why there is no page: a problem of the texts, such as "gone"."""
        found: JsonObject = {
            "version": VERSION,
            "language": words.code,
            "direction": words.direction,
            "title": words.text(f"problem.{name}_title"),
            "text": words.text(f"problem.{name}_text"),
        }
        return msgspec.json.encode(found)

    def _brand(self) -> JsonObject:
        return {
            "name": self.brand.name,
            "colour": self.brand.colour,
            "text_on_colour": text_on(self.brand.colour),
            "logo": f"{self.base_url}/track/static/{self.logo}" if self.logo else None,
        }


def _parcel(one: ParcelView) -> JsonObject:
    return {
        "title": one.title,
        "is_return": one.is_return,
        "state": one.stage,
        "tone": one.tone,
        "headline": one.headline,
        "reason": one.reason,
        "next": one.next,
        "where": _where(one),
        "expected": _expected(one),
        "promise": one.promise,
        "courier": one.courier,
        "city": one.city,
        "can_answer": one.can_answer,
        "steps": [_step(step) for step in one.steps],
        "boxes": [_box(box) for box in one.boxes],
        "days": _days(one.days),
        "returns": [_return(event) for event in one.returns],
    }


def _where(one: ParcelView) -> JsonObject | None:
    return {"place": one.where, "at": _time(one.where_at), "moment": one.where_moment} if one.where else None


def _expected(one: ParcelView) -> JsonObject | None:
    if not one.expected:
        return None
    return {"label": one.expected_label, "text": one.expected, "date": _day(one.expected_date)}


def _step(step: StepView) -> JsonObject:
    return {
        "text": step.text,
        "state": step.state,
        "state_text": step.state_text,
        "date": _day(step.date),
        "day": step.day,
    }


def _box(box: BoxView) -> JsonObject:
    return {
        "title": box.title,
        "state": box.stage,
        "tone": box.tone,
        "headline": box.headline,
        "place": box.place,
        "at": _time(box.at),
        "moment": box.moment,
    }


def _days(days: Iterable[DayView]) -> list[JsonObject]:
    return [
        {
            "date": _day(day.date),
            "text": day.text,
            "scans": [
                {"at": _time(scan.at), "time": scan.time, "text": scan.text, "place": scan.place} for scan in day.scans
            ],
        }
        for day in days
    ]


def _return(event: ReturnText) -> JsonObject:
    return {"text": event.text, "at": _time(event.at), "moment": event.moment}


def _time(at: datetime | None) -> str | None:
    """A time with its offset, such as 2026-11-24T10:30:00+05:30."""
    return at.isoformat(timespec="seconds") if at else None


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
