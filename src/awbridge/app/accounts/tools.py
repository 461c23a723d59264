"""The accounts as the home's page and API show and change them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence

from awbridge.app.accounts.account import DATABASE, Account
from awbridge.app.accounts.changes import AccountAdmin
from awbridge.app.setting_fields import as_text
from awbridge.app.settings import Settings
from awbridge.clickpost.wire.masking import mask_url
from awbridge.domain.errors import NotFound
from awbridge.domain.orders.shipment import State
from awbridge.domain.tracking.overdue import DEFAULT_STUCK_AFTER
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.audit import figures, samples
from awbridge.store.polling import arrivals
from awbridge.web.accounts.tools import AccountActivity, AccountState, ShownAccount

Activity = Callable[[Iterable[str]], Awaitable[Mapping[str, AccountActivity]]]

_OPEN = (State.ALLOCATING, State.READY, State.RETRYING, State.WAITING, State.HELD)
_DUE = ("due", "waiting")


async def no_activity(_names: Iterable[str]) -> Mapping[str, AccountActivity]:
    """Nothing is known of what accounts do: this process hosts none."""
    return {}


async def activity_of(store: Store, clock: Clock, *, awake: bool) -> AccountActivity:
    """What an account does, read from its database. A large backlog is as its own process counted it last."""
    now = clock()
    async with store.read() as session:
        sample = await samples.large(session, now=now)
        counted = sample.figures if sample else await figures.read(session, now=now, stuck_after=DEFAULT_STUCK_AFTER)
        last_at = await arrivals.last_webhook_at(session)
    orders = sum(counted.shipments.get(state, 0) for state in _OPEN)
    deliveries = sum(counted.inbox.get(stage, 0) for stage in _DUE)
    return AccountActivity(awake=awake, waiting=orders + deliveries, last_webhook_at=last_at)


class RegistryTools:
    """`AccountTools` of a registry. `activity`: what accounts of these names do, as far as it is known."""

    def __init__(self, admin: AccountAdmin, activity: Activity = no_activity) -> None:
        self._admin = admin
        self._activity = activity

    async def all(self) -> Sequence[ShownAccount]:
        """Every account, by name."""
        found = await self._admin.all()
        known = await self._activity(found)
        return [_shown(account, known.get(name)) for name, account in found.items()]

    async def find(self, name: str) -> ShownAccount:
        """The account of this name. Raises NotFound."""
        account = await self._admin.find(name)
        if account is None:
            raise NotFound(f"There is no account {name}.")
        return _shown(account, (await self._activity([name])).get(name))

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


def _shown(account: Account, activity: AccountActivity | None) -> ShownAccount:
    own = [name for name, source in account.sources.items() if source == DATABASE]
    return ShownAccount(
        name=account.name,
        title=account.title,
        state=_state(account, activity),
        source=account.source.value,
        problem=account.problem,
        suspended_at=account.suspended_at,
        changed_at=account.changed_at,
        waiting=activity.waiting if activity else None,
        last_webhook_at=activity.last_webhook_at if activity else None,
        settings={
            name: mask_url(as_text(getattr(account.settings, name)))
            for name in own
            if not Settings.fields[name].is_secret
        },
        secrets=[name for name in own if Settings.fields[name].is_secret],
    )


def _state(account: Account, activity: AccountActivity | None) -> AccountState:
    if account.suspended:
        return AccountState.SUSPENDED
    if account.problem:
        return AccountState.BROKEN
    if activity is None:
        return AccountState.WORKING
    return AccountState.AWAKE if activity.awake else AccountState.ASLEEP
