"""Render pages: the templates, their filters, and the security headers."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from datetime import datetime
from types import CodeType
from typing import cast
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from jinja2 import BytecodeCache, Environment, PackageLoader, StrictUndefined
from jinja2.bccache import Bucket
from markupsafe import Markup
from starlette.responses import HTMLResponse

import awbridge
from awbridge.domain.privacy import veiled
from awbridge.steps.runtime.clock import Clock
from awbridge.store.engine.reads.reading import data_age
from awbridge.web.pages.language import LANGUAGES, gettext, gettext_noop, ngettext
from awbridge.web.pages.navigation import MENU, MENU_OF_AN_ACCOUNT
from awbridge.web.pages.visit import current_visit
from awbridge.web.pages.wording import status_words, words

HEADERS = {
    # Only our own scripts, styles, pictures and forms; nothing inline; no framing.
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    # Not no-referrer: browsers would send `Origin: null` with our own forms.
    "referrer-policy": "same-origin",
}
_MONTHS = (
    *(gettext_noop("Jan"), gettext_noop("Feb"), gettext_noop("Mar"), gettext_noop("Apr"), gettext_noop("May")),
    *(gettext_noop("Jun"), gettext_noop("Jul"), gettext_noop("Aug"), gettext_noop("Sep"), gettext_noop("Oct")),
    *(gettext_noop("Nov"), gettext_noop("Dec")),
)
_UNITS = ((86400, gettext_noop("days")), (3600, gettext_noop("h")), (60, gettext_noop("min")))  # seconds each
_LOCAL_ADDRESS = re.compile(r"""(\s(?:href|src|action|formaction|hx-get|hx-post|hx-push-url)=")/(?!/)""")
_TIME = Markup('<time datetime="{}" title="{}">{}</time>')


class _CompiledOnce(BytecodeCache):
    """Templates compiled so far in this process: every account has an environment of its own, but not its own code."""

    def __init__(self) -> None:
        self._compiled: dict[str, CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give a template its code, if another environment compiled it."""
        bucket.code = self._compiled.get(bucket.key)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep the code of a template."""
        if bucket.code:
            self._compiled[bucket.key] = bucket.code


_COMPILED = _CompiledOnce()


class PageTemplates:
    """Renders templates. Times are in the account's zone, relative to the clock.

    `title`: what pages call the account; by default its name in the path. `has_accounts`: whether accounts are managed
    here.
    """

    def __init__(self, clock: Clock, zone: ZoneInfo, *, title: str = "", has_accounts: bool = False) -> None:
        self._clock = clock
        self._zone = zone
        self._title = title
        self._menu = MENU if has_accounts else MENU_OF_AN_ACCOUNT
        self._templates = Environment(
            loader=PackageLoader("awbridge.web.pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            bytecode_cache=_COMPILED,
            extensions=["jinja2.ext.i18n"],
        )
        install_translations(self._templates)
        self._templates.filters |= {
            "when": self.when,
            "moment": self.moment,
            "hour": self.hour,
            "readable": readable,
            "veiled": veiled,
            "address": url_without_query,
            "words": words,
            "status": status_words,
            "translated": gettext,  # of a text that is not the template's own: `_()` would not escape it
        }
        cast("dict[str, object]", self._templates.globals)["may"] = _may

    def page(self, template: str, *, status: int = 200, **values: object) -> HTMLResponse:
        """The page of a template."""
        html = self._templates.get_template(f"{template}.html.j2").render(
            version=awbridge.__version__,
            zone=self._zone.key,
            visit=current_visit(),
            menu=self._menu,
            account_title=self._title or current_visit().account,
            languages=LANGUAGES,
            data_age=math.ceil(data_age() or 0),
            **values,
        )
        if prefix := current_visit().prefix:
            html = below_prefix(html, prefix)
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

    def hour(self, at: datetime) -> str:
        """The hour of a time, such as `14:00`."""
        return f"{at.astimezone(self._zone):%H:%M}"

    def _exact(self, at: datetime) -> str:
        local = at.astimezone(self._zone)
        return f"{local.day} {gettext(_MONTHS[local.month - 1])} {local:%Y, %H:%M:%S}"


def below_prefix(html: str, prefix: str) -> str:
    """The page of an account: every address in it that begins with a slash gets the account's prefix.

    A quote in a value is escaped, so that text which looks like an attribute is none. The templates write attributes
    with double quotes; tests/web/accounts/test_account_pages.py follows every address of every page.
    """
    return _LOCAL_ADDRESS.sub(rf"\1{prefix}/", html)


def _may(method: str, path: str) -> bool:
    """Whether the visitor may do this; buttons and links to what they may not do are hidden."""
    return current_visit().may(method, path)


def install_translations(templates: Environment) -> None:
    """Make `_()`, `gettext()`, `ngettext()` and `{% trans %}` of templates translate into the visitor's language."""
    install = cast("Callable[..., None]", templates.install_gettext_callables)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    install(gettext, ngettext, newstyle=True)


def relative_time(seconds: float) -> str:
    """A time that many seconds ago as text: `3 h ago`, `in 20 min`."""
    span = abs(seconds)
    for size, name in _UNITS:
        if span >= 2 * size or (name == "min" and span >= size):
            text = f"{span / size:.0f} {gettext(name)}"
            return (gettext("%s ago") if seconds > 0 else gettext("in %s")) % text
    return gettext("just now") if seconds >= 0 else gettext("in a moment")


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
