"""The page on which admins make and revoke API keys."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from awbridge.domain.errors import NotPossible, NotValid
from awbridge.domain.people.role import Role
from awbridge.steps.people import keys as steps
from awbridge.steps.people.keys import NewKey
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.web.access.access_list import STALE_AFTER, AccessList
from awbridge.web.pages.form import read_form
from awbridge.web.pages.page_route import PageRoute
from awbridge.web.pages.page_templates import HEADERS, PageTemplates
from awbridge.web.requested import parse_id


def routes(store: Store, clock: Clock, templates: PageTemplates, access: AccessList) -> list[PageRoute]:
    """The routes, on this store."""

    async def shown(*, made: NewKey | None = None, problem: str = "", name: str = "", status: int = 200) -> Response:
        return templates.page(
            "people/keys",
            status=status,
            keys=await steps.every_key(store),
            roles=[role.value for role in Role],
            made=made,
            problem=problem,
            name=name,
            seconds=int(STALE_AFTER),
        )

    async def list_keys(_request: Request) -> Response:
        return await shown()

    async def add_key(request: Request) -> Response:
        values = dict(await read_form(request))
        try:
            role = Role(values.get("role", ""))
        except ValueError:
            raise HTTPException(422, f"Choose a role: {', '.join(Role)}.") from None
        name = values.get("name", "")
        try:
            made = await steps.add_key(store=store, clock=clock, name=name, role=role)
        except (NotValid, NotPossible) as problem:
            return await shown(problem=str(problem), name=name, status=422)
        access.forget()
        return await shown(made=made)

    async def revoke_key(request: Request) -> Response:
        await steps.revoke_key(store=store, clock=clock, key_id=parse_id(request.path_params["key_id"]))
        access.forget()
        return RedirectResponse("/keys", 303, headers=HEADERS)

    return [
        PageRoute("/keys", list_keys),
        PageRoute("/keys/add", add_key, method="POST"),
        PageRoute("/keys/{key_id}/revoke", revoke_key, method="POST"),
    ]
