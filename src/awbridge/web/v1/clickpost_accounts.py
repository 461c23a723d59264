"""The routes of the accounts at ClickPost that the service works for beside its home."""

from __future__ import annotations

from typing import Annotated

from fastapi import Body
from pydantic import Field

from awbridge.domain.errors import NotFound
from awbridge.web.accounts.tools import AccountTools, ShownAccount
from awbridge.web.contexts import ApiContext
from awbridge.web.dependencies import ApiDep
from awbridge.web.v1.request_parsing import NO_NUL
from awbridge.web.v1.strict import OwnBody, v1_router
from awbridge.web.v1.views.clickpost_accounts import ClickPostAccountDetails, ClickPostAccountView

router = v1_router("/clickpost-accounts", tags=["accounts"])

MOST_SETTINGS = 200

_Value = str | bool | int | float | list[str]
_Settings = Annotated[
    dict[Annotated[str, Field(max_length=100, pattern=NO_NUL)], _Value],
    Field(
        max_length=MOST_SETTINGS,
        description="Settings by name, as in awbridge.toml, secrets too. Those that name places of the machine are set "
        "there.",
    ),
]
_Title = Annotated[str, Field(max_length=200, pattern=NO_NUL, description="What pages call it.")]


class NewAccountBody(OwnBody):
    """An account to add."""

    name: str = Field(
        max_length=200,
        pattern=NO_NUL,
        description="A letter, then letters, digits, `-` and `_`, in lower case, at most 32: a part of its paths.",
    )
    title: _Title = ""
    settings: _Settings = Field(default_factory=dict)


class AccountChangeBody(OwnBody):
    """What to change of an account. The rest stays."""

    title: _Title | None = None
    settings: _Settings = Field(default_factory=dict)
    unset: list[Annotated[str, Field(max_length=100, pattern=NO_NUL)]] = Field(
        [],
        max_length=MOST_SETTINGS,
        description="Settings to remove, so that the account has the home's or the default.",
    )


def _tools(api: ApiContext) -> AccountTools:
    if api.accounts is None:
        raise NotFound("Accounts are managed at the home: call this without /a/{account}.")
    return api.accounts


@router.get("", response_model=list[ClickPostAccountView])
async def list_clickpost_accounts(api: ApiDep) -> list[ShownAccount]:
    """Every account beside the home, with what it does. Needs an admin of the home."""
    return list(await _tools(api).all())


@router.post("", status_code=201, response_model=ClickPostAccountDetails)
async def add_clickpost_account(body: Annotated[NewAccountBody, Body()], api: ApiDep) -> ShownAccount:
    """Add an account. Its paths begin with `/a/{name}/`. Needs an admin of the home."""
    await _tools(api).add(body.name, title=body.title, settings=body.settings)
    return await _tools(api).find(body.name)


@router.get("/{name}", response_model=ClickPostAccountDetails)
async def show_clickpost_account(name: str, api: ApiDep) -> ShownAccount:
    """One account with the settings that are stored for it; of secrets only the names. Needs an admin of the home."""
    return await _tools(api).find(name)


@router.put("/{name}", response_model=ClickPostAccountDetails)
async def change_clickpost_account(name: str, body: Annotated[AccountChangeBody, Body()], api: ApiDep) -> ShownAccount:
    """Change some settings of an account. Services follow within seconds. Needs an admin of the home."""
    await _tools(api).change(name, title=body.title, settings=body.settings, unset=body.unset)
    return await _tools(api).find(name)


@router.post("/{name}/suspend", response_model=ClickPostAccountDetails)
async def suspend_clickpost_account(name: str, api: ApiDep) -> ShownAccount:
    """Stop an account: its API and pages answer 403, its steps stop. Webhooks are still stored. Repeatable."""
    await _tools(api).suspend(name)
    return await _tools(api).find(name)


@router.post("/{name}/resume", response_model=ClickPostAccountDetails)
async def resume_clickpost_account(name: str, api: ApiDep) -> ShownAccount:
    """Work for a suspended account again, from what was stored meanwhile. Repeatable."""
    await _tools(api).resume(name)
    return await _tools(api).find(name)
