"""The switch of languages, at the foot of every page."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from awbridge.web.pages.form import read_form
from awbridge.web.pages.language import COOKIE, LANGUAGES
from awbridge.web.pages.page_route import PageRoute
from awbridge.web.pages.page_templates import HEADERS
from awbridge.web.pages.visit import current_visit

_A_YEAR = 365 * 86400  # seconds


def routes() -> list[PageRoute]:
    """The route of the switch."""
    return [PageRoute("/language", switch_language, method="POST")]


async def switch_language(request: Request) -> Response:
    """Remember the language in a cookie and show the page before again. Raises HTTPException 422 for an unknown one."""
    chosen = dict(await read_form(request)).get("language", "")
    if chosen not in LANGUAGES:
        raise HTTPException(422, f"Choose one of the languages {', '.join(LANGUAGES)}.")
    answer = RedirectResponse(_page_before(request), 303, headers=HEADERS)
    answer.set_cookie(COOKIE, chosen, max_age=_A_YEAR, httponly=True, samesite="lax")
    return answer


def _page_before(request: Request) -> str:
    """The path of the page that sent the form, on this host; "/" if that is not known."""
    try:
        before = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        return "/"
    if before.netloc != request.headers.get("host"):
        return "/"
    path = before._replace(scheme="", netloc="").geturl().removeprefix(current_visit().prefix)
    # A path that starts with two slashes would lead to another host.
    return "/" + path.lstrip("/")
