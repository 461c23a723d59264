"""Each request goes to the app of its account: /a/{account}/... to that account's, all others to the home's."""

from __future__ import annotations

import asyncio

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from awbridge.domain.errors import NoAccount, StoreBusy, StoreError
from awbridge.steps.tracking.ingest import TIMEOUT
from awbridge.web import problem_kinds as kinds
from awbridge.web import problems
from awbridge.web.accounts.own_paths import BelowPrefix
from awbridge.web.accounts.sites import (
    OF_THE_PROCESS,
    AccountPath,
    AccountSite,
    AccountSites,
    AccountSuspended,
    is_below_accounts,
    read_account_path,
)
from awbridge.web.pages.accounts.refusals import Refusals
from awbridge.web.webhook.endpoint import PATH, WebhookEndpoint, is_webhook, send_response

OPEN_WITHIN = 10.0  # seconds that a request waits until its account is open; a webhook waits as long as for a commit

_NOTHING = problems.problem(
    kinds.NOT_FOUND,
    "There is no such account, or nothing at this path of it. An account's paths are /a/{account}/v1/..., with its "
    "name as awbridge accounts list shows it.",
)


class AccountDispatcher:
    """The server's ASGI app. `webhook`: the home's endpoint, which counts what comes for accounts that do not exist."""

    def __init__(self, home: ASGIApp, sites: AccountSites, webhook: WebhookEndpoint, refusals: Refusals) -> None:
        self._home = home
        self._sites = sites
        self._webhook = webhook
        self._refusals = refusals
        self._opening: dict[str, asyncio.Task[AccountSite]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not is_below_accounts(scope["path"]):
            await self._home(scope, receive, send)
            return
        path = read_account_path(scope)
        if path is None:
            await self._nothing(scope, receive, send)
            return
        within = _within(scope, path)
        answer = self._webhook_answer(path) if is_webhook(path.rest) else self._answer(path)
        await answer(within, receive, send)

    def _webhook_answer(self, path: AccountPath) -> ASGIApp:
        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                endpoint = (await self._open(path.name, TIMEOUT)).webhook
            except NoAccount:
                await self._nothing(scope, receive, send)
            except AccountSuspended as suspended:
                await suspended.site.webhook(scope, receive, send)
            except StoreError as error:
                await send_response(self._webhook.not_stored(error), send)
            else:
                await endpoint(scope, receive, send)

        return answer

    def _answer(self, path: AccountPath) -> ASGIApp:
        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                app = (await self._open(path.name, OPEN_WITHIN)).app
            except NoAccount:
                app = self._nothing
            except AccountSuspended:
                app = self._refusals.suspended
            except StoreError:
                app = self._refusals.busy
            else:
                if path.rest in OF_THE_PROCESS or is_below_accounts(path.rest):
                    app = self._nothing
                elif not path.rest:
                    app = RedirectResponse("/", 307)
            await BelowPrefix(app, path.prefix, path.name)(scope, receive, send)

        return answer

    async def _nothing(self, scope: Scope, receive: Receive, send: Send) -> None:
        """No such account. The answer is the same for all of its paths."""
        if PATH in scope["path"]:
            self._webhook.count_without_account(_NOTHING.status_code)
        await _NOTHING(scope, receive, send)

    async def _open(self, name: str, seconds: float) -> AccountSite:
        """The account. Raises StoreBusy if it is not open in time; it continues to be opened."""
        if site := self._sites.awake(name):
            return site
        task = self._opening.get(name)
        if task is None:
            # A task of its own: the account is opened once for all who ask, also if they hang up.
            self._opening[name] = task = asyncio.create_task(self._sites.open(name), name=f"open account {name}")
            task.add_done_callback(lambda done: self._opened(name, done))
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.shield(task)
        except TimeoutError:
            raise StoreBusy(f"the account was not opened within {seconds:g} s") from None

    def _opened(self, name: str, task: asyncio.Task[AccountSite]) -> None:
        self._opening.pop(name, None)
        if not task.cancelled():
            task.exception()  # whoever still waits gets it


def _within(scope: Scope, path: AccountPath) -> Scope:
    """The scope for the account's app: its prefix is the root path."""
    raw: bytes = scope.get("raw_path") or b""
    within = {**scope, "path": path.rest, "root_path": scope.get("root_path", "") + path.prefix}
    return {**within, "raw_path": raw[len(path.prefix) :]} if raw else within
