"""The accounts of a process beside the home: which are open, and what opens them."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from awbridge.app.accounts.account import Account
from awbridge.app.accounts.counting import count_account
from awbridge.app.accounts.file import AccountsFile
from awbridge.app.accounts.registry import AccountRegistry
from awbridge.app.connections import vendor_problem
from awbridge.app.database import open_store
from awbridge.app.due import next_due
from awbridge.app.running import RunningSteps, running_steps
from awbridge.app.settings import Settings
from awbridge.domain.errors import StoreBusy
from awbridge.steps.accounts.host import AccountHost, SiteT
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.runtime.loop import Loop
from awbridge.store import Store
from awbridge.store.accounts.account_figures import AccountFigures
from awbridge.store.engine.connections.servers import Servers

ELSEWHERE = timedelta(minutes=1)  # between looks at an account in another database
FAR = timedelta(minutes=5)
KEEP_IDLE = 5.0  # seconds between looks whether accounts that are awake may sleep


@dataclass(frozen=True, slots=True)
class HostedAccount:
    """An account of the registry, as the host needs it."""

    account: Account

    @property
    def name(self) -> str:
        """The account's name."""
        return self.account.name

    @property
    def version(self) -> object:
        """Differs once its settings or its state changed; not where a line of the file only has another number."""
        return self.account.settings, self.account.suspended_at, self.account.problem

    @property
    def works(self) -> bool:
        """Whether its steps run: it is not suspended, its settings are right, and ClickPost's key is set."""
        settings = self.account.settings
        return not (self.account.suspended or settings is None or vendor_problem(settings))

    @property
    def settings(self) -> Settings:
        """Its settings. Raises StoreBusy, which says what is wrong with them."""
        if self.account.settings is None:
            raise StoreBusy(f"the account {self.name} cannot be opened: {self.account.problem}")
        return self.account.settings


@asynccontextmanager
async def worked_accounts(
    home: Settings, store: Store, servers: Servers, clock: Clock, file: AccountsFile
) -> AsyncGenerator[AccountHost[HostedAccount, RunningSteps]]:
    """The accounts beside the home for `work`, closed when the block ends. `store`: the home's."""

    @asynccontextmanager
    async def opened(hosted: HostedAccount) -> AsyncGenerator[RunningSteps]:
        async with running_steps(hosted.settings, clock, servers) as steps:
            yield steps

    async with hosted_accounts(home, store, servers, clock, opened, file) as host:
        yield host


def earlier(due_at: datetime, now: datetime) -> datetime:
    """A time that is far away, up to two fifths earlier: accounts that rested together are not opened together."""
    rest = due_at - now
    return due_at if rest < FAR else now + rest * random.uniform(0.6, 1.0)  # noqa: S311


@asynccontextmanager
async def hosted_accounts(
    home: Settings,
    store: Store,
    servers: Servers,
    clock: Clock,
    open_site: Callable[[HostedAccount], AbstractAsyncContextManager[SiteT]],
    file: AccountsFile,
) -> AsyncGenerator[AccountHost[HostedAccount, SiteT]]:
    """The accounts beside the home, closed when the block ends. `open_site` opens one that has work or a request."""
    registry = AccountRegistry(home, store, file)

    async def read() -> Mapping[str, HostedAccount]:
        found = (await registry.all()).items()
        return {name: HostedAccount(account) for name, account in found if not account.is_gone}

    async def due(hosted: HostedAccount, site: SiteT | None) -> datetime:
        settings = hosted.settings
        if isinstance(site, RunningSteps):
            due_at = await next_due(settings, site.store, clock())
        else:
            async with open_store(settings, migrate=settings.migrate_on_start, servers=servers) as own:
                due_at = await next_due(settings, own, clock())
        # A program that stores orders within a transaction of another PostgreSQL database cannot tell the home.
        elsewhere = settings.schema and settings.database_url != home.database_url
        return min(due_at, clock() + ELSEWHERE) if elsewhere else earlier(due_at, clock())

    async def count(hosted: HostedAccount, site: SiteT) -> AccountFigures:
        assert isinstance(site, RunningSteps)
        return await count_account(hosted.name, site.store, clock())

    host = AccountHost(
        home=store,
        clock=clock,
        read_accounts=read,
        open_site=open_site,
        next_due=due,
        count=count,
        most_awake=home.accounts_awake,
    )
    try:
        yield host
    finally:
        await host.stop()


def account_loops(host: AccountHost[HostedAccount, SiteT], idle_seconds: float) -> dict[str, Loop]:
    """The loops that wake accounts with work, and put those without to sleep."""
    return {
        "accounts": Loop("accounts", host.look, idle_seconds=idle_seconds),
        "accounts_awake": Loop("accounts_awake", host.keep, idle_seconds=KEEP_IDLE),
    }
