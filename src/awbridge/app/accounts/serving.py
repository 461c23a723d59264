"""The accounts that `serve` serves beside the home."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from awbridge.app.accounts.hosting import HostedAccount, hosted_accounts
from awbridge.app.connections import vendor_problem
from awbridge.app.running import stop_all
from awbridge.app.settings import Settings
from awbridge.app.site import Site, opened_site, site_without_steps
from awbridge.steps.accounts.host import AccountHost
from awbridge.steps.runtime.clock import utc_now
from awbridge.store import Store
from awbridge.store.engine.servers import Servers
from awbridge.web.accounts.sites import AccountSuspended
from awbridge.web.http.limits import Connections

SUSPENDED = "The account is suspended. An admin of this installation resumes it."


class SitesOfAccounts:
    """The accounts that this process serves; those that are suspended only store webhooks."""

    def __init__(self, host: AccountHost[HostedAccount, Site]) -> None:
        self.hosted = host

    def awake(self, name: str) -> Site | None:
        """The account if it is open and not suspended. Does no I/O."""
        site = self.hosted.awake(name)
        return site if site and not self._is_suspended(name) else None

    async def open(self, name: str) -> Site:
        """The account, opened if it sleeps. Raises NoAccount, AccountSuspended, StoreBusy."""
        site = await self.hosted.open(name)
        if self._is_suspended(name):
            raise AccountSuspended(site)
        return site

    def leave(self) -> None:
        """Prepare the end: steps of accounts claim nothing more; what arrives is still served."""
        for site in self.hosted.sites.values():
            stop_all(site.loops)

    def _is_suspended(self, name: str) -> bool:
        found = self.hosted.accounts.get(name)
        return found is not None and found.account.suspended


@asynccontextmanager
async def served_accounts(
    home: Settings, store: Store, connections: Connections, servers: Servers
) -> AsyncGenerator[AccountHost[HostedAccount, Site]]:
    """The accounts beside the home for `serve`, closed when the block ends. `store`: the home's."""

    @asynccontextmanager
    async def opened(hosted: HostedAccount) -> AsyncGenerator[Site]:
        settings = hosted.settings
        problem = SUSPENDED if hosted.account.suspended else vendor_problem(settings)
        opening = (
            site_without_steps(settings, connections, problem, servers)
            if problem
            else opened_site(settings, connections, servers)
        )
        async with opening as site:
            yield site

    async with hosted_accounts(home, store, servers, utc_now, opened) as host:
        yield host
