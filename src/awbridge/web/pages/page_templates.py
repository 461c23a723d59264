"""Render pages: the templates, their filters, and the security headers."""

from __future__ import annotations

import json
from datetime import datetime
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

import awbridge
from awbridge.domain.privacy import veiled
from awbridge.steps.runtime.clock import Clock

HEADERS = {
    # No scripts; only our own styles and forms; no framing.
    "content-security-policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    # Not no-referrer: browsers would send `Origin: null` with our own forms.
    "referrer-policy": "same-origin",
}
_TIME = Markup('<time datetime="{}" title="{}">{}</time>')


class PageTemplates:
    """Renders templates. Times are in the account's zone, relative to the clock."""

    def __init__(self, clock: Clock, zone: ZoneInfo) -> None:
        self._clock = clock
        self._zone = zone
        self._templates = Environment(
            loader=PackageLoader("awbridge.web.pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {
            "when": self.when,
            "moment": self.moment,
            "readable": readable,
            "veiled": veiled,
            "address": url_without_query,
        }

    def page(self, template: str, *, status: int = 200, **values: object) -> HTMLResponse:
        """The page of a template."""
        html = self._templates.get_template(f"{template}.html.j2").render(
            version=awbridge.__version__, zone=self._zone.key, **values
        )
        # JSON may hold half of a surrogate pair, as no text in UTF-8 can.
        return HTMLResponse(html.encode(errors="replace"), status, headers=HEADERS)

    def error_page(self, status: int, title: str, text: str) -> HTMLResponse:
        """The page of an error."""
        return self.page("error", status=status, title=title, text=text)

    def when(self, at: datetime | None) -> Markup:
        """A relative time, with the exact time as its tooltip. A dash for None."""
        if at is None:
            return Markup("<span class=none>–</span>")
        text = relative_time((self._clock() - at).total_seconds())
        return _TIME.format(at.astimezone(self._zone).isoformat(), self._exact(at), text)

    def moment(self, at: datetime) -> Markup:
        """An exact time, with the relative time as its tooltip."""
        text = relative_time((self._clock() - at).total_seconds())
        return _TIME.format(at.astimezone(self._zone).isoformat(), text, self._exact(at))

    def _exact(self, at: datetime) -> str:
        local = at.astimezone(self._zone)
        return f"{local.day} {local:%b %Y, %H:%M:%S}"


def relative_time(seconds: float) -> str:
    """A time that many seconds ago as text: `3 h ago`, `in 20 min`."""
    span = abs(seconds)
    for size, name in ((86400, "days"), (3600, "h"), (60, "min")):
        if span >= 2 * size or (name == "min" and span >= size):
            text = f"{span / size:.0f} {name}"
            return f"{text} ago" if seconds > 0 else f"in {text}"
    return "just now" if seconds >= 0 else "in a moment"


def pretty(value: object) -> str:
    """JSON for people."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def readable(text: str | bytes) -> str:
    """JSON for people; any other text unchanged."""
    try:
        return pretty(json.loads(text))
    except (ValueError, RecursionError):
        return text.decode("utf-8", "replace") if isinstance(text, bytes) else text


def url_without_query(url: str) -> str:
    """The URL of an endpoint without its query, which may contain a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}{'?…' if parts.query else ''}"
