"""What the page and the API of accounts need of the application: the accounts as they are, and how to change them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from awbridge.store.accounts.account_figures import AccountFigures


class AccountState(StrEnum):
    """What an account does. `broken`: something is wrong with it, and nothing is done for it until that is corrected.

    `dropped`: its data are deleted, or being deleted; the file of settings still defines it. `working`: no more is
    known, as where this process does not host accounts.
    """

    WORKING = "working"
    AWAKE = "awake"
    ASLEEP = "asleep"
    SUSPENDED = "suspended"
    BROKEN = "broken"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountActivity:
    """What an account does. `awake`: whether it is open in this process; None where this process hosts none.

    `figures`: what it had to do when it was last counted; None if it never was.
    """

    awake: bool | None = None
    figures: AccountFigures | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownAccount:
    """An account for admins of the home. `settings` are those that are stored for it, as text; `secrets` only names.

    `source`: what defines it: file, database, or both. `problem` says what is wrong with it. `waiting`: orders and
    deliveries that are not done; `failed`: orders that are rejected or given up; `alarms`: open ones; all as of
    `counted_at`, and None if never counted.
    """

    name: str
    title: str
    state: AccountState
    source: str
    problem: str = ""
    suspended_at: datetime | None = None
    changed_at: datetime | None = None
    waiting: int | None = None
    failed: int | None = None
    alarms: int | None = None
    last_webhook_at: datetime | None = None
    counted_at: datetime | None = None
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    secrets: Sequence[str] = ()


class AccountTools(Protocol):
    """The accounts of the installation. All raise StoreBusy while the home's database is away."""

    async def file_problems(self) -> Sequence[str]:
        """What is wrong with the file of settings that a process read again, a sentence for each process."""
        ...

    async def all(self) -> Sequence[ShownAccount]:
        """Every account, by name."""
        ...

    async def find(self, name: str) -> ShownAccount:
        """The account of this name. Raises NotFound."""
        ...

    async def add(self, name: str, *, title: str, settings: Mapping[str, object]) -> None:
        """Add an account. Raises NotValid for a name or a setting that cannot be, NotPossible for a name in use."""
        ...

    async def change(
        self, name: str, *, title: str | None, settings: Mapping[str, object], unset: Collection[str]
    ) -> None:
        """Set and unset settings, secrets too. Raises NotFound, NotValid, NotPossible."""
        ...

    async def suspend(self, name: str) -> None:
        """Do nothing for the account but store its webhooks. Raises NotFound."""
        ...

    async def resume(self, name: str) -> None:
        """Work for it again. Raises NotFound."""
        ...
