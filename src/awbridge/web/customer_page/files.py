"""The files beside the customer's page: its CSS, the shop's CSS and logo. Their names hold a hash of their content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from awbridge.domain.customer_page.brand import colour_rules
from awbridge.sinks.brand_files import Logo
from awbridge.web.customer_page.responses import DATA_HEADERS, FILE_HEADERS, FOR_EVER, PageResponse

CSS = b"text/css; charset=utf-8"
SCRIPT = b"text/javascript; charset=utf-8"
_EVERY_SITE = ((b"access-control-allow-origin", b"*"), (b"cross-origin-resource-policy", b"cross-origin"))
FIVE_MINUTES = b"public, max-age=300"
_ICON = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="4" fill="%b"/></svg>'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFiles:
    """The files by name. `styles`: those of CSS, in order. `widget`: the script under the
    address that stays, which names the one with the hash. `logo`: the logo's name, or "". `icon`: of the tab."""

    by_name: Mapping[str, PageResponse]
    widget: PageResponse
    styles: tuple[str, ...]
    logo: str
    icon: str


def page_files(*, colour: str, own_css: bytes = b"", logo: Logo | None = None) -> PageFiles:
    """The files of a shop with this colour, its own CSS and its logo."""
    css = b"".join(map(_static, ("page.css", "answers.css"))) + colour_rules(colour).encode()
    by_name = {_named("page", "css", css): _file(css, CSS)}
    if own_css:
        by_name[_named("own", "css", own_css)] = _file(own_css, CSS)
    styles = tuple(by_name)
    name = ""
    if logo:
        name = _named("logo", logo.extension, logo.content)
        by_name[name] = _file(logo.content, logo.media_type.encode())
    square = _ICON % colour.encode()
    icon = _named("icon", "svg", square)
    by_name[icon] = _file(square, b"image/svg+xml")
    widget = (resources.files(__package__ or "") / "static" / "widget.js").read_bytes()
    named = _named("widget", "js", widget)
    by_name[named] = _script(widget, cache=FOR_EVER)
    stays = _script(widget, cache=FIVE_MINUTES, location=f"static/{named}")
    return PageFiles(by_name=by_name, widget=stays, styles=styles, logo=name, icon=icon)


def _static(name: str) -> bytes:
    return (resources.files(__package__ or "") / "static" / name).read_bytes()


def _named(name: str, extension: str, content: bytes) -> str:
    return f"{name}-{hashlib.sha256(content).hexdigest()[:12]}.{extension}"


def _script(content: bytes, *, cache: bytes, location: str = "") -> PageResponse:
    """A script that every site may load, also one that names its hash (Subresource Integrity)."""
    headers = (*DATA_HEADERS, *_EVERY_SITE)
    if location:
        headers = (*headers, (b"content-location", location.encode()))
    return PageResponse(status=200, body=content, content_type=SCRIPT, cache=cache, headers=headers)


def _file(content: bytes, media_type: bytes) -> PageResponse:
    return PageResponse(status=200, body=content, content_type=media_type, cache=FOR_EVER, headers=FILE_HEADERS)
