"""AccountHost: opens the accounts that have work or requests, and puts them to sleep when there is none.

An account that is awake has a database, a client of ClickPost and the loops of all steps, as the only account of a
process has. One that is asleep has nothing. A process finds out by one look at `account_wakes` which of all accounts
that sleep have work; it then asks the account's own tables, and opens it if they agree.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

import structlog

from awbridge.domain.errors import AwbridgeError, NoAccount, StoreBusy, StoreError
from awbridge.steps.runtime import meters
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.accounts import account_figures, wakes
from awbridge.store.accounts.account_figures import AccountFigures

log = structlog.get_logger()

LEASE = timedelta(seconds=40)  # after which another process takes over the accounts of one that was killed
RENEW_EVERY = 10.0  # seconds
REST_AFTER = 30.0  # seconds without work and requests, after which an account is put to sleep
SOON = timedelta(seconds=45)  # an account that has work again within this time stays awake
HELP_AFTER = 30.0  # seconds of work without a pause, after which other processes are asked to help
SAID_EVERY = 60.0  # seconds between log lines that there is no room for more accounts
REFRESH_EVERY = 2.0  # seconds between looks whether an account was changed
FRESH = 1.0  # seconds: an account is opened by what the registry said within this time
MOST_AT_ONCE = 16  # accounts that one look wakes
LONGEST_REST = timedelta(minutes=15)  # after which an account's tables are asked, whatever they said before
LONGEST_REQUEST = 20.0  # seconds that a request has to end when its account is closed
COUNT_EVERY = 60.0  # seconds between counts of what an account has to do
MOMENT = 0.05  # seconds between looks whether they have ended
FIRST_LOOKS = timedelta(milliseconds=50)  # between the first looks at accounts that no process knows yet


class HostedAccount(Protocol):
    """An account of the registry. `version` differs once its settings or its state changed."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> object: ...
    @property
    def works(self) -> bool:
        """Whether its steps run: it is not suspended, and its settings are right."""
        ...


class Site(Protocol):
    """An account that is awake."""

    @property
    def worked_at(self) -> float:
        """When a step last did something, by `time.monotonic`."""
        ...

    @property
    def in_use(self) -> bool:
        """Whether requests are being answered."""
        ...

    def wake(self) -> None:
        """Let every step look for work now."""
        ...


AccountT = TypeVar("AccountT", bound=HostedAccount)
SiteT = TypeVar("SiteT", bound=Site)


@dataclass(eq=False)
class _Awake(Generic[SiteT]):
    """`used_at`: when the last request came; `counted_at`: when its work was last counted; `busy_since`: since when
    steps work without a pause; all monotonic.
    """

    name: str
    version: object
    site: SiteT
    task: asyncio.Task[None]
    stop: asyncio.Event
    used_at: float
    counted_at: float
    busy_since: float | None = None


