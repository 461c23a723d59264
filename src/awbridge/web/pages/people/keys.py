"""The page on which admins make and revoke API keys."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from awbridge.domain.errors import NotPossible, NotValid
from awbridge.domain.people.role import Role
from awbridge.steps.people import keys as steps
from awbridge.steps.people.keys import NewKey
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.web.access.access_list import STALE_AFTER, AccessList
from awbridge.web.pages.form import WrongField, read_form
from awbridge.web.pages.page_route import PageRoute
from awbridge.web.pages.page_templates import HEADERS, PageTemplates
from awbridge.web.pages.people.roles import read_role
from awbridge.web.pages.wording import sentence
from awbridge.web.requested import parse_id


def routes(store: Store, clock: Clock, templates: PageTemplates, access: AccessList) -> list[PageRoute]:
    """The routes, on this store."""

    async def shown(
        *, made: NewKey | None = None, problems: Mapping[str, str] | None = None, typed: Mapping[str, str] | None = None
    ) -> Response:
        return templates.page(
            "people/keys",
            status=422 if problems else 200,
            keys=await steps.every_key(store),
            roles=[role.value for role in Role],
            made=made,
            problems=problems or {},
            typed=typed or {},
            seconds=int(STALE_AFTER),
        )

    async def list_keys(_request: Request) -> Response:
        return await shown()

    async def add_key(request: Request) -> Response:
        values = dict(await read_form(request))
        try:
            role = read_role(values)
            made = await steps.add_key(store=store, clock=clock, name=values.get("name", ""), role=role)
        except WrongField as error:
            return await shown(problems={error.field: str(error)}, typed=values)
        except (NotValid, NotPossible) as error:
            return await shown(problems={"name": sentence(str(error))}, typed=values)
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
