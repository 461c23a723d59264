"""The accounts that `serve` serves beside the home."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from awbridge.app.accounts.hosting import HostedAccount, hosted_accounts
from awbridge.app.connections import vendor_problem
from awbridge.app.settings import Settings
from awbridge.app.site import Shared, Site, opened_site, site_without_steps
from awbridge.steps.accounts.host import AccountHost
from awbridge.steps.runtime.clock import utc_now
from awbridge.store import Store

SUSPENDED = "The account is suspended. An admin of this installation resumes it."


@asynccontextmanager
async def served_accounts(
    home: Settings, store: Store, shared: Shared
) -> AsyncGenerator[AccountHost[HostedAccount, Site]]:
    """The accounts beside the home for `serve`, closed when the block ends. `store`: the home's."""

    @asynccontextmanager
    async def opened(hosted: HostedAccount) -> AsyncGenerator[Site]:
        settings = hosted.settings
        problem = SUSPENDED if hosted.account.suspended else vendor_problem(settings)
        opening = site_without_steps(settings, shared, problem) if problem else opened_site(settings, shared)
        async with opening as site:
            yield site

    async with hosted_accounts(home, store, shared.servers, utc_now, opened, shared.file) as host:
        shared.sites.begin(host)
        yield host