@dataclass(kw_only=True, eq=False)
class AccountHost(Generic[AccountT, SiteT]):
    """The accounts of one process.

    `home`: the home database. `read_accounts`: the registry. `open_site`: an account that is awake while the block
    lasts. `next_due`: when the account has work next, asked of its tables; by its site if it is open. `count`: what it
    has to do, for those who look at all accounts. `most_awake`: accounts that work wakes at most; requests wake any.
    """

    home: Store
    clock: Clock
    read_accounts: Callable[[], Awaitable[Mapping[str, AccountT]]]
    open_site: Callable[[AccountT], AbstractAsyncContextManager[SiteT]]
    next_due: Callable[[AccountT, SiteT | None], Awaitable[datetime]]
    count: Callable[[AccountT, SiteT], Awaitable[AccountFigures]]
    most_awake: int = 100
    process: str = field(default_factory=lambda: uuid.uuid4().hex)
    _accounts: Mapping[str, AccountT] = field(default_factory=dict[str, AccountT], init=False)
    _awake: dict[str, _Awake[SiteT]] = field(default_factory=dict[str, _Awake[SiteT]], init=False)
    _closing: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]], init=False)
    _turns: dict[str, asyncio.Lock] = field(default_factory=dict[str, asyncio.Lock], init=False)
    _refreshed_at: float = field(default=float("-inf"), init=False)
    _refreshing: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _renewed_at: float = field(default=float("-inf"), init=False)
    _said_at: float = field(default=float("-inf"), init=False)
    _leaving: bool = field(default=False, init=False)

    # Requests

    def awake(self, name: str) -> SiteT | None:
        """The account, if it is awake; a request for it keeps it so. Does no I/O."""
        found = self._awake.get(name)
        if found is None or found.task.done():
            return None
        found.used_at = time.monotonic()
        return found.site

    async def open(self, name: str) -> SiteT:
        """The account, woken for a request. Raises NoAccount, SettingsError, StoreBusy."""
        if site := self.awake(name):
            return site
        await self._refresh(least=FRESH)  # it may have been added, suspended or dropped since
        if name not in self._accounts or self._leaving:
            raise NoAccount(name)
        return (await self._wake(name, held=False)).site

    @property
    def accounts(self) -> Mapping[str, AccountT]:
        """The accounts of the registry, as last read."""
        return self._accounts

    @property
    def sites(self) -> Mapping[str, SiteT]:
        """The accounts that are awake."""
        return {name: one.site for name, one in self._awake.items() if not one.task.done()}

    # Work

    async def look(self) -> int:
        """Wake the accounts that have work; how many. The one look of an idle process at all of them."""
        await self._refresh(least=REFRESH_EVERY)
        self._close_changed()
        self._count()
        now = self.clock()
        async with self.home.read() as session:
            if not await wakes.any_due(session, process=self.process, now=now):
                return 0
        room = min(self.most_awake - len(self._awake), MOST_AT_ONCE)
        if room <= 0:
            self._say_that_there_is_no_room()
            return 0
        async with self.home.write() as session:
            names = await wakes.claim(session, process=self.process, now=now, until=now + LEASE, most=room)
        await self._refresh(least=FRESH)
        woken = await asyncio.gather(*map(self._consider, names), return_exceptions=True)
        for name, result in zip(names, woken, strict=True):
            if isinstance(result, AwbridgeError):  # its lease ends, and it is tried again
                log.warning("account.not_opened", account=name, problem=str(result))
            elif isinstance(result, BaseException):
                log.error("account.not_opened", account=name, error=type(result).__name__, exc_info=result)
        return len(names)

    def _say_that_there_is_no_room(self) -> None:
        if time.monotonic() - self._said_at >= SAID_EVERY:
            self._said_at = time.monotonic()
            log.warning("accounts.no_room", awake=len(self._awake), most=self.most_awake)

    def _count(self) -> None:
        """Tell the metrics how many accounts there are."""
        working = {name for name, account in self._accounts.items() if account.works}
        awake = len(working & set(self._awake))
        meters.ACCOUNTS.update(awake=awake, asleep=len(working) - awake, closed=len(self._accounts) - len(working))

    async def _consider(self, name: str) -> None:
        """Wake an account of which its row says that it has work, unless its tables say otherwise."""
        if found := self._awake.get(name):
            found.site.wake()
            return
        account = self._accounts.get(name)
        if account is None or not account.works:
            async with self.home.write() as session:
                await wakes.forget(session, name, process=self.process)
            return
        if not await self._sleeps_on(account):
            await self._wake(name, held=True)

    async def _sleeps_on(self, account: AccountT, site: SiteT | None = None) -> bool:
        """Whether the account has no work soon; it then has a row that says when. `site`: it, if it is open."""
        async with self.home.read() as session:
            seen = await wakes.seen(session, account.name, process=self.process)
        now = self.clock()
        open_at = await self.next_due(account, site)
        if site is None and seen.open_at:  # its tables do not tell how long it has slept
            open_at = min(open_at, seen.open_at)
        if open_at <= now + SOON:
            return False
        due_at = min(open_at, now + LONGEST_REST)
        async with self.home.write() as session:
            await wakes.rest(session, account.name, instead_of=seen, due_at=due_at, open_at=open_at)
        return True

    async def keep(self) -> int:
        """Hold the accounts that are awake, and put those to sleep that have no work. Always 0."""
        now = time.monotonic()
        if now - self._renewed_at >= RENEW_EVERY and self._awake:
            async with self.home.write() as session:
                await wakes.renew(session, process=self.process, until=self.clock() + LEASE)
            self._renewed_at = now
        tended = map(self._tend_or_say, list(self._awake.values()))
        await asyncio.gather(*self._closing, *tended)  # one that closes may take long
        since = time.monotonic() - COUNT_EVERY
        await self._count_work([one for one in self._awake.values() if one.counted_at <= since])
        return 0

    async def _tend_or_say(self, one: _Awake[SiteT]) -> None:
        try:
            await self._tend(one)
        except StoreError as error:
            log.warning("account.kept", account=one.name, problem=str(error))

    def _close_changed(self) -> None:
        """Begin to close the accounts that are gone or changed: whoever suspended one waits for that."""
        for one in [one for one in self._awake.values() if self._is_changed(one)]:
            task = asyncio.create_task(self._tend_or_say(one))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def _is_changed(self, one: _Awake[SiteT]) -> bool:
        account = self._accounts.get(one.name)
        return account is None or account.version != one.version

    async def _tend(self, one: _Awake[SiteT]) -> None:
        account = self._accounts.get(one.name)
        if account is None or self._is_changed(one) or one.task.done():
            await self._close(one, after=self._let_go)
            return
        await self._ask_for_help(one, account)
        if self._is_idle(one) and (not account.works or await self._sleeps_on(account, one.site)):
            await self._count_work([one])
            if self._is_idle(one):  # still
                await self._close(one)
            elif account.works:
                async with self.home.write() as session:
                    await wakes.hold(session, one.name, process=self.process, until=self.clock() + LEASE)

    async def _count_work(self, some: Sequence[_Awake[SiteT]]) -> None:
        """Count what accounts have to do, and store it in the home. One that cannot be counted keeps what it had."""
        now, found = time.monotonic(), list[AccountFigures]()
        for one in some:
            account, one.counted_at = self._accounts.get(one.name), now
            if account is None or one.task.done():
                continue
            try:
                found.append(await self.count(account, one.site))
            except StoreError as error:
                log.warning("account.not_counted", account=one.name, problem=str(error))
        if found:
            async with self.home.write() as session:
                await account_figures.save(session, found)

    def _is_idle(self, one: _Awake[SiteT]) -> bool:
        return not one.site.in_use and time.monotonic() - max(one.site.worked_at, one.used_at) > REST_AFTER

    async def _ask_for_help(self, one: _Awake[SiteT], account: AccountT) -> None:
        """Let other processes work for an account too that keeps this one busy."""
        now = time.monotonic()
        if now - one.site.worked_at > RENEW_EVERY:
            one.busy_since = None
        elif one.busy_since is None:
            one.busy_since = now
        elif now - one.busy_since > HELP_AFTER and account.works:
            async with self.home.write() as session:
                await wakes.ask_for_help(session, one.name, process=self.process, now=self.clock())

    async def stop(self) -> None:
        """Close every account. What is due is for other processes at once."""
        self._leaving = True
        names = list(self._awake)
        closing = [*self._closing, *(self._close(one) for one in list(self._awake.values()))]
        await asyncio.gather(*closing, return_exceptions=True)
        try:
            async with self.home.write() as session:
                await wakes.release(session, process=self.process, now=self.clock())
        except StoreError as error:  # their leases end
            log.warning("accounts.not_released", accounts=len(names), problem=str(error))

    # Opening and closing

    async def _wake(self, name: str, *, held: bool) -> _Awake[SiteT]:
        async with self._turns.setdefault(name, asyncio.Lock()):
            found = self._awake.get(name)
            if found and not found.task.done():
                return found
            account = self._accounts[name]
            if not held and account.works:
                until = self.clock() + LEASE
                async with self.home.write() as session:
                    await wakes.hold(session, name, process=self.process, until=until)
            opened: asyncio.Future[SiteT] = asyncio.get_running_loop().create_future()
            stop = asyncio.Event()
            task = asyncio.create_task(self._live(account, opened, stop), name=f"account {name}")
            await asyncio.wait([opened, task], return_when=asyncio.FIRST_COMPLETED)
            if not opened.done():
                task.result()  # raises why
                raise StoreBusy(f"the account {name} closed while it was opened")
            now = time.monotonic()
            self._awake[name] = one = _Awake(name, account.version, opened.result(), task, stop, now, now)
            log.info("account.awake", account=name)
            return one

    async def _live(self, account: AccountT, opened: asyncio.Future[SiteT], stop: asyncio.Event) -> None:
        structlog.contextvars.bind_contextvars(account=account.name)  # of this task, and those that it creates
        meters.account.set(account.name)
        async with self.open_site(account) as site:
            opened.set_result(site)
            await stop.wait()

    async def _let_go(self, name: str) -> None:
        """This process works for the account no longer; it is due for whoever looks next."""
        account = self._accounts.get(name)
        async with self.home.write() as session:
            await wakes.let_go(session, name, process=self.process)
            if account and account.works:
                await wakes.add(session, name, due_at=self.clock())

    async def _close(self, one: _Awake[SiteT], *, after: Callable[[str], Awaitable[None]] | None = None) -> None:
        """Close an account, then do what comes `after`, before it is opened again.

        New requests wait, and open it; those that are being answered are waited for.
        """
        if self._awake.get(one.name) is one:
            del self._awake[one.name]  # before anything is awaited
        async with self._turns.setdefault(one.name, asyncio.Lock()):
            for _ in range(round(LONGEST_REQUEST / MOMENT)):
                if not one.site.in_use:
                    break
                await asyncio.sleep(MOMENT)
            one.stop.set()
            await asyncio.wait([one.task])
            if not one.task.cancelled() and (error := one.task.exception()):
                log.error("account.failed", account=one.name, error=type(error).__name__, exc_info=error)
            log.info("account.asleep", account=one.name)
            if after:
                await after(one.name)

    async def _refresh(self, *, least: float) -> None:
        """Read the registry again, unless that was done within `least` seconds. New accounts are looked at soon."""
        async with self._refreshing:
            if time.monotonic() - self._refreshed_at < least:
                return
            before, self._accounts = self._accounts, await self.read_accounts()
            self._refreshed_at = time.monotonic()
        if before.keys() != self._accounts.keys():
            async with self.home.write() as session:
                await account_figures.keep_only(session, self._accounts.keys())
            meters.keep_accounts(self._accounts.keys())
        working = {name for name, account in self._accounts.items() if account.works}
        if not working:
            return
        async with self.home.read() as session:
            known = await wakes.known(session)
        if new := sorted(working - known - set(self._awake)):
            at = self.clock()
            async with self.home.write() as session:
                for place, name in enumerate(new):
                    await wakes.add(session, name, due_at=at + place * FIRST_LOOKS)
