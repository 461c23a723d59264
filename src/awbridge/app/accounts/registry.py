"""Which accounts there are: those of the file of settings, and those in the table `accounts` of the home."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from awbridge.app.accounts.account import Account, account_of, places_of, read_json
from awbridge.app.accounts.configured import ConfiguredAccounts
from awbridge.app.accounts.file import AccountsFile
from awbridge.app.accounts.sealed import Seal
from awbridge.app.settings import Settings
from awbridge.store import Store
from awbridge.store.accounts import account_figures, accounts
from awbridge.store.accounts.account_figures import AccountFigures
from awbridge.store.accounts.accounts import StoredAccount, TableVersion
from awbridge.store.audit import processes
from awbridge.store.engine.clocks.shared_time import SHARED_TIME

_AT_ONCE = 20  # accounts that are read before others get their turn

_Stamp = tuple[int, datetime] | None  # of the row that an account was read from; None without a row


class AccountRegistry:
    """The accounts beside the home. What is wrong with one is its `problem` and concerns no other.

    Asking again costs one small query, and one look whether the file of settings has changed; only what changed since
    is read again.
    """

    def __init__(self, home: Settings, store: Store | None, file: AccountsFile | None = None) -> None:
        """`store`: the database of the home; None where there is none yet, so that only the file says something.

        `file`: the accounts of the file of settings, where several registries of a process share them.
        """
        self._home = home
        self._store = store
        self._file = file or AccountsFile(home.accounts)
        self._revision = self._file.revision
        self._seal = Seal(home.accounts_key)
        self._version: TableVersion | None = None
        self._read: dict[str, tuple[_Stamp, Account]] = {}
        self._known: Mapping[str, Account] = {}

    @property
    def _configured(self) -> ConfiguredAccounts:
        return self._file.configured

    @property
    def known(self) -> Mapping[str, Account]:
        """The accounts by name, as they were when last asked for."""
        return self._known

    async def all(self) -> Mapping[str, Account]:
        """The accounts by name, in the order of their names. Raises StoreBusy when the home's database is away."""
        self._file.look()
        if self._revision != self._file.revision:
            self._version, self._read, self._revision = None, {}, self._file.revision
        version = TableVersion(accounts=0, revisions=0, updated_at=None)
        rows: list[StoredAccount] = []
        if self._store is not None:
            async with self._store.read() as session:
                version = await accounts.version(session)
                if version == self._version:
                    return self._known
                rows = await accounts.every(session)
        elif version == self._version:
            return self._known
        self._known = MappingProxyType(await self._accounts(rows))
        self._version = version
        return self._known

    async def find(self, name: str) -> Account | None:
        """The account of this name; None if there is none. Raises as `all` does."""
        return (await self.all()).get(name)

    async def file_problems(self) -> Sequence[str]:
        """What is wrong with the file of settings that this process or another one reads again; with their hosts."""
        found = {socket.gethostname(): self._file.problem} if self._file.problem else {}
        if self._store is not None:
            async with self._store.read() as session:
                alive = await processes.alive(session, now=SHARED_TIME.now())
            found |= {process.host: process.problem for process in alive if process.problem}
        return [f"{host}: {problem}" for host, problem in sorted(found.items())]

    async def services_run(self) -> bool:
        """Whether a `serve` or `work` runs, as far as they report themselves."""
        if self._store is None:
            return False
        async with self._store.read() as session:
            return bool(await processes.alive(session, now=SHARED_TIME.now()))

    async def figures(self) -> Mapping[str, AccountFigures]:
        """What accounts had to do when they were last counted, by name. Raises StoreBusy."""
        if self._store is None:
            return {}
        async with self._store.read() as session:
            return await account_figures.every(session, now=SHARED_TIME.now())

    def strays(self) -> list[str]:
        """Variables of the environment that name no account, as sentences."""
        return [
            f"{variable} is of no account; awbridge accounts list shows them all"
            for variable in self._configured.strays(self._known)
        ]

    async def _accounts(self, rows: Iterable[StoredAccount]) -> dict[str, Account]:
        stored = {row.name: row for row in rows if row.name in self._configured.tables or not is_left_over(row)}
        found: dict[str, Account] = {}
        for number, name in enumerate(sorted({*self._configured.tables, *stored})):
            if number % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)
            found[name] = self._account(name, stored.get(name))
        self._read = {name: read for name, read in self._read.items() if name in found}
        return without_conflicts(self._home, found)

    def _account(self, name: str, row: StoredAccount | None) -> Account:
        stamp = (row.revision, row.updated_at) if row else None
        if name in self._read and self._read[name][0] == stamp:
            return self._read[name][1]
        account = account_of(self._home, self._configured, self._seal, name, row)
        self._read[name] = stamp, account
        return account


def is_left_over(row: StoredAccount) -> bool:
    """Whether a row says no more than that an account of the file was suspended, which is of no use without it."""
    try:
        return not (row.defined or read_json(row.settings) or read_json(row.secrets))
    except ValueError:
        return False


def without_conflicts(home: Settings, found: Mapping[str, Account]) -> dict[str, Account]:
    """The accounts, those with a problem that would share their data with another: with the home, or an earlier one."""
    taken = dict.fromkeys(places_of(home), "the home")
    checked: dict[str, Account] = {}
    for name, account in found.items():
        clash = next((f"{place} is also that of {taken[place]}" for place in account.places if place in taken), "")
        taken |= {place: name for place in account.places if place not in taken}
        if clash and account.settings:
            problem = f"{clash}: each account needs its own"
            checked[name] = replace(account, settings=None, sources={}, problem=problem)
        else:
            checked[name] = account
    return checked
