"""Sync couriers: compares the mapping with ClickPost's accounts. Writes differences only on request.

The loop never writes to the mapping. It warns of accounts in use before orders fail with 351 or 353.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from awbridge.clickpost.lookups.accounts import VendorAccount, VendorAccounts
from awbridge.domain.errors import NotPossible, VendorError
from awbridge.domain.notify.alarm_causes import AlarmCause
from awbridge.domain.orders.shipment import account_key
from awbridge.steps.records.courier_saved import record_saved
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.couriers import couriers
from awbridge.store.couriers.couriers import CourierAccount, CourierWarning
from awbridge.store.engine.database import Session
from awbridge.store.notify import alarms

log = structlog.get_logger()

LEASE = timedelta(minutes=15)  # covers two calls of the longest timeout that settings allow
AGAIN_AFTER_FAILURE = timedelta(minutes=10)

NEW = "new"
SWITCHED_OFF = "switched off at ClickPost"
VANISHED = "vanished at ClickPost"
OFF_HERE = "active at ClickPost, switched off here"

_ABSENT = ("vanished", "renamed")  # kinds of warnings

_Key = tuple[int, str | None]


class ListsAccounts(Protocol):
    """The ClickPost calls that the comparison needs."""

    async def fetch_accounts(self, active: bool | None = True) -> VendorAccounts:
        """The courier accounts: the active ones, or the others. Raises VendorError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference. `account` is the row as it would be written; `written` False: left to the operator."""

    change: str
    account: CourierAccount
    written: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CourierComparison:
    """The differences, the warnings about accounts in use, and whether the differences were written.

    `unread`: entries of ClickPost's answer that could not be read. With any, no account counts as vanished.
    """

    changes: list[Change] = field(default_factory=list[Change])
    warnings: list[CourierWarning] = field(default_factory=list[CourierWarning])
    applied: bool = False
    unread: int = 0


async def sync_couriers(*, store: Store, clickpost: ListsAccounts, clock: Clock, apply: bool) -> CourierComparison:
    """Compare the mapping with ClickPost's accounts; with `apply`, write the differences.

    Keeps the warnings either way. Raises VendorError; NotPossible where ClickPost lists no account at all.
    """
    answers = [await clickpost.fetch_accounts(active=True), await clickpost.fetch_accounts(active=False)]
    theirs = [account for answer in answers for account in answer]
    unread = sum(answer.unread for answer in answers)
    async with store.write() as session:
        configured = await couriers.every(session)
        if configured and not theirs:
            raise NotPossible("ClickPost lists no courier account at all: nothing is compared or changed")
        waiting = await couriers.accounts_waited_on(session)
        changes = [c for c in differences(configured, theirs) if not unread or c.change != VANISHED]
        written = [c.account for c in changes if c.written] if apply else []
        await couriers.put(session, written, now=clock())
        await record_saved(session, {a.transporter: a for a in configured}, written, now=clock())
        listed = {(a.courier_partner_id, a.courier_name, a.account_code) for a in theirs}
        await couriers.keep_listed(session, listed, now=clock())
        before = {w.key: w for w in await couriers.warnings(session)}
        found = find_warnings(configured, theirs, waiting, now=clock())
        if unread:  # an unread entry may be one that seems absent: keep such warnings as they were
            found = [w for w in found if w.kind not in _ABSENT or w.key in before]
        await couriers.keep_warnings(session, found)
        await _alarm(session, before.values(), found, now=clock())
    for warning in found:
        if warning.key not in before or before[warning.key].kind != warning.kind:
            _log(warning)
    return CourierComparison(changes=changes, warnings=found, applied=bool(written), unread=unread)


async def _alarm(
    session: Session, before: Iterable[CourierWarning], found: Sequence[CourierWarning], *, now: datetime
) -> None:
    """One alarm for each account in use. It is cleared once the account is active again or no longer used."""
    texts = {_cause(warning): warning.warning for warning in found}
    for cause, text in sorted(texts.items()):
        await alarms.raise_(session, cause, text, now=now)
    for cause in sorted({_cause(warning) for warning in before} - texts.keys()):
        await alarms.clear(session, cause, now=now)


def _cause(warning: CourierWarning) -> str:
    return AlarmCause.COURIER.of(account_key(warning.courier_partner_id, warning.account_code))


def unread_text(unread: int) -> str:
    """The problem text for accounts that could not be read."""
    return f"partly compared: {unread} of ClickPost's accounts could not be read; none counts as vanished"


async def sync_due(*, store: Store, clickpost: ListsAccounts, clock: Clock, every: timedelta) -> int:
    """Compare when it is due, once across all replicas. Never writes to the mapping. 0 when it is not due."""
    now = clock()
    async with store.write() as session:
        if not await couriers.begin_comparison(session, now=now, until=now + LEASE):
            return 0
    problem: str | None = None
    try:
        report = await sync_couriers(store=store, clickpost=clickpost, clock=clock, apply=False)
        if report.unread:
            problem = unread_text(report.unread)
    except (VendorError, NotPossible) as error:
        problem = str(error)
        log.warning("couriers.not_compared", problem=problem)
    async with store.write() as session:
        at = clock()
        next_at = at + (min(every, AGAIN_AFTER_FAILURE) if problem else every)
        await couriers.end_comparison(session, next_at=next_at, now=at, problem=problem)
    return 1


def differences(configured: Sequence[CourierAccount], theirs: Sequence[VendorAccount]) -> list[Change]:
    """What the mapping lacks or has in excess. Pure. A new account's transporter is named after its account code.

    A transporter that is switched off here stays off: an operator decided that.
    """
    listed = _by_key(theirs)
    known: dict[_Key, list[CourierAccount]] = {}
    for account in configured:
        known.setdefault(_key(account), []).append(account)
    names = {a.transporter for a in configured}
    changes: list[Change] = []
    for key, account in listed.items():
        for row in known.get(key, []):
            if row.active and not account.active:
                changes.append(Change(change=SWITCHED_OFF, account=dataclasses.replace(row, active=False)))
            elif account.active and not row.active:
                note = f"couriers set {row.transporter!r} --active switches it on"
                changes.append(Change(change=OFF_HERE, account=row, written=False, note=note))
        if key not in known:
            new = _new(account, names)
            names.add(new.transporter)
            changes.append(Change(change=NEW, account=new))
    gone = (row for key, rows in known.items() if key not in listed for row in rows if row.active)
    changes += [Change(change=VANISHED, account=dataclasses.replace(row, active=False)) for row in gone]
    return changes


def _by_key(theirs: Sequence[VendorAccount]) -> dict[_Key, VendorAccount]:
    """By account. An account that is listed twice is active if one entry is."""
    found: dict[_Key, VendorAccount] = {}
    for account in theirs:
        key = (account.courier_partner_id, account.account_code)
        if key not in found or account.active:
            found[key] = account
    return found


def _key(account: CourierAccount) -> _Key:
    return (account.courier_partner_id, account.account_code)


def _new(account: VendorAccount, names: set[str]) -> CourierAccount:
    name = account.account_code or account.courier_name
    if name in names:
        name = f"{name} ({account.courier_partner_id})"
    return CourierAccount(
        transporter=name,
        courier_partner_id=account.courier_partner_id,
        account_code=account.account_code,
        name=account.courier_name,
        active=account.active,
    )


def find_warnings(
    configured: Sequence[CourierAccount], theirs: Sequence[VendorAccount], waiting: Mapping[_Key, int], *, now: datetime
) -> list[CourierWarning]:
    """The accounts in use on which orders would fail. Pure. An account is in use if an active transporter maps to it,
    or shipments wait to be placed under it."""
    listed = _by_key(theirs)
    mapped = {_key(row) for row in configured}
    users: dict[_Key, list[str]] = {key: [] for key, count in waiting.items() if count and key[0]}
    for row in configured:
        if row.active:
            users.setdefault(_key(row), []).append(row.transporter)
    found: list[CourierWarning] = []
    for key, transporters in users.items():
        if (problem := _problem(key, listed, mapped)) is None:
            continue
        kind, text = problem
        count = waiting.get(key, 0)
        counted = f"{text}; {count} shipments wait under it" if count else text
        for name in transporters or [""]:
            courier, code = key[0], key[1] or ""
            warning = CourierWarning(
                courier_partner_id=courier,
                account_code=code,
                transporter=name,
                kind=kind,
                warning=counted,
                since_at=now,
            )
            found.append(warning)
    return found


def _problem(key: _Key, listed: Mapping[_Key, VendorAccount], mapped: set[_Key]) -> tuple[str, str] | None:
    courier, code = key
    account = listed.get(key)
    if account is not None:
        inactive = f"account {code} is inactive at ClickPost: orders fail with 353"
        return None if account.active else ("inactive", inactive)
    same_courier = [other for other in listed.values() if other.courier_partner_id == courier and other.active]
    if code is None:  # ClickPost takes the courier's only account
        if len(same_courier) == 1:
            return None
        if same_courier:
            several = f"courier {courier} has several accounts at ClickPost: orders without a code fail with 352"
            return "renamed", several
        return "vanished", f"courier {courier} has no active account at ClickPost: orders fail with 351"
    newcomers = [o.account_code for o in same_courier if (courier, o.account_code) not in mapped]
    if newcomers:
        names = ", ".join(newcomers)
        return "renamed", f"account {code} is no longer at ClickPost, but {names} is new: orders fail with 351"
    return "vanished", f"account {code} is no longer at ClickPost: orders fail with 351"


def _log(warning: CourierWarning) -> None:
    log.warning(
        "courier.flagged",
        kind=warning.kind,
        transporter=warning.transporter,
        courier_partner_id=warning.courier_partner_id,
        account_code=warning.account_code,
    )
