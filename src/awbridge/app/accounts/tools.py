"""The accounts as the home's page and API show and change them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from awbridge.app.accounts.account import DATABASE, Account
from awbridge.app.accounts.changes import AccountAdmin
from awbridge.app.settings import Settings
from awbridge.app.settings.values import as_text
from awbridge.clickpost.wire.masking import mask_url
from awbridge.domain.errors import NotFound
from awbridge.web.accounts.tools import AccountActivity, AccountState, ShownAccount

Activity = Callable[[Iterable[str]], Awaitable[Mapping[str, AccountActivity]]]


async def no_activity(_names: Iterable[str]) -> Mapping[str, AccountActivity]:
    """Nothing is known of what accounts do: this process hosts none."""
    return {}


class RegistryTools:
    """`AccountTools` of a registry. `activity`: what accounts of these names do, as far as it is known."""

    def __init__(self, admin: AccountAdmin, activity: Activity = no_activity) -> None:
        self._admin = admin
        self._activity = activity

    async def all(self) -> Sequence[ShownAccount]:
        """Every account, by name."""
        found = await self._admin.all()
        known = await self._known(found)
        return [_shown(account, known[name]) for name, account in found.items()]

    async def _known(self, names: Iterable[str]) -> Mapping[str, AccountActivity]:
        """What is known of what accounts do: those that are awake here count now, the others were counted before."""
        before, now = await self._admin.figures(), await self._activity(names)
        found: dict[str, AccountActivity] = {}
        for name in names:
            here = now.get(name, AccountActivity())
            found[name] = replace(here, figures=here.figures or before.get(name))
        return found

    async def file_problems(self) -> Sequence[str]:
        """What is wrong with the file of settings that a process read again, a sentence for each process."""
        return await self._admin.file_problems()

    async def find(self, name: str) -> ShownAccount:
        """The account of this name. Raises NotFound."""
        account = await self._admin.find(name)
        if account is None:
            raise NotFound(f"There is no account {name}.")
        return _shown(account, (await self._known([name]))[name])

    async def add(self, name: str, *, title: str, settings: Mapping[str, object]) -> None:
        """Add an account."""
        await self._admin.add(name, title=title, settings=settings, remote=True)

    async def change(
        self, name: str, *, title: str | None, settings: Mapping[str, object], unset: Collection[str]
    ) -> None:
        """Set and unset settings."""
        await self._admin.change(name, title=title, settings=settings, unset=unset, remote=True)

    async def suspend(self, name: str) -> None:
        """Do nothing for the account but store its webhooks."""
        await self._admin.suspend(name)

    async def resume(self, name: str) -> None:
        """Work for it again."""
        await self._admin.resume(name)


def _shown(account: Account, activity: AccountActivity) -> ShownAccount:
    figures = activity.figures
    own = [name for name, source in account.sources.items() if source == DATABASE]
    return ShownAccount(
        name=account.name,
        title=account.title,
        state=_state(account, activity),
        source=account.source.value,
        problem=account.attention,
        suspended_at=account.suspended_at,
        changed_at=account.changed_at,
        waiting=figures.orders + figures.deliveries if figures else None,
        failed=figures.failed if figures else None,
        alarms=figures.alarms if figures else None,
        last_webhook_at=figures.last_webhook_at if figures else None,
        counted_at=figures.counted_at if figures else None,
        settings={
            name: mask_url(as_text(getattr(account.settings, name)))
            for name in own
            if not Settings.fields[name].is_secret
        },
        secrets=[name for name in own if Settings.fields[name].is_secret],
    )


def _state(account: Account, activity: AccountActivity) -> AccountState:
    if account.is_gone:
        return AccountState.DROPPED
    if account.suspended:
        return AccountState.SUSPENDED
    if account.problem:
        return AccountState.BROKEN
    if activity.awake is None:
        return AccountState.WORKING
    return AccountState.AWAKE if activity.awake else AccountState.ASLEEP
