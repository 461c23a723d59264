"""How every page looks: the templates, their filters, and the headers that keep a page to itself."""

from __future__ import annotations

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
    # No script at all; styles and forms of our own only; in nobody's frame.
    "content-security-policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    # Not no-referrer: browsers would send the origin of our own buttons as null.
    "referrer-policy": "same-origin",
}


class Looks:
    """Renders templates. Times are shown in the account's zone, as of the clock's now."""

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
        self._templates.filters |= {"when": self.when, "veiled": veiled, "address": shown_address}

    def page(self, template: str, *, status: int = 200, **values: object) -> HTMLResponse:
        """A page from a template."""
        html = self._templates.get_template(f"{template}.html.j2").render(
            version=awbridge.__version__, zone=self._zone.key, **values
        )
        return HTMLResponse(html, status, headers=HEADERS)

    def trouble(self, status: int, title: str, text: str) -> HTMLResponse:
        """The page of an error."""
        return self.page("trouble", status=status, title=title, text=text)

    def when(self, at: datetime | None) -> Markup:
        """A time: how long ago (or how soon), and the time itself to whoever points at it. A dash for none."""
        if at is None:
            return Markup("<span class=none>–</span>")
        local = at.astimezone(self._zone)
        exact = f"{local.day} {local:%b %Y, %H:%M:%S}"
        words = in_words((self._clock() - at).total_seconds())
        return Markup('<time datetime="{}" title="{}">{}</time>').format(local.isoformat(), exact, words)


def in_words(seconds: float) -> str:
    """A span as people say it: `3 h ago`, `in 20 min`."""
    span = abs(seconds)
    for size, name in ((86400, "days"), (3600, "h"), (60, "min")):
        if span >= 2 * size or (name == "min" and span >= size):
            text = f"{span / size:.0f} {name}"
            return f"{text} ago" if seconds > 0 else f"in {text}"
    return "just now" if seconds >= 0 else "in a moment"


def shown_address(url: str) -> str:
    """The address of an own system without its query, which may hold a secret of that system's."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}{'?…' if parts.query else ''}"
