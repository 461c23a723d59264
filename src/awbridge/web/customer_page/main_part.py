"""The main part of the page as HTML: the summary, and of each parcel its steps, where it is, what happened.

Not a template: that took about five times as long, in the process that must answer webhooks. What differs between pages
is made here, and every text in it is escaped; frame, forms and problem pages are templates.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from functools import lru_cache

from markupsafe import escape

from awbridge.domain.customer_page.ladder import StepState
from awbridge.domain.customer_page.view import BoxView, DayView, PageView, ParcelView, ReturnText, StepView

_SPECIAL = re.compile("[&<>'\"]").search  # what `escape` replaces
_CURRENT = frozenset({StepState.NOW, StepState.WRONG})


@lru_cache(maxsize=16_384)  # words, times of day, days and places repeat from page to page
def escaped(text: str) -> str:
    """A text as HTML."""
    return str(escape(text))


def _fresh(text: str) -> str:
    """The same for a text that few pages have."""
    return str(escape(text)) if _SPECIAL(text) else text


def main_part(view: PageView, texts: Mapping[str, str], answers: str = "") -> str:
    """The main part of a page. `answers`: the HTML of its forms; urgent ones stand before the parcels."""
    is_urgent = view.answers is not None and view.answers.is_urgent
    several = len(view.parcels) > 1
    parts = [_summary(view, several=several), answers if is_urgent else ""]
    parts += [_parcel(parcel, texts, number, several=several) for number, parcel in enumerate(view.parcels, 1)]
    if view.note:
        parts.append(f'<p class="note">{escaped(view.note)}</p>\n')
    parts.append("" if is_urgent else answers)
    return "".join(parts)


def _summary(view: PageView, *, several: bool) -> str:
    greeting = f'<p class="greeting">{_fresh(view.greeting)}</p>\n' if view.greeting else ""
    text = f"<p>{escaped(view.text)}</p>\n" if view.text else ""
    if not view.text and not several:
        text = _what_next(view.parcels[0])
    return f'<div class="summary {view.tone}">\n{greeting}<h1>{escaped(view.headline)}</h1>\n{text}</div>\n'


def _what_next(parcel: ParcelView) -> str:
    reason = f'<p class="reason">{escaped(parcel.reason)}</p>\n' if parcel.reason else ""
    return f"{reason}<p>{escaped(parcel.next)}</p>\n"


def _parcel(parcel: ParcelView, texts: Mapping[str, str], number: int, *, several: bool) -> str:
    title = " · ".join(filter(None, (parcel.title, parcel.city)))
    named = f'<p class="title">{escaped(title)}</p>\n' if title else ""
    label = headline = ""
    if several:
        label = f' aria-labelledby="parcel-{number}"'
        headline = f'<h2 id="parcel-{number}">{escaped(parcel.headline)}</h2>\n{_what_next(parcel)}'
    body = _body(parcel, texts, several=several)
    return f'<article class="parcel {parcel.tone}"{label}>\n{named}{headline}{body}</article>\n'


def _body(parcel: ParcelView, texts: Mapping[str, str], *, several: bool) -> str:
    """What stands below the headline of a parcel."""
    heading = "h3" if several else "h2"
    parts = [
        f'<ol class="steps" aria-label="{escaped(texts["page.progress"])}">\n',
        *map(_step, parcel.steps),
        "</ol>\n",
        _facts(parcel, texts),
    ]
    if parcel.promise:
        parts.append(f'<p class="note">{_fresh(parcel.promise)}</p>\n')
    if parcel.boxes:
        parts += ('<ul class="boxes">\n', *map(_box, parcel.boxes), "</ul>\n")
    if parcel.returns:
        title = escaped(texts["page.return"])
        rows = map(_return, parcel.returns)
        parts += (f'<{heading} class="part">{title}</{heading}>\n<ul class="scans">\n', *rows, "</ul>\n")
    if parcel.days:
        parts.append(f"<details{'' if several else ' open'}>\n<summary>{escaped(texts['page.history'])}</summary>\n")
        parts += [_day(day, heading) for day in parcel.days]
        parts.append("</details>\n")
    else:
        parts.append(f'<p class="note">{escaped(texts["page.no_news"])}</p>\n')
    return "".join(parts)


@lru_cache(maxsize=4096)  # steps and days repeat from page to page
def _step(step: StepView) -> str:
    current = ' aria-current="step"' if step.state in _CURRENT else ""
    day = f' <span class="when">{escaped(step.day)}</span>' if step.day else ""
    return (
        f'<li class="{step.state}"{current}><span class="step">{escaped(step.text)}'
        f'<span class="unseen"> ({escaped(step.state_text)})</span></span>{day}</li>\n'
    )


def _facts(parcel: ParcelView, texts: Mapping[str, str]) -> str:
    rows = ""
    if parcel.expected:
        rows = f"<div><dt>{escaped(parcel.expected_label)}</dt><dd>{_fresh(parcel.expected)}</dd></div>\n"
    if parcel.where:
        moment = f' <span class="when">{_fresh(parcel.where_moment)}</span>' if parcel.where_moment else ""
        place = f"<bdi>{escaped(parcel.where)}</bdi>{moment}"
        rows += f"<div><dt>{escaped(texts['page.where'])}</dt><dd>{place}</dd></div>\n"
    if parcel.courier:
        courier = f"<bdi>{escaped(parcel.courier)}</bdi>"
        rows += f"<div><dt>{escaped(texts['page.courier'])}</dt><dd>{courier}</dd></div>\n"
    return f"<dl>\n{rows}</dl>\n" if rows else ""


def _box(box: BoxView) -> str:
    place = f"<bdi>{escaped(box.place)}</bdi>" if box.place else ""
    both = " · " if box.place and box.moment else ""
    when = f' <span class="when">{place}{both}{_fresh(box.moment)}</span>' if box.place or box.moment else ""
    title = f"<strong>{escaped(box.title)}</strong>"
    return f'<li class="{box.tone}">{title} <span>{escaped(box.headline)}</span>{when}</li>\n'


def _return(one: ReturnText) -> str:
    return f'<li><span class="when">{_fresh(one.moment)}</span> <span>{escaped(one.text)}</span></li>\n'


def _day(day: DayView, heading: str) -> str:
    rows = "".join([_scan(scan.time, scan.text, scan.place) for scan in day.scans])
    return f'{_day_title(day.date, day.text, heading)}<ul class="scans">\n{rows}</ul>\n'


@lru_cache(maxsize=4096)
def _day_title(day: date, text: str, heading: str) -> str:
    return f'<{heading} class="part"><time datetime="{day}">{escape(text)}</time></{heading}>\n'


@lru_cache(maxsize=16_384)
def _scan(time: str, text: str, place: str) -> str:
    where = f' <span class="place"><bdi>{escape(place)}</bdi></span>' if place else ""
    return f'<li><span class="when">{escape(time)}</span> <span>{escape(text)}{where}</span></li>\n'
