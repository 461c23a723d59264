"""The cookies of a sign-in."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse

from awbridge.domain.people.credentials import SESSION_LASTS
from awbridge.web.access import credentials
from awbridge.web.access.credentials import SESSION_COOKIE
from awbridge.web.pages.page_templates import HEADERS


def local_path(text: str) -> str:
    """The path of a page of ours; "/" for anything that a browser could take for another host."""
    safe = text.startswith("/") and not text.startswith("//") and "\\" not in text and text.isprintable()
    return text if safe else "/"


def signed_in(request: Request, token: str, path: str) -> RedirectResponse:
    """The response that hands the browser its session and leads to a page."""
    answer = RedirectResponse(local_path(path), 303, headers=HEADERS)
    set_cookie(request, answer, SESSION_COOKIE, token, seconds=int(SESSION_LASTS.total_seconds()))
    return answer


def set_cookie(request: Request, answer: RedirectResponse, name: str, value: str, *, seconds: int) -> None:
    """Set a cookie that no script reads and no other site sends along, or remove it (`seconds` 0)."""
    answer.set_cookie(
        credentials.cookie_name(request.scope, name),
        value,
        max_age=seconds,
        path="/",
        httponly=True,
        samesite="lax",
        secure=credentials.is_https(request.scope),
    )
