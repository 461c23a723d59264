"""What is answered for an account that is suspended, or whose database cannot be reached: a problem, or a page."""

from __future__ import annotations

from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from awbridge.web import problem_kinds as kinds
from awbridge.web import problems
from awbridge.web.customer_page.app import is_customer_page
from awbridge.web.pages.language import gettext, gettext_noop
from awbridge.web.pages.page_templates import PageTemplates
from awbridge.web.pages.pages_app import is_page, static_files
from awbridge.web.pages.visit_middleware import VisitMiddleware
from awbridge.web.problem_kinds import ProblemKind

_SUSPENDED = gettext_noop("The account is suspended")
_SUSPENDED_TEXT = gettext_noop(
    "An admin of this installation suspended it. Its pages and its API are closed; its webhooks are still stored."
)
_BUSY = gettext_noop("The database is busy")
_BUSY_TEXT = gettext_noop("The account's database cannot be reached. Try again in a moment.")
_LATER = "This page is not available at the moment. Please try again later.\n"


class Refusals:
    """Makes the answers. `templates`: those of the home, for they need no account."""

    def __init__(self, templates: PageTemplates) -> None:
        self._templates = templates
        self.suspended = self._app(kinds.ACCOUNT_SUSPENDED, _SUSPENDED, _SUSPENDED_TEXT, retry_after=3600)
        self.busy = self._app(kinds.STORE_BUSY, _BUSY, _BUSY_TEXT, retry_after=1)

    def _app(self, kind: ProblemKind, title: str, text: str, *, retry_after: int) -> ASGIApp:
        as_problem = problems.problem(kind, text)
        # Customers are not told what is between a shop and its provider.
        for_customers = PlainTextResponse(
            _LATER, 503, headers={"retry-after": str(retry_after), "cache-control": "no-store"}
        )

        async def page(scope: Scope, receive: Receive, send: Send) -> None:
            shown: Response = self._templates.error_page(kind.status, gettext(title), gettext(text))
            if kind.status == 503:
                shown.headers["retry-after"] = str(retry_after)
            await shown(scope, receive, send)

        visited = VisitMiddleware(page)
        static = static_files()

        async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
            path: str = scope["path"]
            if path.startswith("/static/"):  # the style of the page
                await static(scope, receive, send)
            elif is_customer_page(path):
                await for_customers(scope, receive, send)
            elif is_page(path):
                await visited(scope, receive, send)
            else:
                await as_problem(scope, receive, send)

        return refuse
