"""The page of courier accounts: the mapping, what holds an account, and declared downtimes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from awbridge.domain.couriers.downtime import DAYS, Downtime
from awbridge.domain.couriers.numbers import AccountNumbers
from awbridge.steps.orders.shipment_columns import courier_name
from awbridge.steps.polling.watch import coverage
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.couriers import accounts, couriers, downtimes
from awbridge.store.couriers import numbers as courier_numbers
from awbridge.store.couriers.accounts import Held
from awbridge.web.pages.page_route import PageRoute
from awbridge.web.pages.page_templates import PageTemplates


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceRow:
    """A courier account: its name, what it is held for (None if it is not), and how many shipments wait for that.

    `numbers`: how it performs. `webhook_share`: how much of its courier's scans came by webhook, 0 to 1.
    """

    name: str
    held: Held | None
    since_at: datetime | None
    waiting: int
    rate_per_second: float | None
    numbers: AccountNumbers | None
    webhook_share: float | None


def describe(downtime: Downtime) -> str:
    """When a downtime is, in words."""
    if downtime.starts is None or downtime.ends is None:
        return ""
    days = ", ".join(DAYS[day] for day in sorted(downtime.weekdays)) if len(downtime.weekdays) < len(DAYS) else ""
    return f"{days or 'every day'}, {downtime.starts:%H:%M} to {downtime.ends:%H:%M} ({downtime.zone})"


def routes(store: Store, clock: Clock, templates: PageTemplates) -> list[PageRoute]:
    """The routes, on this store."""

    async def list_couriers(_request: Request) -> Response:
        async with store.read() as session:
            every = await accounts.every(session)
            held = await accounts.held(session, now=clock())
            numbers = accounts.held_numbers(await accounts.count_unplaced(session, list(held)))
            mapping = await couriers.every(session)
            warnings = await couriers.warnings(session)
            comparison = await couriers.comparison(session)
            declared = await downtimes.open_ones(session, now=clock())
            measured = await courier_numbers.newest(session, now=clock())
        by_account = {numbers.account: numbers for numbers in (measured.accounts if measured else ())}
        covered = (await coverage(store=store, clock=clock, back=timedelta(days=1))).day
        rows = [
            PerformanceRow(
                name=courier_name(account.courier_partner_id, account.account_code),
                held=held.get(account.state.account),
                since_at=account.state.since_at,
                waiting=numbers.get(account.state.account, 0),
                rate_per_second=account.state.rate_per_second,
                numbers=by_account.get(account.state.account),
                webhook_share=covered[account.courier_partner_id].share
                if account.courier_partner_id in covered
                else None,
            )
            for account in every
        ]
        return templates.page(
            "couriers",
            measured=measured,
            accounts=sorted(rows, key=lambda row: (row.held is None, row.name)),
            mapping=[(m, courier_name(m.courier_partner_id, m.account_code)) for m in mapping],
            warnings=warnings,
            comparison=comparison,
            downtimes=[(d, courier_name(d.courier_partner_id, _code(d)), describe(d)) for d in declared],
        )

    return [PageRoute("/couriers", list_couriers)]


def _code(downtime: Downtime) -> str | None:
    return downtime.account.partition(":")[2] if downtime.account is not None else None
