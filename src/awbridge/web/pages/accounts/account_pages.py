"""The pages of accounts: a list with what each does; add, change, suspend, resume."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from awbridge.domain.errors import NotFound, NotPossible, NotValid
from awbridge.web.access import credentials
from awbridge.web.accounts.sites import BELOW
from awbridge.web.accounts.tools import AccountState, AccountTools, ShownAccount
from awbridge.web.pages.accounts.setting_lines import read_lines, written
from awbridge.web.pages.form import read_form
from awbridge.web.pages.language import gettext_noop
from awbridge.web.pages.page_route import PageRoute
from awbridge.web.pages.page_templates import HEADERS, PageTemplates
from awbridge.web.webhook.endpoint import PATH

STATES: Mapping[AccountState, tuple[str, str]] = {
    AccountState.WORKING: (gettext_noop("working"), "good"),
    AccountState.AWAKE: (gettext_noop("awake"), "good"),
    AccountState.ASLEEP: (gettext_noop("asleep"), "plain"),
    AccountState.SUSPENDED: (gettext_noop("suspended"), "warn"),
    AccountState.BROKEN: (gettext_noop("broken"), "bad"),
    AccountState.DROPPED: (gettext_noop("dropped"), "warn"),
}
"""How the pages show a state: its name, and the badge."""

_DONE = ("added", "changed", "suspended", "resumed")


class AccountPages:
    """The pages. `tools`: None for the pages of an account, which manages no others."""

    def __init__(self, templates: PageTemplates, tools: AccountTools | None) -> None:
        self._templates = templates
        self._found = tools

    def routes(self) -> list[PageRoute]:
        """The routes of these pages."""
        return [
            PageRoute("/accounts", self.list_accounts),
            PageRoute("/accounts/add", self.add, method="POST"),
            PageRoute("/accounts/{name}", self.show, parameters={"done": _DONE}),
            PageRoute("/accounts/{name}/change", self.change, method="POST"),
            PageRoute("/accounts/{name}/suspend", self.suspend, method="POST"),
            PageRoute("/accounts/{name}/resume", self.resume, method="POST"),
        ]

    @property
    def _tools(self) -> AccountTools:
        if self._found is None:
            raise NotFound("Accounts are managed at the home.")
        return self._found

    async def list_accounts(self, _request: Request) -> Response:
        """Every account, and the form to add one."""
        return await self._list()

    async def _list(self, *, problem: str = "", typed: Mapping[str, str] | None = None, status: int = 200) -> Response:
        return self._templates.page(
            "accounts/accounts",
            status=status,
            accounts=await self._tools.all(),
            file_problems=await self._tools.file_problems(),
            states=STATES,
            problem=problem,
            typed=typed or {},
        )

    async def add(self, request: Request) -> Response:
        """Add an account."""
        values = dict(await read_form(request))
        name, key = values.get("name", "").strip(), values.pop("key", "").strip()
        settings: dict[str, object] = {"clickpost_username": values.get("username", "").strip(), "clickpost_key": key}
        given = {setting: value for setting, value in settings.items() if value}
        try:
            await self._tools.add(name, title=values.get("title", "").strip(), settings=given)
        except (NotValid, NotPossible) as problem:
            return await self._list(problem=str(problem), typed=values, status=422)
        return _done(name, "added")

    async def show(self, request: Request) -> Response:
        """One account: what it does, its addresses, its settings."""
        account = await self._tools.find(request.path_params["name"])
        return self._one(request, account, done=request.query_params.get("done", ""))

    def _one(
        self,
        request: Request,
        account: ShownAccount,
        *,
        done: str = "",
        problem: str = "",
        typed: Mapping[str, str] | None = None,
        status: int = 200,
    ) -> Response:
        shown = {"title": account.title, "settings": written(account.settings)}
        return self._templates.page(
            "accounts/one_account",
            status=status,
            one=account,
            states=STATES,
            done=done,
            problem=problem,
            typed={**shown, **(typed or {})},
            webhook_url=credentials.own_url(request.scope, f"{BELOW}{account.name}{PATH}"),
        )

    async def change(self, request: Request) -> Response:
        """Set what the form changed; unset what is gone from it. Secrets are written and never shown."""
        values = dict(await read_form(request))
        account = await self._tools.find(request.path_params["name"])
        secrets = values.pop("secrets", "")
        try:
            settings, unset = _changes(account, values.get("settings", ""), secrets)
            title = values.get("title", "").strip()
            await self._tools.change(
                account.name, title=title if title != account.title else None, settings=settings, unset=unset
            )
        except (NotValid, NotPossible) as problem:
            return self._one(request, account, problem=str(problem), typed=values, status=422)
        return _done(account.name, "changed")

    async def suspend(self, request: Request) -> Response:
        """Stop an account."""
        name = request.path_params["name"]
        await self._tools.suspend(name)
        return _done(name, "suspended")

    async def resume(self, request: Request) -> Response:
        """Work for an account again."""
        name = request.path_params["name"]
        await self._tools.resume(name)
        return _done(name, "resumed")


def _changes(account: ShownAccount, settings: str, secrets: str) -> tuple[dict[str, object], list[str]]:
    """What to set, and what to unset. A secret without a value is unset."""
    given, new = read_lines(settings), read_lines(secrets)
    changed: dict[str, object] = {name: value for name, value in given.items() if account.settings.get(name) != value}
    changed |= {name: value for name, value in new.items() if value}
    unset = [name for name in account.settings if name not in given]
    return changed, [*unset, *(name for name, value in new.items() if not value)]


def _done(name: str, what: str) -> RedirectResponse:
    return RedirectResponse(f"/accounts/{quote(name, safe='')}?done={what}", 303, headers=HEADERS)
