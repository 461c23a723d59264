"""Refuses what a visitor's role does not cover, with a page that says so."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from awbridge.web.access.roles import least_role
from awbridge.web.pages.language import gettext
from awbridge.web.pages.page_templates import PageTemplates
from awbridge.web.pages.visit import current_visit


class RoleMiddleware:
    """Compares the visitor's role with the table in web/access/roles.py. Without a visitor, the guard has decided."""

    def __init__(self, app: ASGIApp, templates: PageTemplates) -> None:
        self._app = app
        self._templates = templates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        visit = current_visit()
        if scope["type"] != "http" or visit.actor is None or visit.may(scope["method"], scope["path"]):
            await self._app(scope, receive, send)
            return
        least = gettext(least_role(scope["method"], scope["path"]).value)
        text = gettext("Your role is %(role)s; this needs the role %(least)s. An admin can change your role.")
        values = {"role": gettext(visit.actor.role.value), "least": least}
        page = self._templates.error_page(403, gettext("Not allowed for your role"), text % values)
        await page(scope, receive, send)
