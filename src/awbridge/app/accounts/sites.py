"""The accounts that this process serves, for the web server and for the home's page of accounts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from awbridge.app.accounts.counting import count_account
from awbridge.app.running import stop_all
from awbridge.domain.errors import StoreBusy, StoreError
from awbridge.steps.runtime.clock import utc_now
from awbridge.web.accounts.sites import AccountSuspended
from awbridge.web.accounts.tools import AccountActivity

if TYPE_CHECKING:
    from awbridge.app.accounts.hosting import HostedAccount
    from awbridge.app.site import Site
    from awbridge.steps.accounts.host import AccountHost


class SitesOfAccounts:
    """The accounts that this process serves; those that are suspended only store webhooks. None before `begin`."""

    def __init__(self) -> None:
        self._host: AccountHost[HostedAccount, Site] | None = None

    def begin(self, host: AccountHost[HostedAccount, Site]) -> None:
        """Serve the accounts of this host from now on."""
        self._host = host

    def awake(self, name: str) -> Site | None:
        """The account if it is open and not suspended. Does no I/O."""
        site = self._host.awake(name) if self._host else None
        return site if site and not self._is_suspended(name) else None

    def exist(self) -> bool:
        """Whether there are accounts beside the home, as far as is known. Does no I/O."""
        return bool(self._host and self._host.accounts)

    async def open(self, name: str) -> Site:
        """The account, opened if it sleeps. Raises NoAccount, AccountSuspended, StoreBusy."""
        site = await self.host.open(name)
        if self._is_suspended(name):
            raise AccountSuspended(site)
        return site

    def leave(self) -> None:
        """Prepare the end: steps of accounts claim nothing more; what arrives is still served."""
        for site in self._host.sites.values() if self._host else ():
            stop_all(site.loops)

    async def activity(self, names: Iterable[str]) -> Mapping[str, AccountActivity]:
        """What these accounts do in this process. Those that sleep are not opened, and not counted."""
        open_ones = self.host.sites
        found: dict[str, AccountActivity] = {}
        for name in names:
            found[name] = AccountActivity(awake=name in open_ones)
            if site := open_ones.get(name):
                try:
                    found[name] = AccountActivity(awake=True, figures=await count_account(name, site.store, utc_now()))
                except StoreError:  # its database is away: that it is open is known
                    continue
        return found

    @property
    def host(self) -> AccountHost[HostedAccount, Site]:
        """What opens the accounts. Raises StoreBusy before `begin`."""
        if self._host is None:
            raise StoreBusy("the accounts are not open yet")
        return self._host

    def _is_suspended(self, name: str) -> bool:
        found = self.host.accounts.get(name)
        return found is not None and found.account.suspended
